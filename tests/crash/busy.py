"""
A busy instance: files drop into two inboxes, couriers push, files are handed in piece by piece, exports run.

`Busy` is what goes on outside the daemon, whatever is done to it meanwhile; whoever was not answered
asks again, as they would.  `told` holds what was confirmed against what the instance has then: nothing
may be lost, nothing doubled.
"""

import base64
import csv
import hmac
import http.client
import json
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests import shop
from tests.processes import Site, until

SECRET = "DRILL_SECRET"
os.environ[SECRET] = "s3cret of a courier"
FIRST = {"shop": 0, "more": 1000, "hand": 2000}
"""Group -> the number of its first product: none writes what another does."""
PRODUCTS = 20
AHEAD = 3
"""Drops of a group that may wait: who drops more only measures the machine."""
MAIN = shop.ETC["impexd.toml"] + '[admin]\nlisten = "off"\n'


def etc(port: int) -> dict[str, str]:
    """Two inboxes, a group for what is handed in, a webhook, an export every minute and by hand."""
    group = shop.ETC["groups/shop.toml"]
    export = shop.EXPORT["groups/changes.toml"] + 'every = "1 min"\n'
    return (
        shop.ETC
        | shop.EXPORT
        | {
            "impexd.toml": f'{MAIN}[webhooks]\nlisten = "127.0.0.1:{port}"\n',
            "groups/more.toml": group,
            "groups/hand.toml": group,
            "groups/changes.toml": export,
            "feeds/plain.toml": 'kind = "map"\n[message]\nid = "id"\norder = "order"\nstatus = "status"\n',
            "feeds/hook.toml": 'kind = "webhook"\nmap = "plain"\nscheme = "aftership"\n'
            f'secrets = [{{ env = "{SECRET}" }}]\nrate = 100000\n',
        }
    )


def port() -> int:
    """A port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class _Unix(http.client.HTTPConnection):
    """HTTP over a daemon's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("impexd", timeout=30)
        self._path = path

    def connect(self) -> None:
        """Reach the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def asked(site: Site, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask the daemon; (status, document).  OSError or HTTPException if it does not answer."""
    connection = _Unix(site.var / "impexd.sock")
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, raw, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


UNANSWERED = (OSError, http.client.HTTPException, ValueError)
"""What it looks like when a daemon goes away under a question."""


@dataclass
class Busy:
    """What goes on outside, and what was confirmed to whom."""

    site: Site
    port: int
    pause: float = 0.5
    """Seconds between two of a kind."""
    editions: Counter[str] = field(default_factory=Counter)
    """Group -> how many files it was given."""
    confirmed: list[str] = field(default_factory=list)
    """The messages that were answered with 200."""
    again: Counter[str] = field(default_factory=Counter)
    """Who had to ask again, and how often."""
    taken: dict[str, int] = field(default_factory=dict)
    """Name of a file that was handed in -> the run that was confirmed for it."""
    faults: list[BaseException] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def data(self, group: str, edition: int) -> bytes:
        """The file of an edition."""
        return shop.zipped(shop.members(shop.rows(PRODUCTS, edition=edition, first=FIRST[group])))

    def drop(self, group: str) -> None:
        """Put another edition into an inbox, unless some wait there."""
        if len(self.site.lying(f"inbox/{group}")) < AHEAD:
            self.editions[group] += 1
            name = f"{self.editions[group]:05d}.zip"
            self.site.drop(name, self.data(group, self.editions[group]), group=group)

    def push(self) -> None:
        """Push a message, again and again until it is confirmed."""
        id = f"evt-{len(self.confirmed)}"
        body = json.dumps({"id": id, "order": id, "status": "shipped"}).encode()
        mark = base64.b64encode(hmac.digest(os.environ[SECRET].encode(), body, "sha256")).decode()
        headers = {"content-type": "application/json", "aftership-hmac-sha256": mark}
        self._insisted("push", partial(self._pushed, body, headers))
        self.confirmed.append(id)

    def _pushed(self, body: bytes, headers: dict[str, str]) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/hooks/hook", body, headers)
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def hand_in(self) -> None:
        """Hand a file in piece by piece as a browser does, going on wherever it was cut off."""
        self.editions["hand"] += 1
        name = f"{self.editions['hand']:05d}.zip"
        data = self.data("hand", self.editions["hand"])
        self._insisted("upload", partial(self._handed_in, name, data))

    def _handed_in(self, name: str, data: bytes) -> bool:
        said = {"group": "hand", "name": name, "bytes": len(data), "modified": "x"}
        status, one = asked(self.site, "POST", "/api/v1/uploads", said)
        if status != 201:
            return False
        half, token = len(data) // 2, one["token"]
        for start, end in ((0, half), (half, len(data))):
            if one["received"] < end and one["state"] == "coming":
                at = max(start, one["received"])
                path = f"/api/v1/uploads/{token}?at={at}"
                if asked(self.site, "PUT", path, data[at:end])[0] != 200:
                    return False
        status, done = asked(self.site, "POST", f"/api/v1/uploads/{token}/import", {})
        if status == 202:
            self.taken[name] = done["run"]
        return status == 202

    def _insisted(self, who: str, ask: Callable[[], bool]) -> None:
        while True:
            try:
                if ask():
                    return
            except UNANSWERED:
                pass
            self.again[who] += 1
            if self.over.wait(0.05) and self.again[who] > 10_000:
                raise AssertionError(f"{who}: never confirmed")

    @contextmanager
    def going(self) -> Iterator[None]:
        """Have everything go on for as long as the block lasts, and what was begun be ended."""
        doing = (
            partial(self.drop, "shop"),
            partial(self.drop, "more"),
            self.push,
            self.export,
            self.hand_in,
        )
        threads = [threading.Thread(target=self._over_and_over, args=(one,)) for one in doing]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(120)
        assert not self.faults, self.faults

    def export(self) -> None:
        """Have an export made now."""
        try:
            asked(self.site, "POST", "/api/v1/exports", {"group": "changes"})
        except UNANSWERED:
            self.again["export"] += 1

    def _over_and_over(self, do: Callable[[], None]) -> None:
        try:
            while not self.over.wait(self.pause):
                do()
        except BaseException as error:
            self.faults.append(error)

    def settled(self) -> bool:
        """Is everything that was given loaded, sent and told?"""
        counted = "SELECT count(*) FROM "
        open_runs = self.site.query(
            f"{counted} run WHERE state NOT IN ('archived', 'published', 'void', 'rejected')"
        )
        jobs = self.site.query(f"{counted} procrastinate_jobs")
        kept = self.site.query(f"{counted} message")
        waiting = [f for group in ("shop", "more") for f in self.site.lying(f"inbox/{group}")]
        return (
            open_runs == [(0,)]
            and jobs == [(0,)]
            and not waiting
            and kept == [(len(self.confirmed),)]
        )

    def told(self) -> dict[str, Any]:
        """Hold what was confirmed against what there is."""
        runs = [run for run in self.site.runs() if run["state"] != "void"]
        loaded = Counter((r["group_name"], r["name"]) for r in runs if r["state"] == "archived")
        wanted = {
            (group, f"{n + 1:05d}.zip")
            for group, count in self.editions.items()
            for n in range(count)
        }
        kept = dict(self.site.query("SELECT message_id, count(*) FROM message GROUP BY message_id"))
        exported, doubled = self._exported()
        products = {code: name for code, name, _, _ in self.site.shop()["product"]}
        return {
            "files": len(wanted),
            "files_lost": len(wanted - loaded.keys()),
            "files_doubled": sum(count - 1 for count in loaded.values()),
            "files_strange": len(loaded.keys() - wanted),
            "rows_wrong": sum(
                products.get(row[0]) != row[1] for row in self._last() if row[0] in products
            )
            + abs(len(products) - len(self._last())),
            "messages": len(self.confirmed),
            "messages_lost": len(set(self.confirmed) - kept.keys()),
            "messages_doubled": sum(count - 1 for count in kept.values()),
            "exports": sum(run["state"] == "published" for run in runs),
            "exported_lost": sum(exported.get(code) != name for code, name in products.items()),
            "exported_doubled": doubled,
            "occurrences_doubled": self._occurrences(),
            "asked_again": dict(self.again),
        }

    def _last(self) -> list[tuple[str, ...]]:
        """The products as the last edition of each group has them."""
        return [
            row
            for group, count in self.editions.items()
            for row in shop.rows(PRODUCTS, edition=count, first=FIRST[group])["product"]
        ]

    def _exported(self) -> tuple[dict[str, str], int]:
        """(code -> the name that was exported last, changes that were exported twice)."""
        last: dict[str, str] = {}
        counted: Counter[tuple[str, str]] = Counter()
        folder = self.site.var / "outbox" / "changes"
        for path in sorted(folder.glob("*.csv"), key=lambda one: int(one.stem.split("-")[1])):
            with path.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    last[row["code"]] = row["name"]
                    counted[row["code"], row["name"]] += 1
        return last, sum(count - 1 for count in counted.values())

    def _occurrences(self) -> int:
        """Moments of schedules that fired more than once, or whose run there is more than once."""
        moments = self.site.query("SELECT name, at FROM occurrence WHERE kind = 'timed'")
        made = self.site.query(
            "SELECT group_name, occurrence FROM run WHERE occurrence IS NOT NULL"
        )
        return sum(n - 1 for found in (moments, made) for n in Counter(found).values())


def clean(site: Site) -> int:
    """Give how many differences `impexd verify` finds, once everything is at rest."""
    found = site.ask("verify")
    assert found["ok"] == (not found["differences"])
    return len(found["differences"])


WRONG = (
    "files_lost",
    "files_doubled",
    "files_strange",
    "rows_wrong",
    "messages_lost",
    "messages_doubled",
    "exported_lost",
    "exported_doubled",
    "occurrences_doubled",
)
"""What must be 0 of what is told."""


def finished(busy: Busy) -> dict[str, Any]:
    """Wait until all is done, export what is left, and tell; the daemon runs."""
    until(busy.settled, "everything is loaded and told")
    done = busy.site.call("export", "changes")
    assert done.returncode == 0, done.stderr
    until(busy.settled, "the last export is published")
    return busy.told() | {"differences": clean(busy.site)}
