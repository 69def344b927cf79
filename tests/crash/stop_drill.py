"""
SIGTERM at random moments: `python -m tests.crash.stop_drill [COUNT]` prints what came of it.

Each time something else is going on: a large import, an export, a partner who takes an order and answers
late, a file that comes piece by piece, a database that somebody else has locked; and all the time a feed
hangs.  The daemon has to end with 0 within its deadline; the next start finishes what was begun.
"""

import argparse
import json
import random
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests import shop
from tests.crash import busy
from tests.crash.chain_drill import HTTP, states
from tests.orders.chain.house import exporter
from tests.peer import OUTBOUND
from tests.processes import Running, Site, until

DEADLINE = 9
"""Seconds that the configuration gives a stop."""
ROWS = 8000
"""Products of a large drop."""
PIECE = 1 << 16
LATE = 1.5
"""Seconds after which the partner answers, which he has long taken the order."""

OVER = ("archived", "published", "void", "duplicate")
"""States that runs end in; what was taken and not confirmed in time is sent again, and is a duplicate."""

FEED = """
kind = "rest"
map = "plain"
url = "{url}/hangs"
every = "10 s"
"""


class _Peer(BaseHTTPRequestHandler):
    """A courier who never answers, and a partner who takes an order at once and answers late."""

    effects: Counter[str]
    over: threading.Event

    def do_GET(self) -> None:
        """Hang."""
        self.over.wait(60)

    def do_POST(self) -> None:
        """Take an order, once for each key."""
        self.rfile.read(int(self.headers["content-length"]))
        self.effects[self.headers["idempotency-key"]] += 1
        self.over.wait(LATE)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def peer() -> Iterator[tuple[str, Counter[str]]]:
    """Courier and partner: their URL, and how often each key was told."""
    told: Counter[str] = Counter()
    over = threading.Event()
    kind = type("Peer", (_Peer,), {"effects": told, "over": over})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", told
        finally:
            over.set()
            server.shutdown()


def etc(url: str) -> dict[str, str]:
    """A shop with an export, a feed that hangs and a partner."""
    found = busy.etc(busy.port())
    found["impexd.toml"] = found["impexd.toml"].replace(
        "stop_deadline = 20", f"stop_deadline = {DEADLINE}"
    )
    patience = {
        "retry": {"first": "1 s", "most": "2 s"},
        "breaker": {"failures": 50, "pause": "1 s", "most": "5 s"},
    }
    return found | {
        "impexd.toml": found["impexd.toml"] + OUTBOUND,
        "feeds/hanging.toml": FEED.format(url=url),
        "exporters/erp.toml": exporter("http", "INITPAID", HTTP.format(url=url), **patience),
    }


def _paid(number: str) -> dict[str, Any]:
    """An order that the partner is told of at once."""
    lines = [{"sku": "A1", "quantity": 1, "warehouse": "W1"}]
    return {"number": number, "lines": lines, "payment": {"state": "confirmed"}}


KINDS = ("import", "export", "partner", "upload", "lock")
"""What is going on while the daemon is told to stop."""
WRONG = (
    "files_lost",
    "files_doubled",
    "orders_lost",
    "orders_under_two_keys",
    "crashes",
    "differences",
)
"""What must be 0 of what is found."""


@dataclass
class Stops:
    """One instance, stopped again and again."""

    site: Site
    told: Counter[str]
    chance: random.Random
    rows: int = ROWS
    edition: int = 0
    orders: int = 0
    files: list[str] = field(default_factory=list)
    """All files that were given."""
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """What was going on -> the seconds in which the daemon ended."""
    lasts: dict[str, float] = field(default_factory=lambda: defaultdict(lambda: 1.0))
    """What is going on -> about how long it does."""
    cut: Counter[str] = field(default_factory=Counter)
    """What was going on -> how often it was really cut short."""

    def play(self, count: int) -> None:
        """Stop and start so many times."""
        kinds: list[Callable[[Running], None]] = [
            self.importing,
            self.exporting,
            self.telling,
            self.uploading,
            self.locked,
        ]
        for n in range(count):
            do = kinds[n % len(kinds)]
            with self.site.daemon() as daemon:
                self._finished()
                do(daemon)
        with self.site.daemon() as daemon:
            self._finished()
            self._stopped(daemon, "nothing")

    def importing(self, daemon: Running) -> None:
        """A large import."""
        self._drop(self.rows)
        self._wait("import")
        self._stopped(daemon, "import")

    def exporting(self, daemon: Running) -> None:
        """An export of everything that has changed."""
        self._drop(self.rows)
        until(self._all_loaded, "there is something to be exported")
        busy.asked(self.site, "POST", "/api/v1/exports", {"group": "changes"})
        self._wait("export")
        self._stopped(daemon, "export")

    def telling(self, daemon: Running) -> None:
        """A partner who takes an order and answers late."""
        self.orders += 1
        before, body = self.told.total(), {"orders": [_paid(f"O-{self.orders:05d}")]}
        status, placed = busy.asked(self.site, "POST", "/api/v1/orders", body)
        assert status < 300, placed
        until(lambda: self.told.total() > before, "the partner is told")
        self._wait("partner", least=LATE)
        self._stopped(daemon, "partner")

    def uploading(self, daemon: Running) -> None:
        """A file that comes piece by piece; it is gone on with at the next start."""
        self.edition += 1
        name, data = self._named(), self._data(self.rows)
        with ThreadPoolExecutor() as lanes:
            going = lanes.submit(self._sent, name, data)
            self._wait("upload")
            self._stopped(daemon, "upload")
        self.files.append(name)
        with self.site.daemon() as daemon:
            assert going.result() or self._sent(name, data), "the upload is gone on with"
            self._finished()
            self._stopped(daemon, "nothing")

    def locked(self, daemon: Running) -> None:
        """A database that somebody else writes to."""
        self._drop(self.rows // 20)
        with closing(sqlite3.connect(self.site.var / "impexd.db", isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout = 60000")
            db.execute("BEGIN IMMEDIATE")
            self._wait("lock")
            self._stopped(daemon, "lock")

    def _named(self) -> str:
        return f"{self.edition:05d}.zip"

    def _data(self, rows: int) -> bytes:
        return shop.zipped(shop.members(shop.rows(rows, edition=self.edition)))

    def _drop(self, rows: int) -> None:
        self.edition += 1
        self.files.append(self._named())
        self.site.drop(self._named(), self._data(rows))

    def _sent(self, name: str, data: bytes) -> bool:
        """Send a file piece by piece, or as far as the daemon lets us."""
        try:
            said = {"group": "shop", "name": name, "bytes": len(data), "modified": "x"}
            status, one = busy.asked(self.site, "POST", "/api/v1/uploads", said)
            at = one["received"] if status == 201 else len(data)
            for start in range(at, len(data), PIECE):
                path = f"/api/v1/uploads/{one['token']}?at={start}"
                status, _ = busy.asked(self.site, "PUT", path, data[start : start + PIECE])
                if status != 200:
                    return False
            path = f"/api/v1/uploads/{one['token']}/import"
            return busy.asked(self.site, "POST", path, {})[0] == 202
        except busy.UNANSWERED:
            return False

    def _wait(self, what: str, *, least: float = 0.0) -> None:
        """Wait for a random part of what something lasts."""
        time.sleep(self.chance.uniform(0, max(self.lasts[what], least)))

    def _stopped(self, daemon: Running, what: str) -> None:
        """Tell the daemon to stop, and hold it that it does so well and in time."""
        self.cut[what] += not self._settled()
        since = time.monotonic()
        daemon.signal(signal.SIGTERM)
        code = daemon.wait()
        took = time.monotonic() - since
        assert (code, took < DEADLINE + 3) == (0, True), (what, code, took, daemon.said())
        assert "Traceback" not in daemon.said(), daemon.said()
        until(lambda: not daemon.family(), "nobody is left behind")
        self.took[what].append(took)

    def _all_loaded(self) -> bool:
        found = self.site.query("SELECT name FROM run WHERE state = 'archived'")
        return len(found) >= len(self.files) and not self.site.lying("inbox/shop")

    def _settled(self) -> bool:
        """Is everything loaded, published and told?"""
        query = f"SELECT count(*) FROM run WHERE state NOT IN {OVER}"
        done = states(self.site)["erp", "done"]
        return self._all_loaded() and self.site.query(query) == [(0,)] and done == self.orders

    def _finished(self) -> None:
        """Wait until what was begun is finished, and learn how long that takes."""
        since = time.monotonic()
        until(self._settled, "what was begun is finished")
        took = time.monotonic() - since
        for what in ("import", "export", "upload", "lock"):
            self.lasts[what] = min(max(0.5, 0.7 * self.lasts[what] + 0.3 * took), 6.0)

    def found(self) -> dict[str, Any]:
        """Hold what was given against what there is."""
        runs = [run for run in self.site.runs() if run["state"] != "void"]
        loaded = Counter(run["name"] for run in runs if run["state"] == "archived")
        keys = self.site.query("SELECT key FROM task WHERE exporter = 'erp'")
        return {
            "files": len(self.files),
            "files_lost": len(set(self.files) - loaded.keys()),
            "files_doubled": sum(count - 1 for count in loaded.values()),
            "orders": self.orders,
            "orders_lost": self.orders - len(self.told),
            "orders_under_two_keys": len(self.told) - len({key for (key,) in keys}),
            "crashes": sum(run["crashes"] for run in runs),
            "differences": busy.clean(self.site),
        }


def play(home: Path, count: int, *, seed: int = 1, rows: int = ROWS) -> dict[str, Any]:
    """Stop and start so many times; gives what came of it."""
    began = time.monotonic()
    with peer() as (url, told):
        site = Site(home, etc(url))
        site.drain()
        stops = Stops(site, told, random.Random(seed), rows)
        stops.play(count)
        found = stops.found()
    slowest = {what: round(max(took), 1) for what, took in stops.took.items()}
    return {
        "stops": {what: len(took) for what, took in stops.took.items()},
        "cut_short": dict(stops.cut),
        "slowest": slowest,
        **found,
        "seconds": round(time.monotonic() - began),
    }


def main() -> None:
    """Play it, and print what came of it."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("count", nargs="?", type=int, default=100)
    count = said.parse_args().count
    with tempfile.TemporaryDirectory(prefix="impexd-stops-") as home:
        print(json.dumps(play(Path(home), count)), flush=True)


if __name__ == "__main__":
    main()
