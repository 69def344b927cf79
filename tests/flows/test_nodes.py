"""Several daemons on one PostgreSQL: each carries what is in its folder, and all else is done once."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from impexd.core.errors import Busy, UsageError
from impexd.store import nodes
from tests import shop
from tests.clock import FakeClock
from tests.flows import inside
from tests.flows.inside import Inside

HELD = {
    **shop.ETC,
    "groups/shop.toml": shop.ETC["groups/shop.toml"] + "guard = { min_rows = 1000 }\n",
}
OUT = shop.ETC | shop.EXPORT


@asynccontextmanager
async def opened(
    tmp_path: Path, name: str, url: str, clock: FakeClock, etc: Mapping[str, str] = shop.ETC
) -> AsyncIterator[Inside]:
    """One of the daemons, with a folder of its own."""
    home = tmp_path / name
    home.mkdir(exist_ok=True)
    async with inside.opened(home, url, etc, clock=clock) as one:
        yield one


@asynccontextmanager
async def two(
    tmp_path: Path, url: str, clock: FakeClock, etc: Mapping[str, str] = shop.ETC
) -> AsyncIterator[tuple[Inside, Inside]]:
    """Two that are there at the same time."""
    async with (
        opened(tmp_path, "one", url, clock, etc) as one,
        opened(tmp_path, "other", url, clock, etc) as other,
    ):
        yield one, other


def drop(first: int, count: int = 20) -> bytes:
    return shop.zipped(shop.members(shop.rows(count, first=first)))


async def listed(one: Inside) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await one.asked.get("/api/v1/nodes"))["nodes"]
    return found


async def test_each_imports_what_is_in_its_folder_and_both_know_a_duplicate(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        done: list[dict[str, Any]] = []

        async def load(place: Inside, n: int) -> None:
            done.append(await place.load(f"{n}.zip", drop(n * 20)))

        async with anyio.create_task_group() as tasks:
            for n in range(6):
                tasks.start_soon(load, (one, other)[n % 2], n)
        assert [run["state"] for run in done] == ["archived"] * 6
        assert await one.query("SELECT count(*) FROM product") == [(120,)]
        assert await one.query("SELECT node, count(*) FROM run GROUP BY 1 ORDER BY 1") == [
            (one.instance.node, 3),
            (other.instance.node, 3),
        ]
        assert (await other.load("0.zip", drop(0)))["state"] == "duplicate"
        for place in (one, other):
            assert (await place.asked.get("/api/v1/verify"))["differences"] == []


async def test_a_start_leaves_the_runs_of_the_others_alone(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, "one", postgres_url, clock, HELD) as one:
        held = await one.load("a.zip", drop(0))
        assert held["state"] == "held"
        async with opened(tmp_path, "other", postgres_url, clock, HELD) as other:
            again = await other.asked.get(f"/api/v1/runs/{held['id']}")
            assert (again["state"], again["code"]) == ("held", held["code"])
            applied = await other.approve(held["id"])  # and it goes on where its file is
            assert applied["state"] == "archived"
            ((place,),) = await other.query("SELECT place FROM run")
            assert (tmp_path / "one" / "var" / place).is_file()
            undone = await other.undo(held["id"])
            assert undone["state"] == "archived"
            assert await other.query("SELECT count(*) FROM product") == [(0,)]


async def test_files_are_asked_for_where_they_are(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        run = await one.load("a.zip", drop(0))
        with pytest.raises(UsageError, match=rf"in {tmp_path}/one/var on "):
            await other.asked.get(f"/api/v1/runs/{run['id']}/source")


async def test_a_delta_begins_where_the_last_one_of_any_has_ended(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with two(tmp_path, postgres_url, clock, OUT) as (one, other):
        told: list[str] = []
        for n in range(2):
            place = (one, other)[n % 2]
            await place.load(f"{n}.zip", drop(n * 20))
            async with anyio.create_task_group() as tasks:  # both at once: only one has something
                for each in (one, other):
                    tasks.start_soon(_exported, each)
        for name in ("one", "other"):
            for file in (tmp_path / name / "var" / "outbox" / "changes").glob("*.csv"):
                told += [line.split(",")[0] for line in file.read_text().splitlines()[1:]]
        assert sorted(told) == [f"P{n:06d}" for n in range(40)]


async def _exported(place: Inside) -> None:
    started = await place.asked.post("/api/v1/exports", group="changes")
    await place.settled(started["run"])


async def test_one_that_is_gone_is_given_up_and_what_waited_for_it_goes_on(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, "other", postgres_url, clock, HELD | shop.EXPORT) as other:
        async with opened(tmp_path, "one", postgres_url, clock, HELD | shop.EXPORT) as one:
            gone = one.instance.node
            held = await one.load("a.zip", drop(0))
            one.instance.queue.stop()
            waiting = await one.asked.post("/api/v1/exports", group="changes")
            with pytest.raises(UsageError, match=f"node {gone} is there"):
                await other.asked.post(f"/api/v1/nodes/{gone}/retire")
        clock.tick(60)
        away = {each["id"]: (each["away"], each["open"]) for each in await listed(other)}
        assert away[gone] == (60, 2)
        done = await other.asked.post(f"/api/v1/nodes/{gone}/retire", actor="ann", note="burnt")
        assert sorted(done["runs"]) == [held["id"], waiting["run"]]
        ended = await other.asked.get(f"/api/v1/runs/{held['id']}")
        assert (ended["state"], ended["code"]) == ("failed", "retired")
        assert ended["message"].startswith("its node was retired by ann: burnt")
        await _exported(other)  # the lock of its group is free again
        assert [each["id"] for each in await listed(other)] == [other.instance.node]
        assert (await other.asked.get("/api/v1/verify"))["differences"] == []
    async with opened(tmp_path, "one", postgres_url, clock, HELD) as back:
        assert back.instance.node != gone
        aside = list((tmp_path / "one" / "var" / "failed" / "orphans").iterdir())
        assert [file.read_bytes() for file in aside] == [drop(0)]


async def test_the_same_folder_is_the_same_node_and_a_copy_of_it_is_refused(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, "one", postgres_url, clock) as one:
        first = one.instance.node
    async with opened(tmp_path, "one", postgres_url, clock) as one:
        assert one.instance.node == first
        copy = tmp_path / "copy" / "var"
        copy.mkdir(parents=True)
        (copy / ".node").write_bytes((tmp_path / "one" / "var" / ".node").read_bytes())
        with pytest.raises(Busy, match="has worked with this database"):
            async with opened(tmp_path, "copy", postgres_url, clock):
                pass
        clock.tick(nodes.ALIVE + 1)
        assert [each["away"] for each in await listed(one)] == [nodes.ALIVE + 1]
    async with opened(tmp_path, "copy", postgres_url, clock) as moved:  # the first one has stopped
        assert moved.instance.node == first


async def test_what_comes_due_for_folders_is_done_by_each(
    tmp_path: Path, postgres_url: str, clock: FakeClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        for _ in range(2):  # first it is written down, then it is due
            clock.tick(2 * 86_400)
            await one.instance.timing.look()
            await other.instance.timing.look()
        jobs = "SELECT queue_name, count(*) FROM procrastinate_jobs WHERE task_name = 'keep' GROUP BY 1"
        with anyio.fail_after(30):
            while await one.query(jobs):
                await anyio.sleep(0.02)
        fired = await one.query("SELECT name, state FROM occurrence WHERE name LIKE 'keep:%'")
        assert {state for _, state in fired} == {"done"}
