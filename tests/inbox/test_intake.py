"""One pass over an inbox: what is taken, what waits, what is refused."""

import fcntl
import hashlib
import io
import os
import stat
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from impexd.core.errors import Changed, WorldError
from impexd.inbox import examine, scan
from impexd.inbox.judge import Why
from impexd.model.group import Inbox
from impexd.model.problem import Code
from impexd.store import journal
from impexd.store.schema import run
from tests.inbox.conftest import Place

settling = pytest.mark.parametrize("rules", [Inbox(settle=2.0)], ids=["settle"])


def zipped(*, cut: int = 0) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv", "code\n1\n" * 100)
    data = made.getvalue()
    return data[: len(data) - cut]


async def test_a_dropped_file_becomes_a_run(both: Place) -> None:
    both.drop("a.csv", b"code\n1\n")
    taken = await both.take()
    (run,) = await both.runs()
    assert taken.claimed == both.jobs == [run["id"]]
    assert (run["state"], run["name"], run["group_name"]) == ("claimed", "a.csv", "products")
    assert run["sha256"] == hashlib.sha256(b"code\n1\n").hexdigest()
    assert (run["bytes"], run["raw_name"], run["config_hash"]) == (7, b"a.csv", "c" * 64)
    assert both.names("inbox") == []
    assert both.bytes_of(1, [run]) == b"code\n1\n"


async def test_claimed_bytes_cannot_be_written_to_by_name(place: Place) -> None:
    place.drop("a.csv")
    await place.take()
    (name,) = place.names("work")
    assert stat.S_IMODE((place.var / "work" / name).stat().st_mode) & 0o222 == 0


async def test_files_are_claimed_in_the_order_of_their_names(both: Place) -> None:
    for name in ("b.csv", "a.csv", "Z.csv", "a10.csv", "a9.csv"):
        both.drop(name)
    await both.take()
    order = ["Z.csv", "a.csv", "a10.csv", "a9.csv", "b.csv"]
    assert [name for name, _ in await both.states()] == order
    assert both.jobs == [1, 2, 3, 4, 5]


@settling
async def test_a_file_is_left_alone_until_it_kept_still(place: Place) -> None:
    place.drop("a.csv")
    first = await place.take()
    assert (first.claimed, first.waiting, first.settling) == ([], {b"a.csv": Why.SETTLING}, 2.0)
    place.clock.tick(1.5)
    place.drop("a.csv", b"code\n1\n2\n")
    second = await place.take()
    assert (second.claimed, second.settling) == ([], 2.0)
    place.clock.tick(1.5)
    assert (await place.take()).settling == 0.5
    place.clock.tick(0.5)
    third = await place.take()
    assert (third.claimed, third.waiting, third.settling) == ([1], {}, None)


@settling
@pytest.mark.parametrize("moment", [-86400, 4102444800])
async def test_files_of_1969_and_2100_settle_like_any_other(place: Place, moment: int) -> None:
    os.utime(place.drop("a.csv"), (moment, moment))
    assert (await place.settled()).claimed == [1]


async def test_a_writer_is_waited_for_and_then_its_file_is_taken(place: Place) -> None:
    place.drop("a.csv")
    with open(place.inbox / "a.csv", "ab") as writer:
        taken = await place.take()
        assert (taken.claimed, taken.waiting) == ([], {b"a.csv": Why.WRITER})
        writer.write(b"2\n")
    assert (await place.take()).claimed == [1]
    assert await place.states() == [("a.csv", "claimed")]
    assert place.bytes_of(1, await place.runs()) == b"code\n1\n2\n"


async def test_a_half_uploaded_zip_waits_and_is_taken_when_complete(place: Place) -> None:
    place.drop("a.zip", zipped(cut=40))
    for _ in range(3):
        assert (await place.take()).waiting == {b"a.zip": Why.END}
        place.clock.tick(1000)
    place.drop("a.zip", zipped())
    assert (await place.take()).claimed == [1]
    assert await place.states() == [("a.zip", "claimed")]


async def test_a_zip_that_stays_incomplete_fails_once(place: Place) -> None:
    place.drop("a.zip", zipped(cut=1))
    await place.take()
    place.clock.tick(3600)
    taken = await place.take()
    assert taken.refused[1].code == Code.INCOMPLETE
    assert place.drops("failed") == ["2026-01-31/000001/a.zip"]
    assert (await place.take()).refused == {}
    assert await place.states() == [("a.zip", "failed")]


@settling
async def test_a_zip_is_known_by_its_bytes_not_by_its_name(place: Place) -> None:
    place.drop("a.csv", zipped(cut=10))
    assert (await place.settled()).waiting == {b"a.csv": Why.END}
    place.drop("b.zip", b"MZ" + zipped())
    assert b"b.zip" not in (await place.settled()).waiting


@settling
async def test_a_companion_saves_the_waiting_and_goes_with_its_file(place: Place) -> None:
    place.drop("a.csv")
    place.drop("a.csv.ready", b"")
    assert (await place.take()).claimed == [1]
    assert place.names("inbox") == []
    assert len(place.names("work")) == 1
    place.drop("a.csv", b"the next one")
    assert (await place.take()).claimed == []


@settling
async def test_a_hash_beside_a_file_must_be_its_hash(place: Place) -> None:
    place.drop("a.csv", b"code\n1\n")
    place.drop("a.csv.sha256", hashlib.sha256(b"code\n1\n2\n").hexdigest().upper().encode())
    assert (await place.settled()).waiting == {b"a.csv": Why.END}
    place.drop("a.csv", b"code\n1\n2\n")
    assert (await place.take()).claimed == [1]
    assert place.names("inbox") == []


@pytest.mark.parametrize("said", [b"", b"ab", b"f" * 63, b"no hash at all" * 900])
async def test_an_unfinished_companion_says_nothing_yet(place: Place, said: bytes) -> None:
    place.drop("a.csv")
    place.drop("a.csv.sha256", said)
    assert (await place.take()).waiting == {b"a.csv": Why.END}


async def test_a_companion_may_have_a_file_name_behind_its_hash(place: Place) -> None:
    place.drop("a.csv", b"x")
    place.drop("a.csv.sha256", hashlib.sha256(b"x").hexdigest().encode() + b"  a.csv\n")
    assert (await place.take()).claimed == [1]


@pytest.mark.parametrize("rules", [Inbox(settle=0, companion=".done")], ids=["done"])
async def test_a_group_may_insist_on_a_companion_of_its_own(place: Place) -> None:
    place.drop("a.csv")
    place.drop("a.csv.ready", b"")
    assert (await place.take()).waiting == {b"a.csv": Why.END}
    place.drop("a.csv.done", b"")
    assert (await place.take()).claimed == [1]
    assert place.names("inbox") == ["products/a.csv.ready"]
    assert len(place.names("work")) == 1


@settling
async def test_an_empty_file_may_yet_be_filled(place: Place) -> None:
    place.drop("a.csv", b"")
    assert (await place.take()).refused == {}
    place.clock.tick(2)
    assert (await place.take()).refused[1].code == Code.EMPTY_FILE


async def test_the_same_file_again_is_a_duplicate(both: Place) -> None:
    both.drop("a.csv", b"x")
    await both.take()
    await both.mark(1, state="archived", place="archive/x")
    both.drop("a.csv", b"x")
    taken = await both.take()
    assert (taken.claimed, taken.duplicates) == ([], [2])
    assert both.jobs == [1]
    (_, second) = await both.runs()
    assert (second["state"], second["message"]) == ("duplicate", "the same bytes as run 1")
    assert both.drops("archive") == ["2026-01-31/000002/a.csv"]
    assert second["place"] == "archive/2026-01-31/000002/a.csv"


@pytest.mark.parametrize(
    "mark", [{"state": "undone"}, {"state": "rejected"}, {"state": "archived", "dry": True}]
)
async def test_bytes_whose_rows_are_not_in_the_tables_are_no_duplicate(
    both: Place, mark: dict[str, object]
) -> None:
    both.drop("a.csv", b"x")
    await both.take()
    await both.mark(1, place="somewhere", **mark)
    both.drop("a.csv", b"x")
    assert (await both.take()).claimed == [2]


async def test_the_same_bytes_under_another_name_are_another_drop(both: Place) -> None:
    both.drop("a.csv", b"x")
    await both.take()
    await both.mark(1, state="archived")
    both.drop("b.csv", b"x")
    assert (await both.take()).claimed == [2]


async def test_a_twin_claimed_while_the_first_was_under_way_is_found_before_it_is_applied(
    both: Place,
) -> None:
    for _ in range(2):
        both.drop("a.csv", b"x")
        await both.take()
    async with both.desk.store.reading() as conn:
        assert await journal.twin(conn, 2) is None
    await both.mark(1, state="applied")
    async with both.desk.store.reading() as conn:
        assert await journal.twin(conn, 2) == 1


async def test_the_same_name_with_other_bytes_is_two_runs(both: Place) -> None:
    both.drop("a.csv", b"one")
    await both.take()
    both.drop("a.csv", b"two")
    await both.take()
    rows = await both.runs()
    assert [row["state"] for row in rows] == ["claimed", "claimed"]
    assert [both.bytes_of(id, rows) for id in (1, 2)] == [b"one", b"two"]


async def test_bytes_written_after_the_claim_are_noticed(place: Place) -> None:
    place.drop("a.csv")
    await place.take()
    (run,) = await place.runs()
    claimed = place.desk.folders.bytes_of(str(run["token"]))
    sha256 = str(run["sha256"])
    examine.intact(claimed, sha256=sha256, size=7)
    os.chmod(claimed, 0o600)
    with open(claimed, "r+b") as late:  # a producer that kept its file open can do the same
        with pytest.raises(Changed):
            examine.intact(claimed, sha256=sha256, size=7)
        late.write(b"CODE")
    with pytest.raises(Changed):
        examine.intact(claimed, sha256=sha256, size=7)
    claimed.unlink()
    with pytest.raises(Changed):
        examine.intact(claimed, sha256=sha256, size=7)


async def test_a_longest_name_goes_all_the_way(place: Place) -> None:
    name = "n" * 251 + ".csv"
    place.drop(name)
    await place.take()
    await place.mark(1, state="archived")
    place.drop(name)
    assert (await place.take()).duplicates == [2]
    assert place.drops("archive") == [f"2026-01-31/000002/{name}"]


async def test_a_name_of_wild_bytes_is_refused_and_keeps_its_bytes(both: Place) -> None:
    both.drop(b"latin\xe9\n.csv", b"x")
    both.drop("good.csv")
    taken = await both.take()
    assert taken.refused[2].code == Code.BAD_NAME
    assert taken.claimed == [1]
    assert both.drops("failed") == ["2026-01-31/000002/source"]
    (_, bad) = await both.runs()
    assert bad["raw_name"] == b"latin\xe9\n.csv"
    assert str(bad["name"]).isprintable()


async def test_what_cannot_be_read_is_refused(place: Place) -> None:
    os.chmod(place.drop("a.csv"), 0)
    if os.geteuid() == 0:  # root reads everything
        (fault,) = judged_by_nobody(place.inbox)
        assert fault == Code.UNREADABLE
    else:
        assert (await place.take()).refused[1].code == Code.UNREADABLE


def judged_by_nobody(inbox: Path) -> list[str]:
    """Judge an inbox as a user who owns nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            from impexd.core import durable
            from impexd.inbox import judge, scan
            from impexd.inbox.settle import Watched

            with durable.opened(inbox) as folder:
                os.setgid(65534)
                os.setuid(65534)
                (one,) = scan.look(folder, largest=9).candidates
                judged = judge.judge(
                    folder,
                    one,
                    Watched(one.seen, 0),
                    companions=frozenset(),
                    rules=Inbox(settle=0),
                    at=0,
                )
                if judged and judged.fault:
                    os.write(writing, judged.fault.code.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        code = answer.read()
    os.waitpid(child, 0)
    return [code]


async def test_a_file_that_goes_before_the_claim_is_no_error(place: Place) -> None:
    first, second = place.drop("a.csv"), place.drop("b.csv")
    begin = journal.begin

    async def late(tx: object, intents: object, *, node: int, at: object) -> list[int]:
        first.unlink()
        return await begin(tx, intents, node=node, at=at)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "begin", late)
        taken = await place.take()
    assert (taken.claimed, taken.refused) == ([2], {})
    assert await place.states() == [("a.csv", "void"), ("b.csv", "claimed")]
    assert not second.exists()


async def test_a_file_replaced_between_look_and_claim_goes_back_and_is_taken_next(
    place: Place,
) -> None:
    place.drop("a.csv", b"old")
    begin = journal.begin

    async def late(tx: object, intents: object, *, node: int, at: object) -> list[int]:
        place.drop("new", b"newer")
        os.replace(place.inbox / "new", place.inbox / "a.csv")
        return await begin(tx, intents, node=node, at=at)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "begin", late)
        assert (await place.take()).claimed == []
    assert (place.inbox / "a.csv").read_bytes() == b"newer"
    (place.inbox / "a.csv").write_bytes(b"newest")
    assert (await place.take()).claimed == [2]
    assert await place.states() == [("a.csv", "void"), ("a.csv", "claimed")]


async def test_a_file_given_back_does_not_replace_a_newer_one(place: Place) -> None:
    path = place.drop("a.csv", b"old")
    begin, rename = journal.begin, os.rename

    async def late(tx: object, intents: object, *, node: int, at: object) -> list[int]:
        path.write_bytes(b"older, grown")
        return await begin(tx, intents, node=node, at=at)  # type: ignore[arg-type]

    def renamed(*args: object, **kwargs: object) -> None:
        rename(*args, **kwargs)  # type: ignore[arg-type]
        if not path.exists():
            path.write_bytes(b"new")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "begin", late)
        patch.setattr(os, "rename", renamed)
        await place.take()
    assert path.read_bytes() == b"new"
    assert (place.inbox / "a.csv-1.recovered").read_bytes() == b"older, grown"
    assert (await place.take()).claimed == [2]


async def test_an_inbox_that_is_gone_is_said_in_words_and_recovers_alone(place: Place) -> None:
    place.inbox.rmdir()
    with pytest.raises(WorldError, match="inbox of products"):
        await place.take()
    place.inbox.mkdir()
    place.drop("a.csv")
    assert (await place.take()).claimed == [1]


async def test_one_that_may_not_be_moved_is_refused_once_and_stays(place: Place) -> None:
    path = place.drop("a.csv")
    place.drop("b.csv")
    try:
        immutable(path, on=True)
    except OSError:
        return  # a file system, or a user, without such flags
    try:
        taken = await place.take()
        assert taken.refused[1].code == Code.UNREADABLE
        assert taken.claimed == [2]
        place.desk.watched.clear()
        again = await place.take()
        assert (again.refused, again.claimed) == ({}, [])
        assert path.read_bytes() == b"code\n1\n"
    finally:
        immutable(path, on=False)


def immutable(path: Path, *, on: bool) -> None:
    """Set or clear the immutable flag (chattr +i)."""
    get, put, flag = 0x80086601, 0x40086602, 0x10
    with open(path, "rb") as file:
        (flags,) = memoryview(fcntl.ioctl(file, get, bytes(8))).cast("l")
        flags = flags | flag if on else flags & ~flag
        fcntl.ioctl(file, put, int(flags).to_bytes(8, sys.byteorder))


async def test_what_failed_in_the_middle_is_ended_by_the_next_pass(place: Place) -> None:
    place.drop("a.csv")
    real = place.desk.enqueue

    async def broken(*_: object) -> None:
        raise WorldError("the database went away")

    with pytest.raises(WorldError):
        object.__setattr__(place.desk, "enqueue", broken)
        await place.take()
    assert await place.states() == [("a.csv", "claiming")]
    object.__setattr__(place.desk, "enqueue", real)
    place.drop("b.csv")
    assert (await place.take()).claimed == [1, 2]
    assert place.jobs == [1, 2]


async def test_nothing_new_is_taken_when_the_disk_is_nearly_full(place: Place) -> None:
    place.drop("a.csv")
    full = replace(place, desk=replace(place.desk, reserve=1 << 60))
    with pytest.raises(WorldError, match="nothing new is taken"):
        await full.take()
    assert await place.runs() == []
    assert (await place.take()).claimed == [1]


async def test_what_one_look_does_not_see_the_next_pass_does(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        place.drop(name)
    monkeypatch.setattr(scan, "MOST", 2)
    first = await place.take()
    assert (first.claimed, first.settling) == ([1, 2], 0.0)
    second = await place.take()
    assert (second.claimed, second.settling) == ([3], None)


async def test_thousands_of_small_files_are_taken_in_one_pass(place: Place) -> None:
    files = 5000
    for number in range(files):
        place.drop(f"m{number:07d}.csv", b"code\n%d\n" % number)
    start = time.perf_counter()
    taken = await place.take()
    spent = time.perf_counter() - start
    print(f"\n{files} files claimed in {spent:.2f} s: {files / spent:.0f} files/s")
    assert taken.claimed == place.jobs == list(range(1, files + 1))
    assert place.names("inbox") == []
    assert len(place.names("work")) == files


async def test_the_search_for_the_same_bytes_does_not_grow_with_what_was_imported(
    place: Place,
) -> None:
    if place.desk.store.dialect != "sqlite":  # which keeps no statistics that would tell it
        return
    query = journal.TWINS.where(run.c.id.in_([1, 2])).compile(
        compile_kwargs={"literal_binds": True}
    )
    async with place.desk.store.reading() as conn:
        steps = (await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")).scalars("detail").all()
    searches = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
    assert ["name=?" in step or "rowid=?" in step for step in searches] == [True, True], steps
