"""
Signals as flags that cannot be lost.

Plain handlers that set flags: asyncio's own lose signals when their pipe is full (measured:
2,000 SIGHUPs while the loop was blocked, then a SIGTERM that never came).  Heard from the first
moment of a daemon on, because the default answer to SIGHUP is death.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Bell:
    """What was heard; many signals of one kind are one."""

    stop: bool = False
    reload: bool = False


@contextmanager
def heard() -> Iterator[Bell]:
    """Hear SIGTERM, SIGINT and SIGHUP for as long as the block lasts; a second stop ends at once."""
    bell = Bell()

    def hear(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            bell.reload = True
        elif bell.stop:
            os._exit(0)  # asked twice: at once, which a crash-safe program can afford
        else:
            bell.stop = True

    kept = {number: signal.signal(number, hear) for number in HEARD}
    try:
        yield bell
    finally:
        for number, old in kept.items():
            signal.signal(number, old)
