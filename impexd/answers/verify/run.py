"""
Put the checks together: one snapshot of the database, then the folders, and a second look.

A daemon goes on meanwhile, so a file may be on its way between the two looks: what the second look does
not find again was no difference.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
import anyio.to_thread

from impexd.answers.verify import folders, journal, orders, outbox, tables
from impexd.answers.verify.difference import Difference
from impexd.inbox.desk import Desk
from impexd.model import config as configuration
from impexd.model.config import Config
from impexd.model.run import State
from impexd.store import checks, checks_orders
from impexd.store.checks import Row
from impexd.store.engine import Store

SETTLES = 1.0
"""Seconds after which what was on its way has arrived."""


class Feeds(Protocol):
    """What takes messages in."""

    spool: Store | None


class House(Protocol):
    """What is looked at."""

    store: Store

    @property
    def feeds(self) -> Feeds:
        """What takes messages in; they may lie in a spool of their own."""
        ...

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        ...


@dataclass(slots=True)
class Look:
    """What one look finds."""

    deep: bool
    taken: bool
    files: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    messages: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    known: folders.Known = field(default_factory=folders.Known)
    drafts: set[str] = field(default_factory=set)
    loading: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)


async def verify(house: House, *, deep: bool = True, taken: bool = False) -> dict[str, Any]:
    """
    Hold everything against everything.

    `deep` hashes every file that is kept; `taken` means that files gone from an outbox were taken
    by partners.  Gives the sums, and the differences that are left after a second look.
    """
    first = await _looked(house, Look(deep, taken))
    if first.differences:
        await anyio.sleep(SETTLES)
        second = await _looked(house, Look(deep, taken))
        again = set(second.differences)
        second.differences = [one for one in first.differences if one in again]
        first = second
    return {
        "ok": not first.differences,
        "files": _sums(first.files),
        "rows": _sums(first.rows),
        "messages": first.messages,
        "tasks": first.tasks,
        "differences": [one.told() for one in first.differences],
        "deep": deep,
    }


async def _looked(house: House, look: Look) -> Look:
    var, spooled = house.config.var, 0
    if house.feeds.spool is not None:
        async with house.feeds.spool.reading() as conn:
            spooled = await checks_orders.spooled(conn)
    async with house.store.reading() as conn:
        jobs = await checks.jobs(conn)
        carried: dict[int, list[str]] = defaultdict(list)
        for _, _, status, run in jobs:
            if run is not None:
                carried[run].append(status)
        async for some in checks.runs(conn):
            parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
            for part in await checks.parts(conn, [row.id for row in some]):
                parts[part["run"]].append(part)
            for row in some:
                _count(look, row, parts[row.id])
                look.differences += journal.differences(row, parts[row.id], carried[row.id])
            look.differences += await anyio.to_thread.run_sync(_files, house, look, some)
        async for one in tables.differences(
            conn, house.config.catalogue, house.store.dialect, look.made, look.loading
        ):
            look.differences.append(one)
        look.differences += await orders.differences(conn, house.config)
        look.messages = await orders.messages(conn, spooled)
        look.tasks = await orders.tasks(conn)
    look.differences += await anyio.to_thread.run_sync(
        lambda: list(folders.strays(var, look.known))
    )
    look.differences += await anyio.to_thread.run_sync(_drafts, house, look)
    return look


def _files(house: House, look: Look, some: list[Row]) -> list[Difference]:
    found: list[Difference] = []
    for row in some:
        if row.node != house.desk.node:  # its files are elsewhere; only drafts may share a folder
            if row.kind == "export":
                look.drafts.add(row.token)
            continue
        look.known.add(row)
        found += folders.bytes_of(row, house.config.var, deep=look.deep)
        published = outbox.file_of(row, deep=look.deep)
        found += [one for one in published if one.code != "outbox_missing" or not look.taken]
        if row.kind == "export" and row.state in outbox.GOING:
            look.drafts.add(row.token)
    return found


def _drafts(house: House, look: Look) -> list[Difference]:
    config = house.config
    return [
        one
        for name, group in config.exports.items()
        for one in outbox.drafts(configuration.outbox(group, name, config.var), look.drafts)
    ]


def _count(look: Look, row: Row, parts: list[dict[str, Any]]) -> None:
    """Add a run to the sums."""
    if row.kind == "export":
        return
    if row.state in journal.IMPORTED:
        for entity, counts in row.counts.items():
            look.made[entity] += counts.get("inserted", 0) - counts.get("deleted", 0)
    elif row.state in (State.STAGING, State.APPLYING, State.HELD, State.CLAIMED):
        look.loading |= {part["entity"] for part in parts if part["state"] != "planned"}
    if row.kind != "import":
        return
    fate = journal.fate(row)
    look.files[fate or "unknown"] += 1
    if fate == "imported":
        for part in parts:
            counts = part["counts"] or {}
            look.rows["received"] += counts.get("read", 0)
            look.rows["rejected"] += counts.get("rejected", 0)
            look.rows["pending"] += counts.get("parked", 0)
            done = counts.get("read", 0) - counts.get("rejected", 0) - counts.get("parked", 0)
            look.rows["imported"] += done


def _sums(counted: Counter[str]) -> dict[str, int]:
    """Pure: received = imported + rejected + duplicate + pending, with what else there is."""
    sums = {name: counted[name] for name in ("imported", "rejected", "duplicate", "pending")}
    others = {name: counted[name] for name in ("shown", "void", "unknown") if counted[name]}
    received = counted.get("received") or sum(sums.values())
    return {"received": received} | sums | others
