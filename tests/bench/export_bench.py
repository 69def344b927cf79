"""
How fast an export is, beside `sqlite3 -csv` with the same query on the same database.

    python -m tests.bench.export_bench [--rows 1000000]

Fills a table of 10 columns by an import; then has the sqlite3 shell write it as CSV, and the running
instance export it as CSV, XML and JSON Lines (journal, snapshot, draft, fsync, hash, publish).
Prints rows per second, the ratio, peak memory of daemon and worker, and the longest stall of the
daemon's loop.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import anyio
import psutil

from impexd import config as configuration
from impexd import daemon
from impexd.core import log
from impexd.exports import run as exporting
from impexd.store import runs
from tests.bench import import_bench
from tests.bench.import_bench import HEADER

COLUMNS = HEADER.split(",")
QUERY = (
    "SELECT "
    + ", ".join(
        "CASE available WHEN 1 THEN 'true' ELSE 'false' END" if name == "available" else name
        for name in COLUMNS
    )
    + " FROM article ORDER BY sku"
)
FORMATS = ("csv", "xml", "jsonl")


class Watch(import_bench.Watch):
    """Looks only at the workers of exports, and at how much of a stall the loop was at work."""

    busy = 0.0

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.05):
            self.mine = max(self.mine, me.memory_info().rss)
            for child in me.children():
                try:
                    if "impexd.exports.worker" in child.cmdline():
                        self.worker = max(self.worker, child.memory_info().rss)
                except psutil.Error:
                    continue

    async def stalls(self) -> None:
        """Measure how late the loop wakes, and for how long it kept a processor meanwhile."""
        while True:
            due, used = time.perf_counter() + 0.005, time.thread_time()
            await anyio.sleep(0.005)
            self.stall = max(self.stall, time.perf_counter() - due)
            self.busy = max(self.busy, time.thread_time() - used)


def etc() -> dict[str, str]:
    """The configuration of the import's bench, and a group for each format."""
    found = dict(import_bench.ETC)
    for name in FORMATS:
        columns = "".join(f'[[column]]\nfrom = "{c}"\nto = "{c}"\n' for c in COLUMNS)
        query = '[query]\nentity = "article"\n'
        found[f"descriptors/{name}-out.toml"] = f'{query}[file]\nformat = "{name}"\n{columns}'
        found[f"groups/{name}.toml"] = f'kind = "export"\ndescriptors = ["{name}-out"]\n'
    return found


def shell(database: Path, target: Path) -> float:
    """Have the sqlite3 shell write the table, durably; gives seconds."""
    started = time.perf_counter()
    with target.open("wb") as out:
        subprocess.run(["sqlite3", "-csv", "-header", str(database), QUERY], stdout=out, check=True)
        os.fsync(out.fileno())
    return time.perf_counter() - started


async def ours(home: Path, source: Path, watch: Watch, base: list[float]) -> dict[str, float]:
    """Import the zip and export it in each format, twice; gives the better seconds for each."""
    for name, text in etc().items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    taken: dict[str, float] = {}
    config = configuration.load(home / "etc")
    async with daemon.opened(home / "etc", config) as instance, anyio.create_task_group() as tasks:
        tasks.start_soon(daemon.serve, instance)
        inbox = config.inboxes["bench"]
        while not inbox.is_dir():
            await anyio.sleep(0.01)
        shutil.copy(source, inbox / ".draft")
        (inbox / ".draft").rename(inbox / "0.zip")
        await state(instance, 1, "archived")
        watch.mine = watch.worker = 0
        tasks.start_soon(watch.stalls)
        for name in (*FORMATS, *FORMATS):
            async with instance.store.writing() as tx:
                run = await exporting.begin(
                    instance.exports, tx, name, occurrence=None, name=None, actor=None, note=None
                )
            started = time.perf_counter()
            await state(instance, run, "published")
            seconds = time.perf_counter() - started
            taken[name] = min(seconds, taken.get(name, seconds))
            if name == "csv":
                base.append(
                    await anyio.to_thread.run_sync(shell, config.var / "impexd.db", home / "x")
                )
        tasks.cancel_scope.cancel()
    return taken


async def state(instance: daemon.Instance, run: int, wanted: str) -> None:
    """Wait until a run is through."""
    while True:
        async with instance.store.reading() as tx:
            found = await runs.get(tx, run)
        if found is not None and found.state == wanted and found.finished:
            return
        if found is not None and found.state in ("rejected", "failed", "held"):
            raise SystemExit(f"run {run} ended as {found.state}: {found.message}")
        await anyio.sleep(0.02)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    wanted = parser.parse_args()
    log.start("warning")
    with tempfile.TemporaryDirectory(prefix="impexd-bench-") as folder:
        home = Path(folder)
        source = home / "articles.zip"
        import_bench.generate(source, wanted.rows, "csv", in_order=True)
        base: list[float] = []
        with Watch() as watch:
            mine = anyio.run(ours, home, source, watch, base)
        rows, shells = wanted.rows, min(base)
        print(f"{rows:,} rows x 10 columns")
        print(f"{'sqlite3 -csv':12} {rows / shells:>10,.0f} r/s")
        for name, seconds in mine.items():
            print(f"{name:12} {rows / seconds:>10,.0f} r/s {shells / seconds:>7.2f}")
        print(f"peak memory: daemon {watch.mine >> 20} MB, worker {watch.worker >> 20} MB")
        stall, busy = watch.stall * 1000, watch.busy * 1000
        print(f"longest stall of the loop: {stall:.0f} ms; at work without a pause: {busy:.0f} ms")


if __name__ == "__main__":
    main()
