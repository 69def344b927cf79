"""
What is done about moments that have come: one is fired, another is skipped, with the reason.

Pure.  Usually there is one moment, seconds ago.  There are more when nobody looked for a while:
the daemon was off, the machine slept, the clock was put forward.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from impexd.core.clock import stamp
from impexd.model.group import CatchUp

MOST = 1000
"""Moments that are dealt with at once, the newest of all that have come."""

LATE = timedelta(minutes=3)
"""What is older than this has been missed; it is more than two alarms apart."""

PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Due:
    """One moment, and what is done about it."""

    at: datetime
    skip: str = ""
    """Why it is skipped; "" if it is fired."""


def decide(
    moments: Sequence[datetime], *, now: datetime, policy: CatchUp, paused: bool, more: bool = False
) -> list[Due]:
    """Pure: decide about moments, oldest first; `more` says that even older ones are not listed."""
    if not moments:
        return []
    if paused:
        skipped = [Due(at, PAUSED) for at in moments]
    elif policy == "all":
        skipped = []
    elif policy == "one" or now - moments[-1] <= LATE:
        told = f"missed; made up for by the one of {stamp(moments[-1])}"
        skipped = [Due(at, told) for at in moments[:-1]]
    else:
        skipped = [Due(at, "missed; this schedule makes up for nothing") for at in moments]
    if more:
        # The oldest one that is listed stands for those that are not.
        first = skipped[0] if skipped else Due(moments[0], "missed")
        skipped[:1] = [Due(first.at, f"{first.skip}, as all before it")]
    return skipped + [Due(at) for at in moments[len(skipped) :]]
