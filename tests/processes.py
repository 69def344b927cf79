"""
Real processes of impexd, seen from outside: started, asked, signalled, killed.

A `Site` is an instance on the disk; a `Running` is one process of it, with all it has started.
Nothing here waits for a fixed time: `until` looks again and again until something holds.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from tests import shop, warm

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds after which something that must happen is said not to: machines may be slow."""

ROOT = Path(__file__).parent.parent


def until(found: Callable[[], T], what: str, *, seconds: float = PATIENCE) -> T:
    """Wait until something holds, and give what was found; AssertionError if it never does."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)
    return value


class Running:
    """A process of impexd that leads a group of its own, so that it can be killed with its workers."""

    def __init__(self, process: warm.Process, output: Path) -> None:
        self._process = process
        self._output = output

    @property
    def pid(self) -> int:
        """The daemon's own process."""
        return self._process.pid

    def said(self) -> str:
        """All it has written so far."""
        return self._output.read_text("utf-8", "replace")

    def events(self) -> list[dict[str, Any]]:
        """All it has logged so far, as JSON; what is no JSON (a warning, a trace) is left out."""
        lines = self.said().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def logged(self, event: str) -> dict[str, Any] | None:
        """Give the newest event of this name."""
        return next((one for one in reversed(self.events()) if one["event"] == event), None)

    def ended(self) -> int | None:
        """Give its exit status if it has ended; a signal is negative."""
        return self._process.poll()

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:g} s:\n{self.said()}") from None

    def signal(self, number: int) -> None:
        """Send the daemon a signal."""
        self._process.send_signal(number)

    def kill(self, *, group: bool) -> None:
        """End it as `kill -9` does: the daemon with all it has started, or the daemon alone."""
        if self._process.poll() is None:
            (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)
        self.wait()

    def family(self) -> list[psutil.Process]:
        """What is alive of its group."""
        alive = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.pid and process.status() != "zombie":
                    alive.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return alive


class Site:
    """An instance on the disk."""

    def __init__(self, home: Path, etc: Mapping[str, str] = shop.ETC) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.etc = home / "etc"
        self.var = home / "var"
        for name, text in etc.items():
            self.say(name, text)

    def say(self, name: str, text: str) -> None:
        """Write a file of the configuration, whole or not at all."""
        path = self.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, "utf-8")
        draft.replace(path)

    def command(self, *words: str) -> list[str]:
        """Give the command line for this instance."""
        return [sys.executable, "-m", "impexd", "--config", str(self.etc), *words]

    def call(
        self, *words: str, seconds: float = PATIENCE, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        given = ("--config", str(self.etc), *words)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = warm.nursery().start(given, _environment(env), out.fileno(), err.fileno())
            try:
                code = process.wait(seconds)
            finally:
                process.send_signal(signal.SIGKILL)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(self.command(*words), code, *texts)

    def ask(self, *words: str) -> Any:
        """Run a command with `--json` and give its one object."""
        done = self.call(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def start(self, *words: str, **env: str) -> Running:
        """Start a command; the caller sees to its end (`started` does)."""
        output = self.home / f"output-{time.monotonic_ns()}.txt"
        with output.open("wb") as out:
            file, given = out.fileno(), ("--config", str(self.etc), *words)
            process = warm.nursery().start(given, _environment(env), file, file)
        return Running(process, output)

    @contextmanager
    def started(self, *words: str, **env: str) -> Iterator[Running]:
        """Start a command that does not outlive the block."""
        running = self.start(*words, **env)
        try:
            yield running
        finally:
            running.kill(group=True)

    @contextmanager
    def daemon(self, **env: str) -> Iterator[Running]:
        """Run the daemon for as long as the block lasts; it is ready when the block begins."""
        socket = self.var / "impexd.sock"
        socket.unlink(missing_ok=True)  # left by one that was killed: it says nothing of the next
        with self.started("run", **env) as running:

            def ready() -> bool:
                assert running.ended() is None, running.said()
                return socket.exists()

            until(ready, "the daemon listens")
            yield running

    def drain(self, **env: str) -> str:
        """Run `impexd run --drain` to its good end; gives its log."""
        with self.started("run", "--drain", **env) as running:
            code = running.wait()
        said = running.said()
        assert code == 0, said
        assert "Traceback" not in said, said
        return said

    def drop(self, name: str | bytes, data: bytes, *, group: str = "shop") -> Path:
        """Put a file into an inbox, whole or not at all."""
        inbox = self.var / "inbox" / group
        inbox.mkdir(parents=True, exist_ok=True)
        draft = inbox / ".draft"
        draft.write_bytes(data)
        target = inbox / os.fsdecode(name)
        draft.rename(target)
        return target

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, without changing anything about it; nothing if it is not there yet."""
        path = self.var / "impexd.db"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
                return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "unable to open" in str(error) or "no such table" in str(error):
                return []
            raise

    def runs(self) -> list[dict[str, Any]]:
        """Read the journal."""
        names = (
            "id, state, group_name, name, sha256, place, code, message, counts, attempt, crashes"
        )
        found = self.query(f"SELECT {names} FROM run ORDER BY id")
        rows = [dict(zip(names.split(", "), row, strict=True)) for row in found]
        return [row | {"counts": json.loads(row["counts"] or "{}")} for row in rows]

    def states(self) -> list[str]:
        """The states of all runs, in their order."""
        return [run["state"] for run in self.runs()]

    def shop(self) -> shop.Rows:
        """Read the shop's tables back as its files had them."""
        return {
            entity: sorted(
                tuple(str(value) for value in row)
                for row in self.query(f"SELECT {', '.join(header)} FROM {entity}")
            )
            for entity, header in shop.HEADERS.items()
        }

    def lying(self, room: str) -> list[str]:
        """All that lies below a room of the state folder."""
        top = self.var / room
        return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of an instance with its database made and nothing in it; copy it."""
    site = Site(tmp_path_factory.mktemp("bare"))
    site.drain()
    return site.var


@pytest.fixture
def site(bare: Path, tmp_path: Path) -> Site:
    """An instance of its own."""
    shutil.copytree(bare, tmp_path / "var")
    return Site(tmp_path)


def _environment(said: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMPEXD_")}
    kept.pop("NOTIFY_SOCKET", None)
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(said)
