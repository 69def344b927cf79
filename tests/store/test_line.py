"""Small transactions that stand in line: each its own, told to its own, and nobody kept out."""

import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store import engine
from impexd.store.engine import Store
from impexd.store.errors import Full
from tests.store.test_engine import count, put


def putting(name: str) -> Callable[[AsyncConnection], Awaitable[str]]:
    async def work(tx: AsyncConnection) -> str:
        await put(tx, name)
        return name

    return work


@pytest.fixture
async def file(sqlite_url: str) -> AsyncIterator[Store]:
    """An open store on SQLite."""
    async with engine.opened(sqlite_url) as opened:
        yield opened


class Hanging:
    """The writer's thread stays in the middle of a statement until it is let go on."""

    def __init__(self) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def hang(self) -> int:
        self.begun.set()
        self.goes_on.wait()
        return 1

    async def known(self, store: Store) -> None:
        async with store.alone() as conn:
            driver: Any = (await conn.get_raw_connection()).driver_connection
            await driver.create_function("hang", 0, self.hang)

    async def work(self, tx: AsyncConnection) -> str:
        await put(tx, "first")
        await tx.execute(text("SELECT hang()"))
        return "first"


async def test_each_of_many_hears_what_became_of_its_own(store: Store) -> None:
    heard: dict[int, object] = {}

    async def one(n: int) -> None:
        name = f"{n // 2}"  # of two that are alike the second breaks a rule
        try:
            heard[n] = await store.at_once(putting(name))
        except IntegrityError:
            heard[n] = None

    async with anyio.create_task_group() as tasks:
        for n in range(200):
            tasks.start_soon(one, n)
    assert await count(store) == 100
    pairs = [sorted((heard[n] or "", heard[n + 1] or "")) for n in range(0, 200, 2)]  # type: ignore[type-var]
    assert pairs == [["", f"{n}"] for n in range(100)]


async def test_whatever_is_cancelled_the_line_goes_on(store: Store) -> None:
    chance = random.Random(1)
    heard: list[str] = []

    async def one(n: int) -> None:
        with anyio.move_on_after(chance.random() / 100):
            heard.append(await store.at_once(putting(f"{n}")))

    for turn in range(20):
        async with anyio.create_task_group() as tasks:
            for n in range(30):
                tasks.start_soon(one, turn * 30 + n)
    with anyio.fail_after(5):
        assert await store.at_once(putting("last")) == "last"
    async with store.reading() as conn:
        there = set((await conn.execute(text("SELECT hash FROM config"))).scalars())
    assert there >= {"last", *heard}


async def test_who_goes_first_and_is_cancelled_takes_nobody_along(file: Store) -> None:
    hanging = Hanging()
    await hanging.known(file)
    heard: list[str] = []

    async def one(name: str) -> None:
        heard.append(await file.at_once(putting(name)))

    scope = anyio.CancelScope()

    async def first() -> None:
        with scope:
            await file.at_once(hanging.work)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await anyio.to_thread.run_sync(hanging.begun.wait)
        for n in range(5):
            tasks.start_soon(one, f"{n}")
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        hanging.goes_on.set()
    assert scope.cancelled_caught
    assert sorted(heard) == list("01234")
    assert await count(file) == 6  # what was begun has ended as a whole


async def test_who_is_cancelled_in_line_is_not_begun(file: Store) -> None:
    hanging = Hanging()
    await hanging.known(file)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(file.at_once, hanging.work)
        await anyio.to_thread.run_sync(hanging.begun.wait)
        with anyio.move_on_after(0):
            await file.at_once(putting("gone"))
        hanging.goes_on.set()
    assert await count(file) == 1


async def test_a_line_that_never_ends_keeps_nobody_out(file: Store) -> None:
    over = False

    async def again_and_again(who: int) -> None:
        n = 0
        while not over:
            n += 1
            await file.at_once(putting(f"{who} {n}"))

    async with anyio.create_task_group() as tasks:
        for who in range(8):
            tasks.start_soon(again_and_again, who)
        with anyio.fail_after(20):
            for n in range(10):
                async with file.writing() as tx:
                    await put(tx, f"long {n}")
        over = True


async def test_a_connection_that_found_no_room_is_opened_anew_and_the_line_goes_on(
    file: Store, tmp_path: Path
) -> None:
    async def full(tx: AsyncConnection) -> None:
        pages = (await tx.exec_driver_sql("PRAGMA page_count")).scalar()
        await tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # of this connection
        await put(tx, "x" * 1_000_000)

    heard: list[object] = []

    async def one(work: Callable[[AsyncConnection], Awaitable[object]]) -> None:
        try:
            heard.append(await file.at_once(work))
        except Full as error:
            heard.append(type(error))

    async with anyio.create_task_group() as tasks:
        for work in (putting("a"), full, putting("y" * 1_000_000), full, putting("z")):
            tasks.start_soon(one, work)
    assert set(heard) == {"a", Full, "y" * 1_000_000, "z"}
    assert await count(file) == 3
