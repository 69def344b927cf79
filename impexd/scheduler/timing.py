"""
The timetable in force, for those who look after it and those who ask: look, pause, resume, run.

Everything it says is in the database; kept in memory is only when each line is due next, so that
looking at a hundred lines of which none is due costs nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock, stamp
from impexd.core.errors import UsageError, WorldError
from impexd.core.text import shown
from impexd.model.faults import near
from impexd.scheduler import fire
from impexd.scheduler.entries import Entry
from impexd.scheduler.fire import Occurrence, Starts
from impexd.store import occurrences
from impexd.store.again import again
from impexd.store.engine import Store
from impexd.store.occurrences import Line

NEXT = 3
"""Moments told of each schedule."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Looked:
    """When a line was looked at, by what schedule, and when that is worth while again."""

    spec: str
    at: datetime
    again: datetime | None


@dataclass(slots=True)
class Timing:
    """The timetable of an open instance."""

    store: Store
    clock: Clock
    entries: Callable[[], Mapping[str, Entry]]
    """The entries of the configuration in force."""
    starts: Starts
    woken: datetime | None = None
    """When the alarm clock last rang; it does every minute."""
    _looked: dict[str, _Looked] = field(default_factory=dict)
    _retired: frozenset[str] | None = None

    async def look(self) -> bool:
        """
        Deal with everything that is due; says whether all of it could be.

        What could not, because the database does not answer, is due still.
        """
        entries, whole = self.entries(), True
        try:
            if self._retired is None:
                await self.settle()
            await self._retire(frozenset(entries))
        except WorldError as error:
            log.warning("timetable not brought up to date", why=str(error))
            return False
        for name, entry in entries.items():
            if not self._due(entry):
                continue
            try:
                await self._look(entry)
            except WorldError as error:
                log.warning("occurrence waits", name=name, why=str(error))
                whole = False
        return whole

    def _due(self, entry: Entry) -> bool:
        looked, now = self._looked.get(entry.name), self.clock.now()
        if looked is None or looked.spec != entry.schedule.spec or now < looked.at:
            return True
        return looked.again is not None and looked.again <= now

    async def _look(self, entry: Entry) -> None:
        now = self.clock.now()

        async def work(tx: AsyncConnection) -> None:
            await fire.look(tx, entry, self.starts, now=now)

        await again(self.store, work, clock=self.clock)
        self._looked[entry.name] = _Looked(entry.schedule.spec, now, entry.schedule.next(now))

    async def _retire(self, names: frozenset[str]) -> None:
        """Take what the configuration does not name any more off the timetable, once."""
        if names != self._retired:
            await again(self.store, lambda tx: occurrences.retire(tx, names), clock=self.clock)
            self._looked = {name: one for name, one in self._looked.items() if name in names}
            self._retired = names

    async def settle(self) -> None:
        """Note of what has fired what became of it; to be asked when an export may have ended."""
        now = self.clock.now()
        await again(self.store, lambda tx: occurrences.settle(tx, now=now), clock=self.clock)

    async def following(self) -> dict[str, str]:
        """Give when each name is due next; not of those that are paused."""
        now = self.clock.now()
        async with self.store.reading() as conn:
            lines = await occurrences.lines(conn)
        paused = {name for name, one in lines.items() if one.paused is not None}
        found = {
            name: entry.schedule.next(now)
            for name, entry in self.entries().items()
            if name not in paused
        }
        return {name: stamp(moment) for name, moment in found.items() if moment is not None}

    async def pause(self, name: str, *, actor: str | None, note: str | None) -> None:
        """Have nothing of a name fire until it is resumed; UsageError if there is no such name."""
        entry, now = self._entry(name), self.clock.now()

        async def work(tx: AsyncConnection) -> None:
            # What has come and was not looked at yet is paused, too.
            await occurrences.begin(tx, name, entry.schedule.spec, now=now)
            await occurrences.pause(tx, name, now=now, actor=actor, note=note)

        await again(self.store, work, clock=self.clock)
        log.info("schedule paused", name=name, actor=actor)

    async def resume(self, name: str) -> None:
        """Have a name fire again, from now on; UsageError if there is no such name."""
        entry, now = self._entry(name), self.clock.now()

        async def work(tx: AsyncConnection) -> None:
            line = await occurrences.line(tx, name)
            if line is not None and line.paused is not None:
                await fire.look(tx, entry, self.starts, now=now)  # all that came is skipped
                await occurrences.resume(tx, name)

        await again(self.store, work, clock=self.clock)
        log.info("schedule resumed", name=name)

    async def run(self, name: str, *, actor: str | None, note: str | None) -> dict[str, Any]:
        """Fire now, whatever the schedule says; gives the occurrence.  UsageError if there is no such name."""
        entry, now = self._entry(name), self.clock.now()

        async def work(tx: AsyncConnection) -> int:
            at = now
            while (id := await self._manual(tx, name, at, now, actor, note)) is None:
                at += timedelta(milliseconds=1)
            wanted = Occurrence(id, at, actor, note)
            await fire.start(tx, entry, wanted, self.starts, now=now)
            return id

        id = await again(self.store, work, clock=self.clock)
        return await self.occurrence(id)

    async def _manual(
        self,
        tx: AsyncConnection,
        name: str,
        at: datetime,
        now: datetime,
        actor: str | None,
        note: str | None,
    ) -> int | None:
        return await occurrences.add(tx, name, at, now=now, kind="manual", actor=actor, note=note)

    async def occurrence(self, id: int) -> dict[str, Any]:
        """Tell what became of an occurrence; UsageError if there is none."""
        async with self.store.reading() as conn:
            found = await occurrences.get(conn, id)
        if found is None:
            raise UsageError(f"there is no occurrence {id}", hint="`impexd schedule` lists them")
        return found

    async def history(self, name: str, limit: int) -> list[dict[str, Any]]:
        """Give the newest occurrences of a name; UsageError if there is no such name."""
        self._entry(name)
        async with self.store.reading() as conn:
            return await occurrences.listed(conn, name, limit)

    def coming(self, name: str, until: datetime, limit: int) -> list[datetime]:
        """Give the next moments of a name, up to one; UsageError if there is no such name."""
        entry = self._entry(name)
        return list(islice(entry.schedule.between(self.clock.now(), until), limit))

    async def listed(self) -> list[dict[str, Any]]:
        """Give the timetable: each line with its schedule, what was last and what is next."""
        async with self.store.reading() as conn:
            lines, last = await occurrences.lines(conn), await occurrences.last(conn)
        now = self.clock.now()
        return [
            told(entry, lines.get(name), last.get(name), now=now)
            for name, entry in self.entries().items()
        ]

    def _entry(self, name: str) -> Entry:
        entries = self.entries()
        if name not in entries:
            raise UsageError(
                f"nothing called {shown(name)} is on a schedule{near(name, entries)}",
                hint="`impexd schedule` lists what is",
            )
        return entries[name]


def told(
    entry: Entry, line: Line | None, last: Mapping[str, Any] | None, *, now: datetime
) -> dict[str, Any]:
    """Pure: a line of the timetable as one JSON object."""
    paused = line is not None and line.paused is not None
    return {
        "name": entry.name,
        "words": entry.schedule.words,
        "zone": getattr(entry.schedule, "zone", "UTC"),
        "catch_up": entry.catch_up,
        "last": last and {key: last[key] for key in ("id", "at", "kind", "state", "reason", "run")},
        "next": following(entry, now),
        "paused": {"since": line.paused, "actor": line.paused_by, "note": line.paused_note}
        if line is not None and paused
        else None,
    }


def following(entry: Entry, now: datetime) -> list[str]:
    """Pure: the next moments of an entry."""
    found: list[str] = []
    moment = entry.schedule.next(now)
    while moment is not None and len(found) < NEXT:
        found.append(stamp(moment))
        moment = entry.schedule.next(moment)
    return found
