"""
Look at one line of the timetable: deal with every moment that has come, in one transaction.

What has come is journalled, and what is to be done about it is in the queue, or neither is.  Of
several daemons that look, each moment is dealt with by one: the line is locked meanwhile, and the
journal takes a moment of a name only once.  The clock may jump.  Put forward, it makes moments
come early, and once; put back, they come by again and are known already.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import ImpexError
from impexd.core.text import shown
from impexd.model import schedule
from impexd.model.group import CatchUp
from impexd.model.schedule import Schedule
from impexd.scheduler import due
from impexd.scheduler.entries import Entry, Kind
from impexd.store import occurrences
from impexd.store.occurrences import Became, Line

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that has come due, or that a person wants done now."""

    id: int
    at: datetime
    actor: str | None = None
    note: str | None = None


Start = Callable[[AsyncConnection, Entry, Occurrence], Awaitable[int | None]]
"""
Put the work into the queue, in the transaction; gives the run it becomes, if it becomes one.

It MUST have no other effect.  An `ImpexError` that is not passing makes the occurrence `failed`.
"""
Starts = Mapping[Kind, Start]


async def look(tx: AsyncConnection, entry: Entry, starts: Starts, *, now: datetime) -> None:
    """Deal with all that has come due of an entry."""
    spec = entry.schedule.spec
    line = await occurrences.begin(tx, entry.name, spec, now=now)
    # What the old schedule promised until now it keeps, the new one begins now.
    if line.spec == spec:
        await _deal(tx, entry, line, entry.schedule, entry.catch_up, starts, now)
        await occurrences.saw(tx, entry.name, now=now)
        return
    if line.spec and (old := schedule.parse(line.spec)):
        await _deal(tx, entry, line, old, entry.catch_up, starts, now)
    await occurrences.renew(tx, entry.name, spec, now=now)


async def _deal(
    tx: AsyncConnection,
    entry: Entry,
    line: Line,
    when: Schedule,
    policy: CatchUp,
    starts: Starts,
    now: datetime,
) -> None:
    # A clock that was wrong for a while leaves a `seen` that lies too early, or a `since` of the
    # future, which means nothing.
    after = max(line.seen, line.since) if line.since <= now else line.seen
    moments, more = schedule.latest(when, after, now, due.MOST)
    paused = line.paused is not None
    decided = due.decide(moments, now=now, policy=policy, paused=paused, more=more)
    # Of these nobody asks which hours they were not done in.
    quiet = entry.kind in ("keep", "feed")
    skipped = [(one.at, one.skip) for one in decided if one.skip and not quiet]
    await occurrences.skip(tx, entry.name, skipped, now=now)
    if skipped:
        log.info("occurrences skipped", name=entry.name, count=len(skipped), why=skipped[-1][1])
    for one in decided:
        if not one.skip:
            id = await occurrences.add(tx, entry.name, one.at, now=now)
            if id is not None:
                await start(tx, entry, Occurrence(id, one.at), starts, now=now)


async def start(
    tx: AsyncConnection, entry: Entry, what: Occurrence, starts: Starts, *, now: datetime
) -> int | None:
    """Start what an occurrence calls for; gives its run, if it becomes one."""
    try:
        async with tx.begin_nested():
            run = await starts[entry.kind](tx, entry, what)
    except ImpexError as error:
        if error.passing:
            raise
        told = shown(str(error), limit=500)
        await occurrences.end(tx, Became.FAILED, now=now, reason=told, id=what.id)
        log.warning("occurrence failed", name=entry.name, why=told)
        return None
    await occurrences.begun(tx, what.id, run)
    log.info("occurrence fired", name=entry.name, occurrence=what.id, run=run)
    return run
