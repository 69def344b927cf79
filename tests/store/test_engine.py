"""The store keeps its word on both engines, whatever is cancelled, broken or in the way."""

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import Unreachable, Unsafe, UsageError, WorldError
from impexd.store import engine, errors, postgres, sqlite
from impexd.store.again import TRIES, again
from impexd.store.engine import Store
from tests.clock import FakeClock

COUNT = text("SELECT count(*) FROM config")
FOREVER = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(600)",
}


async def put(tx: AsyncConnection, name: str) -> None:
    await tx.execute(text("INSERT INTO config VALUES (:name, '', '')"), {"name": name})


async def count(store: Store) -> int:
    async with store.reading() as conn:
        found = await conn.scalar(COUNT)
    assert isinstance(found, int)
    return found


@pytest.fixture
async def file(sqlite_url: str) -> AsyncIterator[Store]:
    """An open store on SQLite."""
    async with engine.opened(sqlite_url) as opened:
        yield opened


# transactions


async def test_a_block_that_ends_well_is_committed(store: Store) -> None:
    async with store.writing() as tx:
        await put(tx, "a")
    assert await count(store) == 1


async def test_a_block_that_fails_changes_nothing(store: Store) -> None:
    with pytest.raises(KeyError):
        async with store.writing() as tx:
            await put(tx, "a")
            raise KeyError
    assert await count(store) == 0


async def test_a_savepoint_rolls_back_alone(store: Store) -> None:
    async with store.writing() as tx:
        await put(tx, "a")
        with pytest.raises(IntegrityError):
            async with tx.begin_nested():
                await put(tx, "a")
        await put(tx, "b")
    assert await count(store) == 2


async def test_a_reader_sees_one_moment(store: Store) -> None:
    async with store.reading() as conn:
        assert await conn.scalar(COUNT) == 0
        async with store.writing() as tx:
            await put(tx, "a")
        assert await conn.scalar(COUNT) == 0
    assert await count(store) == 1


async def test_a_reader_that_writes_is_a_bug_and_not_the_world(store: Store) -> None:
    with pytest.raises(DBAPIError):
        async with store.reading() as conn:
            await put(conn, "a")
    assert await count(store) == 0


async def test_what_waits_for_the_commit_is_called_after_it(store: Store) -> None:
    seen: list[str] = []
    async with store.writing() as tx:
        store.after_commit(tx, lambda: seen.append("committed"))
        assert seen == []
    with pytest.raises(KeyError):
        async with store.writing() as tx:
            store.after_commit(tx, lambda: seen.append("never"))
            raise KeyError
    async with store.alone() as conn:
        store.after_commit(conn, lambda: seen.append("alone"))
    assert seen == ["committed", "alone"]


async def test_a_transaction_inside_a_transaction_is_refused_and_does_not_hang(
    store: Store,
) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        async with store.writing() as tx:
            await put(tx, "a")
            async with store.alone():
                pass
    async with store.writing() as tx:
        await put(tx, "b")
    assert await count(store) == 1


async def test_writers_queue_in_order_on_sqlite(file: Store) -> None:
    order: list[int] = []

    async def write(n: int) -> None:
        async with file.writing() as tx:
            await put(tx, str(n))
            order.append(n)

    async with anyio.create_task_group() as tasks, file.writing() as tx:
        for n in range(5):
            tasks.start_soon(write, n)
            await anyio.wait_all_tasks_blocked()
        await put(tx, "first")
        assert order == []
    assert order == [0, 1, 2, 3, 4]


async def test_closing_leaves_one_file_and_no_thread(sqlite_url: str) -> None:
    before = set(threading.enumerate())
    async with engine.opened(sqlite_url) as store:
        async with store.writing() as tx:
            await put(tx, "a")
        await count(store)
        folder = store.path.parent if store.path else Path()
    assert [path.name for path in folder.glob("impexd.db*")] == ["impexd.db"]
    for thread in set(threading.enumerate()) - before:
        if "AnyIO" not in thread.name:
            thread.join(5)
            assert not thread.is_alive(), thread


# cancellation


async def test_300_cancelled_writers_leave_no_transaction_and_no_half(store: Store) -> None:
    chance = random.Random(300)

    async def pair(n: int) -> None:
        async with store.writing() as tx:
            await put(tx, f"{n}a")
            await put(tx, f"{n}b")

    for wave in range(30):
        tasks = [asyncio.create_task(pair(wave * 10 + n)) for n in range(10)]
        for task in tasks:
            await asyncio.sleep(chance.choice((0, 0.0005, 0.002, 0.02)))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with anyio.fail_after(5):
        async with store.writing() as tx:
            await put(tx, "last")
    async with store.reading() as conn:
        halves = "SELECT substr(hash, 1, length(hash) - 1) AS n, count(*) FROM config"
        rows = (await conn.execute(text(f"{halves} WHERE hash <> 'last' GROUP BY 1"))).all()
    assert all(found == 2 for _, found in rows)
    assert 0 < len(rows) < 300


async def test_scopes_that_time_out_leave_no_transaction(store: Store) -> None:
    for n in range(60):
        with anyio.move_on_after(n / 10_000):
            async with store.writing() as tx:
                await put(tx, f"{n}a")
                await put(tx, f"{n}b")
    with anyio.fail_after(5):
        async with store.writing() as tx:
            await put(tx, "last")
    assert await count(store) % 2 == 1


@pytest.mark.parametrize("way", ["writing", "reading", "alone"])
async def test_a_cancelled_statement_ends_at_once(store: Store, way: str) -> None:
    started = time.monotonic()
    with anyio.move_on_after(0.1) as scope:
        async with getattr(store, way)() as conn:
            await conn.execute(text(FOREVER[store.dialect]))
    async with store.writing() as tx:
        await put(tx, "a")
    assert scope.cancelled_caught
    assert time.monotonic() - started < 3
    assert await count(store) == 1


# alone


async def attached(store: Store) -> list[str]:
    async with store.alone() as conn:
        return [row[1] for row in (await conn.exec_driver_sql("PRAGMA database_list")).all()]


async def test_alone_attaches_a_stage_and_merges_it_in_one_transaction(
    file: Store, tmp_path: Path
) -> None:
    stage = tmp_path / "stage.db"
    with sqlite3.connect(stage) as other:
        other.execute("CREATE TABLE s (a)")
        other.execute("INSERT INTO s VALUES ('x'), ('y')")
    other.close()
    async with file.alone() as conn:
        await conn.exec_driver_sql("ATTACH ? AS stage", (str(stage),))
        await conn.exec_driver_sql("BEGIN IMMEDIATE")
        await conn.exec_driver_sql("INSERT INTO config SELECT a, '', '' FROM stage.s")
        await conn.exec_driver_sql("COMMIT")
        await conn.exec_driver_sql("DETACH stage")
    assert await count(file) == 2


@pytest.mark.parametrize("end", ["leaves", "raises", "is cancelled"])
async def test_alone_leaves_neither_a_transaction_nor_an_attached_file(
    file: Store, tmp_path: Path, end: str
) -> None:
    with anyio.CancelScope() as scope:
        try:
            async with file.alone() as conn:
                await conn.exec_driver_sql("ATTACH ? AS stage", (str(tmp_path / "stage.db"),))
                await conn.exec_driver_sql("BEGIN IMMEDIATE")
                await put(conn, "a")
                if end == "raises":
                    raise KeyError
                if end == "is cancelled":
                    scope.cancel()
                    await anyio.sleep(0)
        except KeyError:
            assert end == "raises"
    assert await attached(file) == ["main"]
    assert await count(file) == 0
    async with file.writing() as tx:
        await put(tx, "b")
    assert await count(file) == 1


async def test_alone_is_a_bare_connection_on_postgresql(postgres_url: str) -> None:
    async with engine.opened(postgres_url) as store:
        async with store.alone() as conn:
            await conn.exec_driver_sql("BEGIN")
            await put(conn, "a")
            await conn.exec_driver_sql("COMMIT")
            await conn.exec_driver_sql("BEGIN")
            await put(conn, "b")
        assert await count(store) == 1


# what the database says


async def test_a_database_held_by_another_process_is_contended(file: Store) -> None:
    other = sqlite3.connect(file.path or "", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.Contended, match="locked") as caught:
            async with file.alone() as conn:
                await conn.exec_driver_sql("PRAGMA busy_timeout=10")
                await conn.exec_driver_sql("BEGIN IMMEDIATE")
        assert caught.value.passing
        assert caught.value.hint
    finally:
        other.close()
    async with file.writing() as tx:
        assert await tx.scalar(text("PRAGMA busy_timeout")) == 10_000


async def test_a_full_disk_is_full_and_passes(file: Store) -> None:
    with pytest.raises(errors.Full) as caught:
        async with file.alone() as conn:
            await conn.exec_driver_sql("PRAGMA max_page_count=1")
            await conn.execute(text("CREATE TABLE big AS SELECT randomblob(1000000) AS a"))
    assert caught.value.passing
    async with file.writing() as tx:
        await put(tx, "a")
    assert await count(file) == 1


async def test_a_deadlock_is_contended_and_one_of_two_wins(postgres_url: str) -> None:
    async with engine.opened(postgres_url) as store:
        async with store.writing() as tx:
            await put(tx, "a")
            await put(tx, "b")
        met = [asyncio.Event(), asyncio.Event()]

        async def cross(first: str, then: str, me: int) -> None:
            async with store.writing() as tx:
                await tx.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
                await tx.execute(text("UPDATE config SET at = '1' WHERE hash = :h"), {"h": first})
                met[me].set()
                await met[1 - me].wait()
                await tx.execute(text("UPDATE config SET at = '2' WHERE hash = :h"), {"h": then})

        results = await asyncio.gather(
            cross("a", "b", 0), cross("b", "a", 1), return_exceptions=True
        )
    assert sorted(type(result).__name__ for result in results) == ["Contended", "NoneType"]


async def test_a_connection_that_the_server_ends_is_unreachable_and_replaced(
    postgres_url: str,
) -> None:
    async with engine.opened(postgres_url) as store:
        with pytest.raises(Unreachable) as caught:
            async with store.writing() as tx:
                pid = await tx.scalar(text("SELECT pg_backend_pid()"))
                with psycopg.connect(postgres_url, autocommit=True) as admin:
                    admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
                await put(tx, "a")
        assert caught.value.passing
        async with store.writing() as tx:
            await put(tx, "b")
        assert await count(store) == 1


async def test_a_broken_rule_goes_up_as_it_is(store: Store) -> None:
    with pytest.raises(IntegrityError):
        async with store.writing() as tx:
            await put(tx, "a")
            await put(tx, "a")


async def test_no_value_of_a_row_stands_in_the_message(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with store.writing() as tx:
            await tx.execute(text("SELECT nothing(:secret)"), {"secret": "s3cret"})
    assert "s3cret" not in str(caught.value)


async def test_again_repeats_the_whole_transaction(store: Store, clock: FakeClock) -> None:
    turns = 0

    async def work(tx: AsyncConnection) -> int:
        nonlocal turns
        turns += 1
        await put(tx, "a")
        if turns < 4:
            raise errors.Contended
        return turns

    assert await again(store, work, clock=clock, sleep=clock.sleep) == 4
    assert await count(store) == 1
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == 3


async def test_again_gives_up_in_the_end(store: Store, clock: FakeClock) -> None:
    async def work(tx: AsyncConnection) -> None:
        await put(tx, "a")
        raise errors.Contended

    with pytest.raises(errors.Contended):
        await again(store, work, clock=clock, sleep=clock.sleep)
    assert len(clock.slept) == TRIES - 1
    assert await count(store) == 0


# refusing to start


async def refused(url: str, match: str, **more: bool) -> None:
    with pytest.raises(Unsafe, match=match) as caught:
        async with engine.opened(url, **more):
            pass
    assert caught.value.hint


async def test_every_connection_has_the_settings(file: Store) -> None:
    async with file.writing() as tx:
        for name, _, answer in sqlite.SETTINGS:
            assert await tx.scalar(text(f"PRAGMA {name}")) == answer
    async with file.reading() as conn:
        for name, _, answer in sqlite.READER:
            assert await conn.scalar(text(f"PRAGMA {name}")) == answer
        assert await conn.scalar(text("PRAGMA query_only")) == 1


def test_a_setting_that_does_not_hold_is_named() -> None:
    found = {name: answer for name, _, answer in sqlite.SETTINGS} | {"synchronous": 1}
    assert sqlite.missing(sqlite.SETTINGS, found) == ["synchronous is 1, not FULL"]
    with pytest.raises(Unsafe, match="synchronous is 1"):
        sqlite.refuse(sqlite.missing(sqlite.SETTINGS, found))


def test_a_server_that_loses_commits_is_named() -> None:
    good = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "local"}
    assert postgres.unsafe(good) == []
    assert postgres.unsafe(good | {"fsync": "off"}) == ["fsync = off"]


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    await refused(f"sqlite:///{tmp_path}/no/impexd.db", "no folder")
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    await refused(f"sqlite:///{tmp_path}", "no regular file")


async def test_another_kind_of_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "impexd.db"
    path.write_bytes(b"PK\x03\x04" * 2000)
    await refused(f"sqlite:///{path}", "no SQLite database")
    assert path.read_bytes() == b"PK\x03\x04" * 2000


@pytest.mark.parametrize("rubbish", [b"\x00", b"\xff", b"\x0d\x00"])
async def test_a_corrupt_page_is_found_at_start_and_left(
    tmp_path: Path, sqlite_url: str, rubbish: bytes
) -> None:
    async with engine.opened(sqlite_url) as store, store.writing() as tx:
        for n in range(500):
            await put(tx, f"{n:064}")
    path = tmp_path / "impexd.db"
    content = bytearray(path.read_bytes())
    for page in range(len(content) // 4096 - 8, len(content) // 4096 - 4):
        content[page * 4096 : (page + 1) * 4096] = (rubbish * 4096)[:4096]
    path.write_bytes(content)
    await refused(sqlite_url, "corrupt")
    assert path.read_bytes() == bytes(content)


async def test_a_truncated_file_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    path = tmp_path / "impexd.db"
    path.write_bytes(path.read_bytes()[:9000])
    await refused(sqlite_url, "corrupt")


async def test_an_odd_path_is_only_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "a b?mode=memory#%41 ü"
    folder.mkdir()
    async with engine.opened(f"sqlite:///{folder}/impexd.db") as store, store.writing() as tx:
        await tx.execute(text("CREATE TABLE t (a)"))
    assert (folder / "impexd.db").stat().st_size > 0


async def test_a_server_that_may_lose_commits_is_refused_unless_allowed(
    postgres_url: str,
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {admin.info.dbname} SET synchronous_commit = off")
    await refused(postgres_url, "synchronous_commit = off")
    async with engine.opened(postgres_url, allow_unsafe_durability=True) as store:
        assert await count(store) == 0


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        async with engine.opened("postgresql://me:s3cret@127.0.0.1:1/impexd"):
            pass
    assert isinstance(caught.value, WorldError)
    assert "store.url" in caught.value.hint
    assert "s3cret" not in str(caught.value)


async def test_a_database_that_is_not_there_is_unreachable(postgres: Callable[..., str]) -> None:
    url = postgres().replace("/test_", "/nothing_")
    with pytest.raises(Unreachable):
        async with engine.opened(url):
            pass


async def test_another_kind_of_database_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="mysql"):
        async with engine.opened("mysql://localhost/x"):
            pass
