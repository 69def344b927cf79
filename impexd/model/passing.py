"""
Cron expressions that go by the time that passes: "every 20 minutes", "at ten past each hour".

Pure.  The time is cut where the clocks of the zone are changed, and each stretch is gone through
by itself.  Cronsim alone goes hour by hour and is lost when clocks change by half of one, as Lord
Howe's do.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim

_SECOND = timedelta(seconds=1)
_SLACK = timedelta(hours=26)
"""More than any clock was ever changed by."""
_WINDOW = timedelta(hours=12)
"""A stretch of time in which clocks are changed at most once."""


def moments(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Pure: every moment after another at which the clocks of a zone show a time that fits."""
    while True:
        at = _local(after, zone)
        following = next(CronSim(expression, at), None)
        if following is None:
            return
        # Where clocks change on the way, the same time may come that much sooner.
        after = max(after, after + (following - at) - _SLACK)
        until = after + _WINDOW
        for first, last in _stretches(after, until, zone):
            offset = _local(first, zone) - first.replace(tzinfo=None)
            for local in CronSim(expression, _local(first, zone) - _SECOND):
                moment = (local - offset).replace(tzinfo=UTC)
                if moment > last:
                    break
                yield moment
        after = until


def _stretches(
    after: datetime, until: datetime, zone: tzinfo
) -> Iterator[tuple[datetime, datetime]]:
    """Pure: the time between, cut where the clocks are changed; both ends belong to a stretch."""
    first = after.replace(microsecond=0) + _SECOND
    kept = first.astimezone(zone).utcoffset()
    if until.astimezone(zone).utcoffset() != kept:
        low, high = first, until
        while high - low > _SECOND:
            middle = (low + (high - low) / 2).replace(microsecond=0)
            same = middle.astimezone(zone).utcoffset() == kept
            low, high = (middle, high) if same else (low, middle)
        yield first, high - _SECOND
        first = high
    yield first, until


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
