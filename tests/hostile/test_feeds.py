"""Couriers that misbehave, all in one configuration: each costs a moment, and no other suffers."""

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from impexd.core.http import Times
from impexd.feeds import poll
from tests.feeds import house
from tests.feeds.house import opened
from tests.processes import until
from tests.shared import HOSTILE

GOOD = {"ok": 10, "dup": 10, "reorder": 10, "bom": 10, "setcookie": 10, "etag": 10, "header64k": 10}
"""Path -> messages that are there, however oddly they come."""
BAD = [
    "slowheaders",
    "drip",
    "endless",
    "big",
    "gzipbomb",
    "wronglength",
    "truncated",
    "reset",
    "hang",
    "redirect",
    "redirect-canary",
    "redirect-file",
    "redirect-loop",
    "redirect-metadata",
    "404",
    "429",
    "429date",
    "500",
    "503",
    "html",
    "empty",
    "utf16",
    "nan",
    "deep",
    "bigint",
    "xxe",
    "lol",
    "badchunk",
]
SHORT = Times(connect=2, read=1.5, total=3)
MAP = """
kind = "map"
[message]
id = "id"
order = "order"
delivery = "delivery"
status = "status"
at = "at"
"""


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def peers(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """
    Two couriers with oddities, and a canary that must hear nothing; gives ports and the canary's log.

    Two, because the one that misbehaves is at times too busy to answer anybody.
    """
    odd, bad, canary = _port(), _port(), _port()
    heard = folder / "canary.log"
    tool = [sys.executable, str(HOSTILE / "hostile_http.py")]
    commands = [
        [*tool, "feed", "--port", str(port), "--canary", f"http://127.0.0.1:{canary}"]
        for port in (odd, bad)
    ]
    commands.append([*tool, "canary", "--port", str(canary), "--log", str(heard)])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen([*one, "--max-seconds", "120"], **quiet) for one in commands]
    try:
        for port in (odd, bad, canary):
            until(partial(_listens, port), "it listens")
        yield odd, bad, heard
    finally:
        for one in started:
            one.kill()
            one.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def etc(odd: int, bad: int) -> dict[str, str]:
    def said(path: str, port: int) -> str:
        return f'kind = "rest"\nmap = "hostile"\nurl = "http://127.0.0.1:{port}/{path}"\n'

    files = {f"feeds/f-{path}.toml": said(path, odd) for path in GOOD}
    files |= {f"feeds/f-{path}.toml": said(path, bad) for path in BAD}
    pages = (
        'items = "items"\n[pages]\nby = "cursor"\nparameter = "cursor"\nnext = "next"\nmost = 20\n'
    )
    files["feeds/f-pages.toml"] = said("pages", odd) + pages
    files["feeds/f-flap.toml"] = said("flap", odd)
    return house.etc() | files | {"feeds/hostile.toml": MAP}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_couriers_that_misbehave_cost_little_and_hurt_no_other(
    tmp_path: Path, sqlite_url: str
) -> None:
    with peers(tmp_path) as (odd, bad, heard):
        async with opened(tmp_path, sqlite_url, etc(odd, bad)) as place:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            done: dict[str, poll.Polled] = {}
            some = anyio.CapacityLimiter(6)

            async def misbehave(path: str) -> None:
                async with some:
                    done[path] = await poll.poll(place.bench, f"f-{path}", times=SHORT)

            async def behave() -> None:
                for path in (*GOOD, "pages", *["flap"] * 5) * 2:
                    done[path] = await poll.poll(place.bench, f"f-{path}")

            with anyio.fail_after(100):
                async with anyio.create_task_group() as tasks:
                    for path in BAD:
                        tasks.start_soon(misbehave, path)
                    tasks.start_soon(behave)
            for path in GOOD:
                assert done[path].error == "", (path, done[path])
            for path in BAD:
                assert done[path].error, path
            assert done["pages"].error == done["flap"].error == ""
            kept: dict[str, set[str]] = {}
            for row in await place.messages():
                kept.setdefault(row["source"].removeprefix("f-"), set()).add(row["message_id"])
            assert {path: len(ids) for path, ids in kept.items() if path in GOOD} == GOOD
            assert not kept.keys() & set(BAD)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown < 150 << 10, f"{grown >> 10} MiB"
    assert not heard.exists()
