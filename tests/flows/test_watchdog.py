"""What systemd hears while the thread of the database hangs: nothing, until it goes on."""

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import daemon
from impexd.daemon import Instance
from impexd.store.engine import Store
from tests.flows import inside
from tests.flows.test_daemon import systemd


async def writing(store: Store) -> None:
    async with store.writing() as tx:
        await tx.execute(text("SELECT hang()"))


async def at_once(store: Store) -> None:
    async def work(tx: AsyncConnection) -> None:
        await tx.execute(text("SELECT hang()"))

    await store.at_once(work)


@asynccontextmanager
async def hanging(
    instance: Instance, way: Callable[[Store], Awaitable[None]]
) -> AsyncIterator[threading.Event]:
    """The writer's thread is in the middle of something that does not end until it is let go on."""
    goes_on, begun = threading.Event(), threading.Event()
    store = instance.store

    def hang() -> int:
        begun.set()
        return int(goes_on.wait())

    async with store.alone() as conn:
        driver: Any = (await conn.get_raw_connection()).driver_connection
        await driver.create_function("hang", 0, hang)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(way, store)
            await anyio.to_thread.run_sync(begun.wait)
            try:
                yield goes_on
            finally:
                goes_on.set()
    finally:
        goes_on.set()


@pytest.mark.parametrize("way", [writing, at_once], ids=lambda way: way.__name__)
async def test_the_watchdog_hears_nothing_while_the_thread_of_the_store_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[[Store], Awaitable[None]]
) -> None:
    place = tmp_path / "notify"
    async with inside.opened(tmp_path, f"sqlite:///{tmp_path}/impexd.db") as site:
        pulse, heart = site.instance.pulse, site.instance.store.heart
        async with hanging(site.instance, way) as goes_on:
            assert await pulse.alive()  # a long statement is no fault
            heart.monotonic = lambda: time.monotonic() + 61
            monkeypatch.setenv("NOTIFY_SOCKET", str(place))
            monkeypatch.setenv("WATCHDOG_USEC", "200000")
            with systemd(place) as ears:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(daemon._alive, site.instance)
                    while not pulse.trouble:
                        await anyio.sleep(0.01)
                    assert "nothing moves" in pulse.trouble
                    ears.setblocking(False)
                    with pytest.raises(BlockingIOError):
                        ears.recv(4096)
                    heart.monotonic = time.monotonic
                    goes_on.set()
                    with anyio.fail_after(60):
                        while pulse.trouble:
                            await anyio.sleep(0.01)
                        await anyio.wait_readable(ears)
                    assert b"WATCHDOG=1" in ears.recv(4096)
                    tasks.cancel_scope.cancel()
