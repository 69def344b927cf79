"""
The work of the scheduler, as the queue carries it out: a scheduled inbox, the housekeeping.

Each is harmless when begun again.  What became of it is written on the occurrences it was for:
all of its name that have fired, for one that comes due while another waits is the same work.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import ImpexError, WorldError
from impexd.core.text import shown
from impexd.imports import keeping, parking
from impexd.imports.bench import Bench
from impexd.imports.pictures import sweep
from impexd.inbox import desk as inlets
from impexd.inbox import intake, retention
from impexd.inbox.intake import Taken
from impexd.queue.jobs import HOUSE, Job, Queue, at
from impexd.scheduler.entries import Entry, timed
from impexd.scheduler.fire import Occurrence
from impexd.store import nodes, occurrences
from impexd.store.again import again
from impexd.store.occurrences import Became
from impexd.upkeep import purge

INBOX, KEEP = "inbox", "keep"
"""The tasks."""

JOURNAL, HOUSEHOLD = 400, 30
"""Days for which occurrences are kept, and those of the housekeeping."""

SOON = 0.05
"""Least seconds between two passes over one inbox."""

Report = Callable[[str, Taken | str], None]
"""Is told of a group: what a pass did, or why it cannot be made for now."""


@dataclass(frozen=True, slots=True)
class Works:
    """What is done when something has come due."""

    bench: Bench
    queue: Queue
    report: Report
    more: Mapping[str, Callable[[], Awaitable[int]]]
    """Parts of the housekeeping that are done in other rooms; see `PARTS`."""

    async def start_inbox(self, tx: AsyncConnection, entry: Entry, _what: Occurrence) -> None:
        """Have an inbox taken, on each node its own."""
        for node in await nodes.ids(tx):
            await self._inbox(tx, node, entry.subject, 0.0)

    async def start_keep(self, tx: AsyncConnection, entry: Entry, _what: Occurrence) -> None:
        """Have a part of the housekeeping done."""
        part = entry.subject
        what = f"keep-{part}"
        lanes = {HOUSE: what}
        if part in FOLDERS:
            lanes = {at(node): at(node, what) for node in await nodes.ids(tx)}
        for lane, once in lanes.items():
            lock = f"keep-{lane}"
            await self.queue.enqueue(
                tx, KEEP, {"part": part}, lock=lock, priority=-50, once=once, lane=lane
            )

    async def _inbox(self, tx: AsyncConnection, node: int, group: str, wait: float) -> None:
        name = at(node, f"inbox-{group}")
        later = self.bench.desk.clock.now() + timedelta(seconds=wait) if wait else None
        await self.queue.enqueue(
            tx, INBOX, {"group": group}, lock=name, not_before=later, once=name, lane=at(node)
        )

    async def inbox(self, job: Job) -> None:
        """Make one pass over a scheduled inbox; another follows for as long as something settles there."""
        group, config = str(job.args["group"]), self.bench.config
        name = f"inbox:{group}"
        if group not in timed(config):
            await self._ended(name, Became.SKIPPED, "this inbox is not on a schedule any more")
            return
        inlet = inlets.inlet(
            group,
            config.groups[group],
            var=config.var,
            limits=config.instance.limits,
            config_hash=config.hash,
        )
        try:
            with intake.world(inlet):
                await anyio.Path(inlet.path).mkdir(parents=True, exist_ok=True)
            taken = await intake.take(self.bench.desk, inlet)
        except WorldError as error:
            self.report(group, str(error))
            raise
        self.report(group, taken)
        if taken.settling is None:
            await self._ended(name, Became.DONE, None)
            return
        wait = max(taken.settling, SOON)
        desk = self.bench.desk
        await again(
            desk.store, lambda tx: self._inbox(tx, desk.node, group, wait), clock=desk.clock
        )

    async def keep(self, job: Job) -> None:
        """Do a part of the housekeeping."""
        part = str(job.args["part"])
        try:
            done = await (self.more[part]() if part in self.more else PARTS[part](self.bench))
        except Exception as error:
            if not (isinstance(error, ImpexError) and error.passing):
                await self._ended(f"keep:{part}", Became.FAILED, shown(str(error), limit=500))
            raise
        await self._ended(f"keep:{part}", Became.DONE, f"{done} cleared" if done else None)

    async def _ended(self, name: str, became: Became, reason: str | None) -> None:
        now = self.bench.desk.clock.now()

        async def work(tx: AsyncConnection) -> None:
            await occurrences.end(tx, became, now=now, reason=reason, name=name)

        await again(self.bench.desk.store, work, clock=self.bench.desk.clock)


async def _parked(bench: Bench) -> int:
    return len(await parking.tend(bench))


async def _archive(bench: Bench) -> int:
    keep = {name: group.keep for name, group in bench.config.groups.items()}
    failed = bench.config.instance.keep.failed
    return await retention.clear(bench.desk, keep, failed=failed)


async def _occurrences(bench: Bench) -> int:
    now = bench.desk.clock.now()

    async def work(tx: AsyncConnection) -> int:
        return await occurrences.purge(tx, now=now, keep=JOURNAL, housekeeping=HOUSEHOLD)

    return await again(bench.desk.store, work, clock=bench.desk.clock)


def _purged(what: str) -> Callable[[Bench], Awaitable[int]]:
    """Give what purges one thing that is kept for so many days."""

    async def clear(bench: Bench) -> int:
        desk = bench.desk
        return await purge.clear(desk.store, desk.clock, what, bench.config.instance.keep)

    return clear


FOLDERS = frozenset({"archive", "outbox", "pictures"})
"""The parts that clear folders: each node does its own."""

PARTS: Mapping[str, Callable[[Bench], Awaitable[int]]] = {
    "undo": keeping.clear,
    "parked": _parked,
    "archive": _archive,
    "occurrences": _occurrences,
    "pictures": sweep.clear,
    "log": _purged("log"),
    "notices": _purged("notices"),
    "audit": _purged("audit"),
    "messages": _purged("messages"),
}
"""The parts of the housekeeping; each gives how much it cleared."""
