"""Where the bytes of ended runs go."""

import os
from collections.abc import Sequence

import pytest

from impexd.inbox import archive
from impexd.store import journal
from tests.inbox.conftest import Place


async def put(place: Place, *ids: int, extras: Sequence[str] = archive.EXTRAS) -> None:
    async with place.desk.store.reading() as conn:
        rows = await journal.rows(conn, ids)
    await archive.put(place.desk, rows, extras=extras)


def scratch(place: Place, token: object, **files: bytes) -> None:
    folder = place.desk.folders.scratch_of(str(token))
    folder.mkdir()
    for name, data in files.items():
        (folder / name.replace("_", ".", 1)).write_bytes(data)


@pytest.mark.parametrize(
    ("state", "after", "room"),
    [
        ("applied", "archived", "archive"),
        ("duplicate", "duplicate", "archive"),
        ("rejected", "rejected", "failed"),
        ("failed", "failed", "failed"),
        ("cancelled", "cancelled", "failed"),
    ],
)
async def test_an_ended_run_has_its_bytes_under_its_day_and_number(
    both: Place, state: str, after: str, room: str
) -> None:
    both.drop("a.csv", b"rows")
    await both.take()
    await both.mark(1, state=state)
    both.clock.tick(86400)  # what counts is the day it came
    await put(both, 1)
    (run,) = await both.runs()
    where = f"{room}/2026-01-31/000001/a.csv"
    assert (run["state"], run["place"]) == (after, where)
    assert run["finished"] == "2026-02-01T08:00:00.000Z"
    assert (both.var / where).read_bytes() == b"rows"
    assert both.names("work") == []


async def test_report_and_rejects_lie_beside_the_bytes(place: Place) -> None:
    place.drop("a.csv")
    await place.take()
    (run,) = await place.runs()
    scratch(place, run["token"], report_json=b"{}", **{"a.rejects-1_csv": b"x", "stage_db": b"y"})
    await place.mark(1, state="applied")
    await put(place, 1)
    top = "2026-01-31/000001/"
    assert place.names("archive") == [top + "a.csv", top + "a.rejects-1.csv", top + "report.json"]
    assert os.listdir(place.var / "work") == []


async def test_a_drop_that_is_called_like_a_report_keeps_its_name(place: Place) -> None:
    place.drop("report.json", b"the drop")
    await place.take()
    (run,) = await place.runs()
    scratch(place, run["token"], report_json=b"the report")
    await place.mark(1, state="applied")
    await put(place, 1)
    folder = place.var / "archive/2026-01-31/000001"
    assert (folder / "report.json").read_bytes() == b"the drop"
    assert (folder / "run-report.json").read_bytes() == b"the report"


async def test_many_runs_are_put_away_together_and_twice_is_once(both: Place) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        both.drop(name, name.encode())
    await both.take()
    for id in (1, 2, 3):
        await both.mark(id, state="applied")
    async with both.desk.store.reading() as conn:
        rows = await journal.rows(conn, [1, 2, 3])
    await archive.put(both.desk, rows)
    once = await both.runs()
    await archive.put(both.desk, rows)
    assert await both.runs() == once
    assert len(both.names("archive")) == 3


async def test_a_number_that_was_used_before_a_restored_backup_is_not_written_over(
    place: Place,
) -> None:
    old = place.var / "archive/2026-01-31/000001"
    old.mkdir(parents=True)
    (old / "a.csv").write_bytes(b"of another time")
    place.drop("a.csv", b"rows")
    await place.take()
    await place.mark(1, state="applied")
    async with place.desk.store.reading() as conn:
        rows = await journal.rows(conn, [1])
    for _ in range(2):
        await archive.put(place.desk, rows)
        (run,) = await place.runs()
        assert (place.var / str(run["place"])).read_bytes() == b"rows"
    assert (old / "a.csv").read_bytes() == b"of another time"


async def test_bytes_that_are_nowhere_are_said_and_the_rows_are_safe(both: Place) -> None:
    both.drop("a.csv")
    await both.take()
    (run,) = await both.runs()
    both.desk.folders.bytes_of(str(run["token"])).unlink()
    await both.mark(1, state="applied")
    await put(both, 1)
    (run,) = await both.runs()
    assert (run["state"], run["place"], run["note"]) == ("archived", "", "bytes_missing")
