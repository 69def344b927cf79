"""
How fast an import is, beside the plainest thing Python can do with the same file.

    python -m tests.bench.import_bench [--rows 1000000] [--sorted]

Makes a zip with one CSV of 10 columns; loads it with csv + sqlite3 executemany into a table with
the same durability, then through the running daemon (dropped into the inbox, claim to archive),
each twice: into an empty table, and unchanged.  Prints rows per second, the ratio, peak memory
of daemon and worker, and the longest stall of the daemon's loop.
"""

import argparse
import csv
import io
import os
import random
import sqlite3
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import anyio
import psutil

from impexd import config as configuration
from impexd import daemon
from impexd.core import log

HEADER = "sku,name,brand,description,price,sale,stock,available,released,tag"
ETC = {
    "impexd.toml": "",
    "entities/bench.toml": """
[entity.article]
key = ["sku"]
[entity.article.field]
sku = { max = 255 }
name = { max = 255 }
brand = { null = true }
description = { null = true }
price = { type = "decimal", scale = 4, min = 0 }
sale = { type = "decimal", scale = 4, min = 0, null = true }
stock = { type = "integer" }
available = { type = "boolean" }
released = { type = "date" }
tag = { null = true }
""",
    "descriptors/articles.toml": 'entity = "article"\n[file]\nmatch = "articles.csv"\n'
    + "".join(f'[[column]]\nfrom = "{name}"\nto = "{name}"\n' for name in HEADER.split(",")),
    "groups/bench.toml": 'kind = "import"\ndescriptors = ["articles"]\n[inbox]\nsettle = 0\n',
}


def generate(path: Path, rows: int, *, in_order: bool) -> None:
    """Write the zip."""
    numbers = list(range(rows))
    if not in_order:
        random.Random(1).shuffle(numbers)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("articles.csv", "w", force_zip64=True) as out,
    ):
        out.write(f"{HEADER}\n".encode())
        for n in numbers:
            text = f'"A longer text about product {n}, with a comma and more words in it"'
            flag = "true" if n % 3 else "false"
            out.write(
                f"SKU-{n:07d},Product number {n},Brand {n % 97},{text},{n % 90000 / 100:.2f},"
                f"{n % 9000 / 100:.2f},{n % 500},{flag},2026-{n % 12 + 1:02d}-{n % 28 + 1:02d},"
                f"tag{n % 13}\n".encode()
            )


def plain(source: Path, database: Path) -> float:
    """Load the zip the plain way; gives seconds."""
    names = HEADER.split(",")
    started = time.perf_counter()
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    columns = ", ".join(f"{name} {'INTEGER' if name == 'stock' else 'TEXT'}" for name in names[1:])
    db.execute(f"CREATE TABLE IF NOT EXISTS article (sku TEXT PRIMARY KEY, {columns})")
    sets = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    holes = ", ".join("?" * len(names))
    upsert = f"INSERT INTO article VALUES ({holes}) ON CONFLICT (sku) DO UPDATE SET {sets}"
    with zipfile.ZipFile(source) as archive, archive.open("articles.csv") as raw:
        rows = csv.reader(io.TextIOWrapper(raw, "utf-8", newline=""))
        next(rows)
        db.execute("BEGIN IMMEDIATE")
        db.executemany(upsert, rows)
        db.execute("COMMIT")
    db.close()
    return time.perf_counter() - started


class Watch:
    """Looks at the memory of this process and its children, and at the stalls of its loop."""

    def __init__(self) -> None:
        self.mine = self.worker = 0
        self.stall = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.1):
            self.mine = max(self.mine, me.memory_info().rss)
            for child in me.children():
                try:
                    self.worker = max(self.worker, child.memory_info().rss)
                except psutil.Error:
                    continue

    async def stalls(self) -> None:
        """Measure how late the loop wakes."""
        while True:
            due = time.perf_counter() + 0.005
            await anyio.sleep(0.005)
            self.stall = max(self.stall, time.perf_counter() - due)


async def ours(home: Path, source: Path, times: int, watch: Watch) -> list[float]:
    """Drop the zip into a running daemon's inbox, some times; gives seconds for each."""
    for name, text in ETC.items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    config = configuration.load(home / "etc")
    taken = []
    async with daemon.opened(home / "etc", config) as instance, anyio.create_task_group() as tasks:
        tasks.start_soon(daemon.serve, instance)
        inbox = config.inboxes["bench"]
        while not inbox.is_dir():
            await anyio.sleep(0.01)
        await anyio.sleep(0.5)
        tasks.start_soon(watch.stalls)
        for n in range(times):
            started = time.perf_counter()
            os.link(source, inbox / ".draft")
            draft = inbox / ".draft"
            draft.unlink()
            draft.write_bytes(source.read_bytes())
            watch.stall = 0.0 if n == 0 else watch.stall
            draft.rename(inbox / f"{n}.zip")
            started = time.perf_counter()
            await _done(instance, n + 1)
            taken.append(time.perf_counter() - started)
        tasks.cancel_scope.cancel()
    return taken


async def _done(instance: daemon.Instance, count: int) -> None:
    from impexd.store import runs

    while True:
        async with instance.store.reading() as tx:
            states = await runs.states(tx)
        if states.get("archived", 0) >= count:
            return
        if states.keys() & {"rejected", "failed", "held"}:
            raise SystemExit(f"the run ended as {states}")
        await anyio.sleep(0.05)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sorted", action="store_true", help="rows in the order of their key")
    wanted = parser.parse_args()
    log.start("warning")
    with tempfile.TemporaryDirectory(prefix="impexd-bench-") as folder:
        home = Path(folder)
        source = home / "articles.zip"
        generate(source, wanted.rows, in_order=wanted.sorted)
        base = [plain(source, home / "plain.db") for _ in range(2)]
        with Watch() as watch:
            mine = anyio.run(ours, home / "instance", source, 2, watch)
        rows = wanted.rows
        print(f"{rows:,} rows x 10 columns, {source.stat().st_size / 1e6:.0f} MB zip")
        print(f"{'':12} {'csv+sqlite3':>14} {'impexd':>14} {'ratio':>7}")
        for name, theirs, our in zip(("first load", "unchanged"), base, mine, strict=True):
            print(
                f"{name:12} {rows / theirs:>10,.0f} r/s {rows / our:>10,.0f} r/s {theirs / our:>7.2f}"
            )
        print(f"peak memory: daemon {watch.mine >> 20} MB, worker {watch.worker >> 20} MB")
        print(f"longest stall of the loop: {watch.stall * 1000:.0f} ms")


if __name__ == "__main__":
    main()
