"""
Partners told through kill -9: `python -m tests.crash.chain_drill [ORDERS]` prints what came of it.

Paid orders are put into an instance whose partner answers with errors, takes things and breaks
off, or is slow; the daemon is killed a second after it is ready, again and again, until everybody
has been told.  Then the partner's own book is held against the journal: no event missing, none
that took effect twice, keys and bytes the same each time.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from impexd.orders import eligibility
from impexd.orders.eligibility import Raised
from impexd.store import engine, orders
from tests.orders.chain.house import exporter, order
from tests.peer import OUTBOUND
from tests.processes import Site, until
from tests.shared import HOSTILE

SINK = HOSTILE / "hostile_http.py"
HTTP = """
[http]
url = "{url}/orders"
read = 10
"""
OVER = ("done", "held", "failed", "superseded", "skipped")


def etc(url: str, *, keys: bool) -> dict[str, str]:
    """The ERP is told, then a file is written for the last flag of the chain."""
    patience = {
        "retry": {"first": "1 s", "most": "5 s"},
        "breaker": {"failures": 50, "pause": "1 s", "most": "5 s"},
        "on_unknown": "retry" if keys else "hold",
        "concurrency": 8,
    }
    return {
        "impexd.toml": OUTBOUND,
        "exporters/erp.toml": exporter(
            "http", "INITPAID", HTTP.format(url=url), next="TOLD", **patience
        ),
        "exporters/after.toml": exporter("file", "TOLD"),
    }


async def seed(path: Path, count: int) -> None:
    """Put paid orders into the tables, as a transition leaves them."""
    async with engine.opened(f"sqlite:///{path}") as store:
        for start in range(0, count, 100):
            some = [order(f"O-{n:05d}") for n in range(start, min(start + 100, count))]
            async with store.writing() as tx:
                put = await orders.insert_new(tx, some)
                flags = [Raised("INITPAID", one.id) for one in put]
                await eligibility.raise_flags(tx, flags, now="2026-01-31T08:00:00.000Z")


@contextmanager
def sink(home: Path, *, keys: bool, seed: int) -> Iterator[tuple[str, Path]]:
    """The partner: its URL, and the book of what it was asked and what took effect there."""
    book = home / "sink.log"
    said = [
        "--p503",
        ".1",
        "--pdrop",
        ".1",
        "--p500",
        "0",
        "--pslow",
        ".05",
        "--slow",
        "2",
        "--max-seconds",
        "3000",
    ]
    command = [sys.executable, str(SINK), "sink", "--log", str(book), "--seed", str(seed), *said]
    process = subprocess.Popen(
        command + ([] if keys else ["--no-keys"]), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0], book
    finally:
        process.kill()
        process.wait()


def states(site: Site) -> Counter[tuple[str, str]]:
    """(exporter, state) -> tasks."""
    found = site.query("SELECT exporter, state, count(*) FROM task GROUP BY exporter, state")
    return Counter({(name, state): count for name, state, count in found})


def settled(site: Site, count: int) -> bool:
    """Is everybody told, or held for a person?"""
    open_flags = site.query("SELECT count(*) FROM order_flag WHERE state = 'open'")
    found = states(site)
    over = sum(n for (name, state), n in found.items() if name == "erp" and state in OVER)
    going = sum(n for (_, state), n in found.items() if state not in OVER)
    return over == count and not going and open_flags == [(0,)]


def play(
    home: Path, count: int, *, keys: bool, seed_: int = 1, lives: float = 1.0
) -> dict[str, Any]:
    """Kill and start until all is settled; gives what the partner and the journal say."""
    with sink(home, keys=keys, seed=seed_) as (url, book):
        site = Site(home / "site", etc(url, keys=keys))
        site.drain()
        asyncio.run(seed(site.var / "impexd.db", count))
        kills, begun = 0, time.monotonic()
        while not settled(site, count):
            with site.daemon() as running:
                _lived(site, count, lives)
                running.kill(group=True)
                kills += 1
                assert "Traceback" not in running.said(), running.said()
        site.drain()
        return told(site, book, count) | {
            "kills": kills,
            "seconds": round(time.monotonic() - begun),
        }


def _lived(site: Site, count: int, seconds: float) -> None:
    """Let a daemon live for so long, or until all is settled."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end or settled(site, count), "a life")


def told(site: Site, book: Path, count: int) -> dict[str, Any]:
    """
    Hold the partner's book against the journal.

    A request that was cut off by the kill between its head and its body (`half`) is an event to this
    partner, who then answers 409 to the whole one; it is held, and counted.
    """
    events = [json.loads(line) for line in book.read_text().splitlines()]
    asked = [one for one in events if one["ev"] == "request"]
    rows = site.query("SELECT key, body, state, maybe FROM task WHERE exporter = 'erp'")
    frozen = {key: (body or b"").decode() for key, body, _, _ in rows}
    effects = Counter(one["key"] for one in events if one["ev"] == "effect")
    half = {one["key"] for one in asked if one["body"] != frozen.get(one["key"])}
    done = {key for key, _, state, _ in rows if state == "done"}
    held = {key: maybe for key, _, state, maybe in rows if state == "held"}
    cut = site.query("SELECT count(*) FROM task_event WHERE reason LIKE 'impexd ended%'")
    return {
        "orders": count,
        "requests": len(asked),
        "effects": sum(effects.values()),
        "missing": count - len(held) - len(done & effects.keys()),
        "doubled": sum(n - 1 for n in effects.values()),
        "half": len(half),
        "changed_bodies": sum(
            not frozen.get(one["key"], "").startswith(one["body"]) for one in asked
        ),
        "strange_keys": len({one["key"] for one in asked} - frozen.keys()),
        "cut_short": cut[0][0],
        "done": len(done),
        "held": len(held),
        "held_half": len(half & held.keys()),
        "held_known": sum(not maybe for maybe in held.values()),
        "next_flags": site.query("SELECT count(*) FROM order_flag WHERE flag = 'TOLD'")[0][0],
        "files": len(list((site.var / "outbox" / "after").glob("*.json"))),
        "states": {f"{name} {state}": n for (name, state), n in sorted(states(site).items())},
    }


def main() -> None:
    """Play it with a partner that honours keys, and with one that does not."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("orders", nargs="?", type=int, default=1000)
    count = said.parse_args().orders
    for keys in (True, False):
        with tempfile.TemporaryDirectory(prefix="impexd-drill-") as home:
            found = play(Path(home), count, keys=keys)
            print(json.dumps({"honours_keys": keys} | found), flush=True)


if __name__ == "__main__":
    main()
