"""Every row of the recovery table, on both engines; and starts that are killed themselves."""

from pathlib import Path

import pytest

from impexd.inbox import recover
from impexd.inbox.recover import Action
from impexd.model.run import State
from impexd.store import journal
from impexd.store.journal import Intent, Row
from tests.inbox.conftest import Place

TOKEN = "a" * 32


async def journalled(place: Place, path: Path | None, **values: object) -> int:
    """A run whose file is (or was) in the inbox, claimed as far as `values` say."""
    seen = path.stat() if path else place.inbox.stat()
    intent = Intent(
        TOKEN,
        "products",
        path.name.encode() if path else b"a.csv",
        dev=seen.st_dev,
        inode=seen.st_ino,
        size=seen.st_size,
        mtime_ns=seen.st_mtime_ns,
        origin=str(values.pop("origin", "inbox")),
    )
    async with place.desk.store.writing() as tx:
        (id,) = await journal.begin(tx, [intent], node=1, at=place.clock.now())
    if values:
        await place.mark(id, **values)
    return id


def to_work(place: Place, path: Path) -> Path:
    return path.rename(place.var / "work" / TOKEN)


async def state(place: Place) -> object:
    (run,) = await place.runs()
    return run["state"]


async def test_claiming_and_not_moved_is_void_and_the_file_is_seen_again(both: Place) -> None:
    await journalled(both, both.drop("a.csv"))
    await both.restart()
    assert await both.states() == [("a.csv", "void")]
    assert (await both.take()).claimed == [2]


async def test_claiming_and_gone_is_void(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path)
    path.unlink()
    await both.restart()
    assert await both.states() == [("a.csv", "void")]
    assert both.jobs == []


async def test_claiming_and_moved_is_claimed(both: Place) -> None:
    path = both.drop("a.csv", b"rows")
    await journalled(both, path)
    to_work(both, path)
    await both.restart()
    rows = await both.runs()
    assert rows[0]["state"] == "claimed"
    assert both.jobs == [1]
    assert both.bytes_of(1, rows) == b"rows"


async def test_claiming_and_shown_under_both_names_is_claimed_once(both: Place) -> None:
    path = both.drop("a.csv", b"rows")
    await journalled(both, path)
    (both.var / "work" / TOKEN).hardlink_to(path)  # what btrfs may show after a power cut
    await both.restart()
    assert await both.states() == [("a.csv", "claimed")]
    assert both.names("inbox") == []
    assert (await both.take()).claimed == []


async def test_claiming_moved_and_still_written_to_goes_back(both: Place) -> None:
    path = both.drop("a.csv", b"rows")
    await journalled(both, path)
    with open(to_work(both, path), "ab"):
        await both.restart()
    assert await both.states() == [("a.csv", "void")]
    assert path.read_bytes() == b"rows"


async def test_claiming_and_to_be_refused_is_failed(both: Place) -> None:
    path = both.drop("a.csv", b"")
    await journalled(both, path, code="empty_file", message="it is empty")
    to_work(both, path)
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["code"]) == ("failed", "empty_file")
    assert both.drops("failed") == ["2026-01-31/000001/a.csv"]


async def test_a_companion_taken_for_a_file_that_was_not_goes_back(both: Place) -> None:
    await journalled(both, both.drop("a.csv"))
    (both.var / "work" / f"{TOKEN}.with.ready").touch()
    await both.restart()
    assert both.names("inbox") == ["products/a.csv", "products/a.csv.ready"]
    assert both.names("work") == []


async def test_a_companion_left_by_a_claim_that_ended_is_removed(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state="claimed", sha256="0" * 64)
    to_work(both, path)
    (both.var / "work" / f"{TOKEN}.with.ready").touch()
    await both.restart()
    assert both.names("work") == [TOKEN]


async def test_half_a_copy_is_forgotten(both: Place) -> None:
    await journalled(both, both.drop("a.csv", b"rows"))
    (both.var / "work" / f"{TOKEN}.part").write_bytes(b"ro")
    await both.restart()
    assert await both.states() == [("a.csv", "void")]
    assert both.names("work") == []
    assert both.names("inbox") == ["products/a.csv"]


@pytest.mark.parametrize("name", [TOKEN, f"{TOKEN}.part"])
async def test_a_journalled_copy_lets_its_original_go(both: Place, name: str) -> None:
    await journalled(both, both.drop("a.csv", b"rows"), sha256="0" * 64)
    (both.var / "work" / name).write_bytes(b"rows")
    await both.restart()
    assert await state(both) == "claimed"
    assert both.names("inbox") == []
    assert both.names("work") == [TOKEN]


@pytest.mark.parametrize("name", [TOKEN, f"{TOKEN}.part"])
async def test_an_adoption_cut_short_is_void(both: Place, name: str) -> None:
    await journalled(both, None, origin="command")
    (both.var / "work" / name).write_bytes(b"rows")
    await both.restart()
    assert await both.states() == [("a.csv", "void")]
    assert both.names("work") == both.jobs == []


async def test_claimed_has_a_job(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state="claimed")
    to_work(both, path)
    for _ in range(2):
        await both.restart()
    assert both.jobs == [1, 1]  # whoever takes jobs sees to it that there is one
    assert await state(both) == "claimed"


@pytest.mark.parametrize("before", ["claimed", "staging", "applying", "held"])
async def test_bytes_that_vanished_are_an_alarm_and_never_void(both: Place, before: str) -> None:
    await journalled(both, None, state=before)
    for _ in range(2):
        await both.restart()
        (run,) = await both.runs()
        assert (run["state"], run["code"]) == ("held", "vanished")
    assert both.jobs == []


@pytest.mark.parametrize("before", ["staging", "applying"])
async def test_a_run_whose_worker_died_begins_again(both: Place, before: str) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state=before, attempt=4)
    to_work(both, path)
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["attempt"], run["crashes"]) == ("claimed", 5, 1)
    assert both.jobs == [1]


async def test_a_run_during_which_the_daemon_keeps_dying_is_held(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state="claimed")
    to_work(both, path)
    await both.mark(1, state="staging", crashes=recover.CRASHES - 2)
    await both.restart()
    assert await state(both) == "claimed"
    await both.mark(1, state="staging")
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["code"], run["crashes"]) == ("held", "poison", recover.CRASHES)
    assert both.jobs == [1]


async def test_held_waits_for_a_person(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state="held", code="guard")
    to_work(both, path)
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["code"]) == ("held", "guard")
    assert both.jobs == []


@pytest.mark.parametrize("bytes_there", [True, False])
async def test_a_dry_run_ends_with_its_plan(both: Place, bytes_there: bool) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state="planned", dry=True)
    if bytes_there:
        to_work(both, path)
    await both.restart()
    assert await state(both) == "planned"


ENDED = [
    ("applied", "archived", "archive"),
    ("rejected", "rejected", "failed"),
    ("duplicate", "duplicate", "archive"),
    ("failed", "failed", "failed"),
    ("cancelled", "cancelled", "failed"),
]


@pytest.mark.parametrize("before", ["applied", "planned", "rejected", "cancelled"])
async def test_ended_before_its_report_was_written_is_carried_on_by_its_job(
    both: Place, before: str
) -> None:
    path = both.drop("a.csv", b"rows")
    await journalled(both, path, state=before)
    to_work(both, path)
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["place"], both.jobs) == (before, None, [1])
    assert both.names("work") == [TOKEN]


@pytest.mark.parametrize(
    ("before", "after", "room"), [one for one in ENDED if one[0] in ("duplicate", "failed")]
)
async def test_ended_with_bytes_in_work_is_put_away(
    both: Place, before: str, after: str, room: str
) -> None:
    path = both.drop("a.csv", b"rows")
    await journalled(both, path, state=before)
    to_work(both, path)
    await both.restart()
    (run,) = await both.runs()
    assert run["state"] == after
    assert (both.var / str(run["place"])).read_bytes() == b"rows"
    assert both.names("work") == []


@pytest.mark.parametrize(("before", "after", "room"), ENDED)
async def test_ended_and_put_away_but_not_journalled_is_journalled(
    both: Place, before: str, after: str, room: str
) -> None:
    await journalled(both, None, state=before)
    there = both.var / room / "2026-01-31/000001"
    there.mkdir(parents=True)
    (there / "a.csv").write_bytes(b"rows")
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["place"], run["note"]) == (
        after,
        f"{room}/2026-01-31/000001/a.csv",
        None,
    )


async def test_applied_with_its_bytes_nowhere_is_archived_and_said(both: Place) -> None:
    await journalled(both, None, state="applied")
    await both.restart()
    (run,) = await both.runs()
    assert (run["state"], run["note"]) == ("archived", "bytes_missing")


async def test_bytes_of_no_run_are_set_aside(both: Place) -> None:
    (both.var / "work" / TOKEN).write_bytes(b"rows")
    (both.var / "work" / ("b" * 32 + ".part")).write_bytes(b"half")
    (both.var / "work" / ("c" * 32 + ".d")).mkdir()
    (both.var / "work" / "notes.txt").touch()
    recovered = await both.restart()
    assert recovered.orphans == [TOKEN]
    assert both.names("failed") == [f"orphans/{TOKEN}.recovered"]
    assert [path.name for path in (both.var / "work").iterdir()] == ["notes.txt"]


async def test_scratch_of_a_run_that_goes_on_is_left(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path, state="held")
    to_work(both, path)
    both.desk.folders.scratch_of(TOKEN).mkdir()
    await both.restart()
    assert both.desk.folders.scratch_of(TOKEN).is_dir()


async def test_a_claim_of_a_group_without_its_inbox_goes_on(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path)
    to_work(both, path)
    both.inbox.rmdir()
    await both.restart()
    assert await state(both) == "claimed"


async def test_a_claim_of_a_group_that_is_configured_no_more_goes_on(both: Place) -> None:
    path = both.drop("a.csv")
    await journalled(both, path)
    to_work(both, path)
    await recover.everything(both.desk, [])
    assert await state(both) == "claimed"


async def test_a_start_with_nothing_to_do_does_nothing(both: Place) -> None:
    recovered = await both.restart()
    assert (dict(recovered.runs), recovered.orphans) == ({}, [])


def row(state: State, **values: object) -> Row:
    fields: dict[str, object] = dict.fromkeys(Row.__slots__)
    fields |= {"state": state, "origin": "inbox", "crashes": 0, "dry": False} | values
    return Row(**fields)  # type: ignore[arg-type]


def test_every_state_has_its_action() -> None:
    table = {
        (state, present): recover.decide(row(state), present=present)
        for state in State
        for present in (True, False)
    }
    assert {key for key, action in table.items() if action is Action.LEAVE} == {
        (State.HELD, True),
        *(
            (state, there)
            for state in (State.VOID, State.ARCHIVED, State.UNDONE)
            for there in (True, False)
        ),
    }
