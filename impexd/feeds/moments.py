"""Moments as couriers write them.  Pure."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MILLIS = 1e11
"""Seconds since 1970 beyond this are milliseconds."""
_ZONE = re.compile(r"(?<=\d) ?(?:UTC|GMT)$|(?<=\d) (?P<off>[+-]\d\d(?::?\d\d)?)$", re.IGNORECASE)
"""A zone that stands apart, or is named."""


def moment(text: str) -> datetime | None:
    """
    Pure: read a moment; None if it is none.

    It may be ISO 8601 (UTC if it says no zone), seconds or milliseconds since 1970, or written as
    in mails ("Mon, 01 Jun 2026 10:00:00 +0200").
    """
    return _counted(text) or _iso(text) or _mailed(text)


def _counted(text: str) -> datetime | None:
    if not (text.isascii() and text.replace(".", "", 1).isdigit()):
        return None
    try:
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLIS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(_ZONE.sub(_zone, text)))
    except (ValueError, OverflowError):
        return None


def _zone(found: re.Match[str]) -> str:
    return found["off"] or "+00:00"


def _mailed(text: str) -> datetime | None:
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _utc(found: datetime) -> datetime:
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
