"""
The alarm clock: APScheduler, which wakes us when something may be due, and does nothing else.

Its jobs ring a bell; who is woken looks at the timetable (`timing`), which knows what is due.  So
none of APScheduler's habits matter: that a job may be late, be left out or run twice, that it
swallows cancellation, that it counts on by the clock of the loop when the wall clock jumps.  A
heartbeat rings every minute whatever happens, and a bell that stays silent for longer is not
waited for.

Its own cron trigger is not used: it loses days when clocks are changed, and takes Tuesday for
Monday.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import anyio
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from impexd.model.schedule import Interval, Schedule
from impexd.scheduler.entries import Entry
from impexd.scheduler.timing import Timing

HEARTBEAT = 60
"""Seconds: the clock may jump, and this is how late that is noticed at most."""

RETRY = 5.0
"""Seconds after which what could not be looked at is looked at again."""

_BEAT = "heartbeat"

log = structlog.get_logger(__name__)


class Trigger(BaseTrigger):  # type: ignore[misc]
    """A schedule of ours for APScheduler.  It never raises: that would stop the clock for ever."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Give the next moment to ring at; moments that have gone by are for the timetable."""
        try:
            return self.schedule.next(max(previous, now) if previous else now)
        except Exception:
            log.exception("no next moment", schedule=repr(self.schedule))
            return now + timedelta(seconds=HEARTBEAT)


@dataclass(slots=True)
class Bell:
    """Rung when something may be due; stays rung until it is heard."""

    _rung: anyio.Event = field(default_factory=anyio.Event)

    async def ring(self) -> None:
        """Ring.  It is a coroutine only because APScheduler would start a thread for a function."""
        self._rung.set()

    async def heard(self, most: float) -> None:
        """Wait until it rings, or for so many seconds."""
        with anyio.move_on_after(most):
            await self._rung.wait()
        self._rung = anyio.Event()


class Alarm:
    """The alarm clock with what it is set for."""

    def __init__(self, scheduler: Any, bell: Bell) -> None:
        self._scheduler = scheduler
        self._bell = bell
        self._set: dict[str, Schedule] = {}

    def arrange(self, entries: Mapping[str, Entry]) -> None:
        """Set it for these entries; what has not changed is left alone."""
        wanted = {name: entry.schedule for name, entry in entries.items()}
        for name in self._set.keys() - wanted.keys():
            self._scheduler.remove_job(name)
        for name, schedule in wanted.items():
            if self._set.get(name) != schedule:
                if name in self._set:
                    self._scheduler.remove_job(name)
                self._scheduler.add_job(self._bell.ring, Trigger(schedule), id=name)
        self._set = wanted


@contextmanager
def started(bell: Bell) -> Iterator[Alarm]:
    """Have an alarm clock go for as long as the block lasts."""
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(bell.ring, Trigger(Interval(HEARTBEAT)), id=_BEAT)
    scheduler.start()
    try:
        yield Alarm(scheduler, bell)
    finally:
        scheduler.shutdown(wait=False)


async def tend(timing: Timing, changed: Callable[[], anyio.Event]) -> NoReturn:
    """
    Look at the timetable whenever something may be due, until cancelled.

    `changed` gives the event that is set when another configuration comes into force.
    """
    bell = Bell()
    with started(bell) as alarm:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_changes, changed, bell)
            while True:
                timing.woken = timing.clock.now()
                alarm.arrange(timing.entries())
                whole = await timing.look()
                await bell.heard(2 * HEARTBEAT if whole else RETRY)
    raise AssertionError("it goes until it is cancelled")


async def _changes(changed: Callable[[], anyio.Event], bell: Bell) -> NoReturn:
    """Ring when another configuration has come into force."""
    while True:
        await changed().wait()
        await bell.ring()
