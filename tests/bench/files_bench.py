"""
How fast many small files are, beside a script that loads one after the other.

    python -m tests.bench.files_bench [--files 10000] [--rows 10]

Puts files of a few rows into an inbox of a running daemon, and one into the inbox of another group
once half of them are done.  Prints files per second from the first claim to the last archived file,
the peak memory of daemon and worker, and how long the other group's file took; beside it, what csv +
sqlite3 makes of the same files with a durable commit and a durable rename for each.
"""

import argparse
import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

COLUMNS = ("code", "name", "price", "stock")
DESCRIPTOR = 'entity = "{0}"\n[file]\nmatch = ".*"\n' + "".join(
    f'[[column]]\nfrom = "{name}"\nto = "{name}"\n' for name in COLUMNS
)
FIELDS = 'code = {}\nname = {}\nprice = { type = "decimal" }\nstock = { type = "integer" }\n'
GROUP = 'kind = "import"\ndescriptors = ["{0}"]\ninbox = {{ settle = 0 }}\n'
ETC = {
    "impexd.toml": '[log]\nlevel = "warning"\n',
    "entities/bench.toml": "".join(
        f'[entity.{name}]\nkey = ["code"]\n[entity.{name}.field]\n{FIELDS}'
        for name in ("many", "other")
    ),
} | {
    f"{folder}/{name}.toml": text.format(name)
    for name in ("many", "other")
    for folder, text in (("descriptors", DESCRIPTOR), ("groups", GROUP))
}
"""Path below etc -> text: two groups that have nothing to do with each other."""


def made(folder: Path, files: int, rows: int) -> None:
    """Write the files."""
    folder.mkdir(parents=True)
    head = ",".join(COLUMNS)
    for n in range(files):
        lines = (f"P{n:06d}-{row},Name {row} of {n},{row}.50,{n}" for row in range(rows))
        (folder / f"f{n:06d}.csv").write_text("\n".join((head, *lines, "")))


def plain(home: Path, files: int, rows: int) -> float:
    """Load the files as a script would, each durably; gives seconds."""
    inbox, done = home / "inbox", home / "done"
    made(inbox, files, rows)
    done.mkdir()
    began = time.perf_counter()
    with closing(sqlite3.connect(home / "plain.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE many (code PRIMARY KEY, name, price, stock)")
        for path in sorted(inbox.iterdir()):
            with path.open(newline="") as file:
                lines = list(csv.reader(file))[1:]
            db.execute("BEGIN")
            db.executemany("INSERT OR REPLACE INTO many VALUES (?, ?, ?, ?)", lines)
            db.execute("COMMIT")
            path.rename(done / path.name)
            _synced(done)
    return time.perf_counter() - began


def _synced(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


@contextmanager
def running(home: Path) -> "Iterator[psutil.Process]":
    """A daemon, for as long as the block lasts."""
    words = [sys.executable, "-m", "impexd", "--config", str(home / "etc"), "run"]
    with (home / "log").open("wb") as log, subprocess.Popen(words, stderr=log) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def ours(home: Path, files: int, rows: int) -> dict[str, float]:
    """Have a daemon load the files; gives seconds, and the most memory in MB."""
    for name, text in ETC.items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made(home / "var" / "inbox" / "many", files, rows)
    peak = {"daemon": 0.0, "workers": 0.0}
    with running(home) as process:
        while (done := _count(home, "many")) < files:
            if "dropped" not in peak and done > files / 2:
                (home / "drop.csv").write_text(f"{','.join(COLUMNS)}\nP,Name,1,1\n")
                (home / "drop.csv").rename(home / "var" / "inbox" / "other" / "drop.csv")
                peak["dropped"] = time.time()
            peak["daemon"] = max(peak["daemon"], process.memory_info().rss / 1e6)
            workers = [one.memory_info().rss / 1e6 for one in process.children()]
            peak["workers"] = max(peak["workers"], *workers, 0.0)
            time.sleep(0.2)
        while not _count(home, "other"):
            time.sleep(0.05)
    found = {"daemon": peak["daemon"], "workers": peak["workers"]}
    span = "86400 * (julianday(max(finished)) - julianday(min(created)))"
    late = f"86400 * (julianday(max(finished)) - 2440587.5) - {peak.get('dropped', 0)}"
    found["seconds"] = _asked(home, f"SELECT {span} FROM run WHERE group_name = 'many'")
    found["other"] = _asked(home, f"SELECT {late} FROM run WHERE group_name = 'other'")
    return found


def _count(home: Path, group: str) -> int:
    ended = f"SELECT count(*) FROM run WHERE group_name = '{group}' AND state = 'archived'"
    try:
        return int(_asked(home, ended))
    except sqlite3.OperationalError:  # there is no database yet
        return 0


def _asked(home: Path, sql: str) -> float:
    with closing(sqlite3.connect(f"file:{home / 'var' / 'impexd.db'}?mode=ro", uri=True)) as db:
        return float(db.execute(sql).fetchone()[0])


def main() -> None:
    """Measure, and print a table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--files", type=int, default=10_000)
    asked.add_argument("--rows", type=int, default=10)
    said = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="impexd-bench-") as folder:
        home = Path(folder)
        seconds = plain(home / "plain", said.files, said.rows)
        shutil.rmtree(home / "plain")
        found = ours(home / "ours", said.files, said.rows)
    print(f"{said.files:,} files of {said.rows} rows        files/s   seconds")
    print(f"csv + sqlite3, one by one   {said.files / seconds:12,.0f} {seconds:9.1f}")
    print(
        f"impexd, inbox to archive    {said.files / found['seconds']:12,.0f} {found['seconds']:9.1f}"
    )
    print(f"daemon {found['daemon']:.0f} MB, worker {found['workers']:.0f} MB at most")
    print(f"a file of another group, dropped half way, was archived after {found['other']:.1f} s")


if __name__ == "__main__":
    main()
