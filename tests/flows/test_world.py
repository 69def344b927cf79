"""The disk, the server or a worker fails in the middle of a run: it stays, and is tried again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit

import anyio
import psutil
import psycopg
import pytest

from impexd.store import applying
from tests import shop
from tests.clock import FakeClock
from tests.flows import place as places
from tests.flows.place import Place

ETC = {name: text for name, text in shop.ETC.items() if name != "impexd.toml"}
RECORDS = shop.rows(3_000)
DROP = shop.zipped(shop.members(RECORDS))


def workers(place: Place) -> list[psutil.Process]:
    """The worker processes of an instance."""
    home = str(place.instance.config.var / "tmp")
    found = []
    for child in psutil.Process().children():
        try:
            if child.cwd() == home:
                found.append(child)
        except psutil.Error:
            continue
    return found


async def loaded(place: Place, run: int) -> None:
    """Hold it that a run is in the tables, once."""
    assert (await place.run(run))["state"] == "archived"
    assert len(await place.table("product")) == 3_000
    assert len(await place.table("price")) == 3_000


async def put_off(place: Place, run: int) -> None:
    """Hold it that a run was not loaded and waits for another attempt."""
    found = await place.run(run)
    assert found["state"] in ("staging", "claimed")
    assert await place.table("product") == []
    assert (await place.instance.queue.depth())["todo"] == 1


async def test_a_full_disk_puts_a_run_off(tmp_path: Path, sqlite_url: str) -> None:
    async with places.opened(tmp_path, sqlite_url, FakeClock(), ETC) as place:
        await place.bring("first.zip", shop.zipped(shop.members(shop.rows(1))))
        (worker,) = workers(place)
        prlimit(worker.pid, RLIMIT_FSIZE, (65_536, RLIM_INFINITY))
        await place.say({})
        run = await place.hand_in("all.zip", DROP)
        await place.carry()
        assert (await place.run(run))["state"] == "staging"
        assert len(await place.table("product")) == 1
        assert list(place.instance.bench.desk.folders.var.rglob("stage.db")) == []
        prlimit(worker.pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
        place.clock.tick(600)
        await place.carry()
        await loaded(place, run)


async def test_a_run_whose_connection_is_lost_is_carried_out_by_the_next_attempt(
    tmp_path: Path, postgres_url: str
) -> None:
    async with places.opened(tmp_path, postgres_url, FakeClock(), ETC) as place:
        async with await psycopg.AsyncConnection.connect(postgres_url) as other:
            await other.execute("LOCK TABLE product IN ACCESS EXCLUSIVE MODE")
            run = await place.hand_in("all.zip", DROP)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(place.carry)
                await _cut(postgres_url)
                await other.rollback()
        # The server's clock says what is due, and it is far ahead of ours.
        await loaded(place, run)
        assert (await place.run(run))["attempt"] == 2


async def _cut(url: str) -> None:
    """End the connection of the worker that waits for our lock."""
    waiting = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE '%impexd_stage%'"
    )
    with anyio.fail_after(60):
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as looking:
            while not await (await looking.execute(waiting)).fetchall():
                await anyio.sleep(0.01)


@asynccontextmanager
async def killing(place: Place) -> AsyncIterator[None]:
    """Kill each worker process as soon as it is there."""

    async def kill() -> None:
        while True:
            for worker in workers(place):
                worker.kill()
            await anyio.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kill)
        yield
        tasks.cancel_scope.cancel()


async def test_a_fault_of_ours_holds_a_run_after_three_attempts_and_forgets_it_never(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with places.opened(tmp_path, sqlite_url, FakeClock(), ETC) as place:
        run = await place.hand_in("all.zip", DROP)
        with monkeypatch.context() as broken:
            broken.setattr(applying, "put", None)
            for _ in range(2):
                await place.carry()
                await put_off(place, run)
                place.clock.tick(600)
            await place.carry()
        found = await place.run(run)
        assert (found["state"], found["code"]) == ("held", "poison")
        assert found["message"].startswith("carrying out this drop has failed 3 times: TypeError")
        assert (await place.decide(run, "approve"))["state"] == "archived"
        await loaded(place, run)


async def test_a_drop_that_ends_its_worker_three_times_is_held_while_the_daemon_lives(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with places.opened(tmp_path, sqlite_url, FakeClock(), ETC) as place:
        async with killing(place):
            run = await place.hand_in("all.zip", DROP)
            for _ in range(2):
                await place.carry()
                await put_off(place, run)
                place.clock.tick(600)
            await place.carry()
        found = await place.run(run)
        assert (found["state"], found["code"], found["settled"]) == ("held", "poison", True)
        told = "this drop has ended its worker process 3 times: the worker process ended by itself"
        assert found["message"] == f"{told} (signal 9)"
        done = await place.decide(run, "approve")
        assert done["state"] == "archived"
        await loaded(place, run)
