"""
Time, randomness and ids, handed in so that tests need not wait.

`Clock` is a protocol of three sources; `SYSTEM` is the real one.  Wall time is for
schedules and display only: what measures (settle, leases, back-off) uses `monotonic`,
because the wall clock may jump.
"""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time and randomness come from."""

    def now(self) -> datetime:
        """Give the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        ...

    def token(self) -> str:
        """Give 128 random bits as 32 hexadecimal digits."""
        ...


@dataclass(frozen=True, slots=True)
class System:
    """The machine's own clock and random source."""

    def now(self) -> datetime:
        """Give the wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()

    def token(self) -> str:
        """Give 128 random bits as 32 hexadecimal digits."""
        return secrets.token_hex(16)


SYSTEM: Clock = System()


def stamp(moment: datetime) -> str:
    """Pure: render an aware moment as RFC 3339 in UTC with milliseconds, `2026-01-31T08:00:00.000Z`."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def until(coming: str | None, now: datetime, *, most: float) -> float:
    """Pure: the seconds from `now` to a stamp that is to come; `most` if that is less, or nothing is to come."""
    if coming is None:
        return most
    return min((datetime.fromisoformat(coming) - now).total_seconds(), most)
