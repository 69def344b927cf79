"""
When something is to be done: a cron expression in a time zone, or every so many seconds.

Pure values: moments in, moments out, all of them aware and in UTC.  Cron is read as Debian's cron
reads it (by cronsim): a time that the clock jumps over in spring comes once, at the first instant
after the gap; one that comes twice in autumn counts the first time only; schedules of the kind
"every so many minutes" go by the time that passes.  Intervals are counted from 1970, so a reload
or a restart does not shift them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from impexd.model import passing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNITS = {"s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86_400}
"""What an interval is counted in, in seconds."""
LEAST, MOST = 10, 366 * 86_400
"""Seconds: the bounds of an interval."""

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
RANGES = ("0 to 59", "0 to 23", "1 to 31 or L", "1 to 12 or JAN to DEC", "0 to 7 or SUN to SAT")
LONGEST = 200
"""Characters of a cron expression."""

_FAULTS = {
    "Bad minute": 0,
    "Bad hour": 1,
    "Bad day-of-month": 2,
    "Bad month": 3,
    "Bad day-of-week": 4,
}
_SINCE = datetime(2024, 1, 1)
"""From here on a right expression has a next moment: it is a leap year."""


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times of a cron expression, as the clocks of a time zone show them."""

    expression: str
    zone: str = "UTC"

    def next(self, after: datetime) -> datetime | None:
        """Pure: the first moment after another; None if there is none for fifty years."""
        return next(self._from(after), None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Pure: all moments after the one, up to and with the other."""
        for moment in self._from(after):
            if moment > until:
                return
            yield moment

    def _from(self, after: datetime) -> Iterator[datetime]:
        minute, hour = self.expression.split()[:2]
        zone = _zone(self.zone)
        try:
            if minute.startswith("*") or hour.startswith("*"):
                yield from passing.moments(self.expression, zone, after)
                return
            last = after
            for local in CronSim(self.expression, after.astimezone(zone)):
                moment = local.astimezone(UTC)
                # In the second of two equal hours cronsim begins with moments of the first.
                if moment > last:
                    last = moment
                    yield moment
        except OverflowError:  # the end of the calendar
            return

    @property
    def words(self) -> str:
        """The schedule as a person says it."""
        said = CronSim(self.expression, _SINCE).explain()
        return f"{said[:1].lower()}{said[1:]}, {self.zone}"

    @property
    def spec(self) -> str:
        """The schedule as `parse` reads it back."""
        return f"cron {self.zone} {self.expression}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so many seconds, counted from 1970."""

    seconds: int

    def next(self, after: datetime) -> datetime | None:
        """Pure: the first moment after another; None at the end of the calendar."""
        return next(self._from(after), None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Pure: all moments after the one, up to and with the other."""
        for moment in self._from(after):
            if moment > until:
                return
            yield moment

    def _from(self, after: datetime) -> Iterator[datetime]:
        step = timedelta(seconds=self.seconds)
        count = (after - EPOCH) // step
        try:
            while True:
                count += 1
                yield EPOCH + count * step
        except OverflowError:
            return

    @property
    def words(self) -> str:
        """The schedule as a person says it."""
        unit = next(unit for unit in ("d", "h", "min", "s") if self.seconds % UNITS[unit] == 0)
        count = self.seconds // UNITS[unit]
        return f"every {count} {unit}" if count > 1 else f"every {_WHOLE[unit]}"

    @property
    def spec(self) -> str:
        """The schedule as `parse` reads it back."""
        return f"every {self.seconds} s"


Schedule = Cron | Interval
_WHOLE = {"d": "day", "h": "hour", "min": "minute", "s": "second"}


def made(cron: str | None, every: str | None, zone: str = "UTC") -> Schedule | None:
    """Pure: the schedule that a configuration says; None if none.  ValueError says what is wrong."""
    if cron is not None:
        if reason := cron_fault(cron):
            raise ValueError(reason)
        return Cron(" ".join(cron.split()), zone)
    return None if every is None else Interval(seconds(every))


def parse(spec: str) -> Schedule | None:
    """Pure: read a `spec`; None if it is none (any more)."""
    kind, _, rest = spec.partition(" ")
    try:
        if kind == "cron":
            zone, _, expression = rest.partition(" ")
            _zone(zone)
            return made(expression, None, zone)
        return made(None, rest) if kind == "every" else None
    except (ValueError, LookupError, OSError):
        return None


def latest(
    schedule: Schedule, after: datetime, until: datetime, most: int
) -> tuple[list[datetime], bool]:
    """
    Pure: the last moments after the one, up to and with the other; says also whether there are more.

    However far apart they are, about `most` moments are looked at.
    """
    span = timedelta(hours=1)
    while (start := _back(until, span)) > after:
        found = list(schedule.between(start, until))
        if len(found) > most:
            return found[-most:], True
        span *= 2
    found = list(schedule.between(after, until))
    return found[-most:], len(found) > most


def _back(moment: datetime, span: timedelta) -> datetime:
    return moment - min(span, moment - EPOCH) if moment > EPOCH else EPOCH


def seconds(text: str) -> int:
    """Pure: read `"15 min"`, `"2 h"`; ValueError says what is wrong."""
    found = re.fullmatch(r"([0-9]{1,9})\s*([a-z]{1,3})", text.strip())
    if not found or found[2] not in UNITS:
        raise ValueError('a number with s, min, h or d is wanted here, like "15 min" or "2 h"')
    count = int(found[1]) * UNITS[found[2]]
    if not LEAST <= count <= MOST:
        raise ValueError(f"at least {LEAST} s and at most 366 d are wanted here")
    return count


def cron_fault(expression: str) -> str:
    """Pure: say what is wrong with a cron expression; "" if nothing is."""
    parts = expression.split()
    if len(parts) != len(FIELDS) or len(expression) > LONGEST:
        names = ", ".join(FIELDS)
        return f'five fields are wanted here, {names}, like "0 2 * * *"'
    try:
        if next(CronSim(expression, _SINCE), None) is None:
            return "there is no such day"
    except (CronSimError, AssertionError, TypeError, ValueError) as error:
        return _cron_words(str(error), parts)
    return ""


def _cron_words(said: str, parts: list[str]) -> str:
    number = _FAULTS.get(said)
    if number is None:
        return 'this is no cron expression; one is like "0 2 * * *"'
    if number == 2 and all(part.isdigit() and 1 <= int(part) <= 31 for part in parts[2].split(",")):
        return "no month that is named here has that day"
    return f"the {FIELDS[number]} is wrong; {RANGES[number]} is wanted there, as 5, 1-5, 1,3 or */2"


@cache
def _zone(name: str) -> tzinfo:
    # cronsim knows by `timezone.utc` that no clock is ever changed, and is faster for it.
    return UTC if name == "UTC" else ZoneInfo(name)
