"""
How fast an import is, beside the plainest thing Python can do with the same file.

    python -m tests.bench.import_bench [--rows 1000000] [--sorted] [--format xml]

Makes a zip with one CSV of 10 columns; loads it with csv + sqlite3 executemany into a table with
the same durability, then through the running daemon (dropped into the inbox, claim to archive),
each twice: into an empty table, and unchanged.  Prints rows per second, the ratio, peak memory
of daemon and worker, and the longest stall of the daemon's loop.  Of other formats than CSV, which
have nothing plain to be held against, it prints ours alone.
"""

import argparse
import csv
import io
import json
import multiprocessing
import random
import shutil
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
FORMATS = {
    "csv": ('match = "articles.csv"\n', f"{HEADER}\n", ""),
    "xml": ('format = "xml"\nrow = "articles/article"\n', "<articles>\n", "</articles>\n"),
    "jsonl": ('format = "jsonl"\n', "", ""),
}
"""Format -> what its descriptor says, what its file begins and ends with."""


def descriptor(form: str) -> str:
    """The descriptor of the file in some format."""
    columns = (f'[[column]]\nfrom = "{name}"\nto = "{name}"\n' for name in HEADER.split(","))
    return f'entity = "article"\n[file]\n{FORMATS[form][0]}' + "".join(columns)


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
    "groups/bench.toml": 'kind = "import"\ndescriptors = ["articles"]\n[inbox]\nsettle = 0\n',
    "descriptors/articles.toml": descriptor("csv"),
}
"""A configuration with one entity, and a group that takes it."""


def record(n: int, form: str) -> str:
    """One record as a line of the file."""
    text = f"A longer text about product {n}, with a comma and more words in it"
    flag = "true" if n % 3 else "false"
    numbers = (f"{n % 90000 / 100:.2f}", f"{n % 9000 / 100:.2f}", str(n % 500))
    day = f"2026-{n % 12 + 1:02d}-{n % 28 + 1:02d}"
    said = (f"Product number {n}", f"Brand {n % 97}", text, *numbers, flag, day, f"tag{n % 13}")
    cells = dict(zip(HEADER.split(","), (f"SKU-{n:07d}", *said), strict=True))
    if form == "csv":
        return ",".join(cells.values()).replace(text, f'"{text}"') + "\n"
    if form == "jsonl":
        return json.dumps(cells) + "\n"
    inner = "".join(f"<{name}>{cell}</{name}>" for name, cell in cells.items())
    return f"<article>{inner}</article>\n"


def generate(path: Path, rows: int, form: str, in_order: bool) -> None:
    """Write the zip."""
    numbers = list(range(rows))
    if not in_order:
        random.Random(1).shuffle(numbers)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"articles.{form}", "w", force_zip64=True) as out,
    ):
        _, head, tail = FORMATS[form]
        out.write(head.encode())
        for n in numbers:
            out.write(record(n, form).encode())
        out.write(tail.encode())


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


async def ours(home: Path, source: Path, form: str, times: int, watch: Watch) -> list[float]:
    """Drop the zip into a running daemon's inbox, some times; gives seconds for each."""
    for name, text in (ETC | {"descriptors/articles.toml": descriptor(form)}).items():
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
            draft = inbox / ".draft"
            shutil.copyfile(source, draft)
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
    parser.add_argument("--format", choices=FORMATS, default="csv")
    wanted = parser.parse_args()
    log.start("warning")
    with tempfile.TemporaryDirectory(prefix="impexd-bench-") as folder:
        home = Path(folder)
        source = home / "articles.zip"
        # In a process of its own, so that its memory is not taken for the daemon's.
        given = (source, wanted.rows, wanted.format, wanted.sorted)
        maker = multiprocessing.get_context("spawn").Process(target=generate, args=given)
        maker.start()
        maker.join()
        base = [plain(source, home / "plain.db") for _ in range(2 * (wanted.format == "csv"))]
        with Watch() as watch:
            mine = anyio.run(ours, home / "instance", source, wanted.format, 2, watch)
        rows = wanted.rows
        print(
            f"{rows:,} rows x 10 columns of {wanted.format}, {source.stat().st_size / 1e6:.0f} MB zip"
        )
        print(f"{'':12} {'csv+sqlite3':>14} {'impexd':>14} {'ratio':>7}")
        for n, (name, our) in enumerate(zip(("first load", "unchanged"), mine, strict=True)):
            plainly = f"{rows / base[n]:>10,.0f} r/s" if base else f"{'-':>14}"
            ratio = f"{base[n] / our:>7.2f}" if base else ""
            print(f"{name:12} {plainly} {rows / our:>10,.0f} r/s {ratio}")
        print(f"peak memory: daemon {watch.mine >> 20} MB, worker {watch.worker >> 20} MB")
        print(f"longest stall of the loop: {watch.stall * 1000:.0f} ms")


if __name__ == "__main__":
    main()
