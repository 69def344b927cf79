"""A draft that cannot be written to its end is never seen, and is written again."""

import resource
import signal
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from tests.exports import things
from tests.exports.house import House

MANY = (
    "[query]\nsql = '''WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
    " WHERE x < 200000) SELECT x, 'a text that takes some room' AS t FROM n'''\n"
)
ONE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def writer() -> psutil.Process:
    """The worker process of exports."""
    for child in psutil.Process().children():
        if "impexd.exports.worker" in child.cmdline():
            return child
    raise AssertionError("there is no such worker")


def seen(house: House) -> list[str]:
    """What a partner sees in the outbox."""
    return [name for name in house.outbox("csv") if not name.startswith(".")]


async def whole(house: House, run: int) -> dict[str, Any]:
    """Wait until a run has ended, and hold it that its file is whole."""
    done = await house.inside.settled(run)
    assert (done["state"], done["message"]) == ("published", None)
    path = Path(done["export"]["path"])
    assert path.read_bytes().count(b"\n") == 200_001
    assert house.outbox("csv") == [path.name]
    return done


async def begun(house: House) -> int:
    """Have a worker that is warm, then begin an export of many rows."""
    await house.export("jsonl")
    (house.etc / "descriptors" / "csv-out.toml").write_text(MANY)
    await house.say(groups__csv=things.group("csv-out", more='file = "many.csv"\n'))
    return await house.begin("csv")


async def until(house: House, run: int, key: str, part: str = "") -> None:
    with anyio.fail_after(60):
        while part not in str((await house.inside.asked.get(f"/api/v1/runs/{run}"))[key] or "-"):
            await anyio.sleep(0.005)


async def test_a_worker_that_is_killed_half_way_leaves_nothing_and_is_replaced(
    house: House,
) -> None:
    run = await begun(house)
    await until(house, run, "progress", "export")
    writer().send_signal(signal.SIGKILL)
    assert seen(house) == []
    done = await whole(house, run)
    assert done["attempt"] > 1


@ONE
async def test_a_file_that_finds_no_room_waits_for_it_and_is_then_written(house: House) -> None:
    await house.export("jsonl")
    # As a full disk or a quota does it: this much can be written, and no more.
    writer().rlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    run = await begun(house)
    await until(house, run, "message", "File too large")
    assert seen(house) == []
    assert (await house.inside.asked.get(f"/api/v1/runs/{run}"))["state"] == "exporting"
    writer().rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await whole(house, run)
