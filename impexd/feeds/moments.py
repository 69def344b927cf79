"""Moments as couriers write them.  Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime

from impexd.core.clock import stamp

_MOST = 1e11
"""Seconds since 1970 beyond this are thousandths, or millionths, or less."""
_COUNT = re.compile(r"([0-9]{1,19}(?:\.[0-9]{0,9})?)|/Date\(([0-9]{1,19})(?:[+-][0-9]{4})?\)/")
"""Seconds since 1970; in the brackets as .NET writes them, where the zone is only how it is shown."""
_RUN = re.compile(r"(?:19|20)[0-9]{6}(?:[0-9]{4}(?:[0-9]{2})?)?")
"""20260131, 202601310800, 20260131080000: as counts they would be of 1970, or of no year to come."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")
_CLOCK = re.compile("%[HIcX]")
"""In a pattern: it says more than a day."""
_ZONE = re.compile(r"(?<=\d) ?(?:UTC|GMT)$|(?<=\d) (?P<off>[+-]\d\d(?::?\d\d)?)$", re.IGNORECASE)
"""A zone that stands apart, or is named."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a courier writes moments, where that is none of the ways that all are known to."""

    patterns: Sequence[str] = ()
    """As strptime's: "%d.%m.%Y %H:%M"."""
    zone: tzinfo = UTC
    """Of a moment that says none."""


PLAIN = Layout()


def moment(text: str, layout: Layout = PLAIN) -> datetime | None:
    """
    Pure: read a moment; None if it is none.

    It may be as the courier's `layout` says; ISO 8601; digits in a run ("20260131080000"); seconds
    since 1970, or thousandths of them; or written as in mails ("Mon, 01 Jun 2026 10:00:00 +0200").
    """
    readings = _readings(text, layout)
    return next((_utc(found, layout.zone) for found in readings if found is not None), None)


def day(text: str, layout: Layout = PLAIN) -> str | None:
    """Pure: read a day, or the moment if it says more than a day, as we keep it; None if it is none."""
    for pattern in layout.patterns:
        found = _patterned(text, pattern)
        if found is not None and not _CLOCK.search(pattern):
            return found.date().isoformat()
    if _DAY.fullmatch(text):
        found = _iso(text)
        return None if found is None else found.date().isoformat()
    found = moment(text, layout)
    return None if found is None else stamp(found)


def _readings(text: str, layout: Layout) -> Iterator[datetime | None]:
    yield from (_patterned(text, pattern) for pattern in layout.patterns)
    if _RUN.fullmatch(text):
        yield _iso(f"{text[:8]}T{text[8:] or '00'}")
    yield _counted(text)
    yield _iso(text)
    yield _mailed(text)


def _patterned(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)
    except ValueError:
        return None


def _counted(text: str) -> datetime | None:
    count = _COUNT.fullmatch(text)
    if count is None:
        return None
    seconds = float(count[1] or count[2])
    if count[2]:
        seconds /= 1000
    while seconds > _MOST:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(_ZONE.sub(_zone, text))
    except ValueError:
        return None


def _zone(found: re.Match[str]) -> str:
    return found["off"] or "+00:00"


def _mailed(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)  # -0000 is UTC, and no zone


def _utc(found: datetime, zone: tzinfo) -> datetime | None:
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
