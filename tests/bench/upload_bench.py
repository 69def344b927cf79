"""
What a large upload costs the daemon, and what is left of one that is cut half way.

    python -m tests.bench.upload_bench [MEBIBYTES]

Sends a file (2048 MiB) through the API in pieces, as the pages do, has it taken into its group, sends
another to its half and drops the connection in the middle of a piece, goes on with it, cuts a third
and lets a day go by.  Prints speed and the daemon's memory; ends with 1 if it grew by more than `GROWTH`.
"""

import os
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psutil

from tests.browser.site import Site, running
from tests.processes import until

PIECE = 8 << 20
"""Bytes that the pages send at once."""
GROWTH = 40.0
"""Megabytes by which the daemon may grow."""


@dataclass
class Watch:
    """The daemon's memory while something goes on, in megabytes."""

    pid: int
    peak: float = 0.0
    end: threading.Event = field(default_factory=threading.Event)

    def now(self) -> float:
        """Give what it is."""
        return psutil.Process(self.pid).memory_info().rss / 1e6

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note the peak for as long as the block lasts."""
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self.end.set()
            thread.join()

    def _look(self) -> None:
        while not self.end.wait(0.02):
            self.peak = max(self.peak, self.now())


def begun(http: httpx2.Client, name: str, size: int) -> str:
    """Announce a file; gives its token."""
    told = {"group": "items", "name": name, "bytes": size}
    return str(_told(http.post("/api/v1/uploads", json=told))["token"])


def sent(http: httpx2.Client, token: str, data: bytes, at: int, end: int) -> None:
    """Send pieces from one place to another."""
    while at < end:
        piece = data[: min(PIECE, end - at)]
        answer = _told(http.put(f"/api/v1/uploads/{token}?at={at}", content=piece))
        at += len(piece)
        assert answer["received"] == at


def cut(site: Site, headers: dict[str, str], token: str, at: int, data: bytes) -> None:
    """Send half of a piece and drop the connection."""
    place = urlsplit(site.url)
    lines = [f"PUT /api/v1/uploads/{token}?at={at} HTTP/1.1", f"host: {place.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {PIECE}", "", ""]
    with socket.create_connection((place.hostname or "", place.port or 0)) as peer:
        peer.sendall("\r\n".join(lines).encode() + data[: PIECE // 2])


def received(http: httpx2.Client, token: str) -> int:
    """Say how much of an upload is there."""
    found = _told(http.get("/api/v1/uploads"))["uploads"]
    return next((int(one["received"]) for one in found if one["token"] == token), -1)


def _told(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


def measure(home: Path, size: int) -> bool:
    uploads, data = home / "var" / "uploads", os.urandom(PIECE)
    with running(home) as site:
        headers = {"authorization": f"Bearer {site.token('operator')}"}
        with httpx2.Client(base_url=site.url, headers=headers, timeout=600) as http:
            small = begun(http, "items-small.csv", 4 * PIECE)
            sent(http, small, data, 0, 4 * PIECE)  # what is loaded once is loaded now
            grown = whole(site, http, data, size)
            half = begun(http, "items-half.csv", size)
            sent(http, half, data, 0, size // 2)
            cut(site, headers, half, size // 2, data)
            halved(http, half, data, size)
            assert sorted(path.name for path in uploads.iterdir()) == sorted([small, half])
            stale = begun(http, "items-stale.csv", size)
            sent(http, stale, data, 0, PIECE)
        _aged(home / "var" / "impexd.db")
    with running(home):
        until(lambda: not list(uploads.iterdir()), "that what nobody goes on with is removed")
        print("a day later, after the next tidying: nothing left")
    return grown < GROWTH


def whole(site: Site, http: httpx2.Client, data: bytes, size: int) -> float:
    """Send a file and have it taken in; gives by how much the daemon grew."""
    watch = Watch(site.pid)
    before = watch.now()
    with watch.watching():
        one = begun(http, "items-large.csv", size)
        since = time.monotonic()
        sent(http, one, data, 0, size)
        took = time.monotonic() - since
        run = _told(http.post(f"/api/v1/uploads/{one}/import", json={}))["run"]
        taken = time.monotonic() - since - took
        state = f"/api/v1/runs/{run}"
        until(lambda: _told(http.get(state))["settled"], "the run", seconds=600)
    print(f"{size >> 20} MiB in pieces of {PIECE >> 20} MiB: {size / 1e6 / took:.0f} MB/s")
    print(f"hashed and taken into its group in {taken:.1f} s")
    print(f"memory: {before:.0f} MB before, {watch.peak:.0f} MB peak, {watch.now():.0f} MB after")
    return watch.peak - before


def halved(http: httpx2.Client, token: str, data: bytes, size: int) -> None:
    """See what is left of a file that was cut half way, and go on with it."""
    there, runs = received(http, token), _told(http.get("/api/v1/runs"))["runs"]
    print(f"cut at {size // 2 >> 20} MiB: {there >> 20} MiB to go on from; runs: {len(runs)}")
    assert there >= size // 2
    until(lambda: _whole(http, token, data, received(http, token), size), "the rest of it")
    print("gone on with: whole")


def _whole(http: httpx2.Client, token: str, data: bytes, at: int, size: int) -> bool:
    """Go on where it stopped; False while the piece that was cut is still being put away."""
    first = http.put(f"/api/v1/uploads/{token}?at={at}", content=data[: min(PIECE, size - at)])
    if not first.is_success:
        return False
    sent(http, token, data, int(first.json()["received"]), size)
    return received(http, token) == size


def _aged(database: Path) -> None:
    """Let a day go by for all uploads."""
    with sqlite3.connect(database, timeout=60) as db:
        db.execute("UPDATE upload SET seen = '2020-01-01T00:00:00.000Z'")


def main() -> None:
    size = (int(sys.argv[1]) if sys.argv[1:] else 2048) << 20
    with tempfile.TemporaryDirectory() as home:
        good = measure(Path(home), size)
    print(f"grew by less than {GROWTH:.0f} MB: {'yes' if good else 'no'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
