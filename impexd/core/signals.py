"""
Signals as flags that cannot be lost.

Plain handlers that set flags: asyncio's own lose signals when their pipe is full (measured:
2,000 SIGHUPs while the loop was blocked, then a SIGTERM that never came).  Heard from the first
moment of a daemon on, because the default answer to SIGHUP is death.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

ENDING = 0.5
"""Seconds before a deadline at which force is used: to end takes a moment, too."""
HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Bell:
    """What was heard; many signals of one kind are one."""

    stop: bool = False
    reload: bool = False
    deadline: float = 30.0
    """Seconds within which a stop that hangs has been ended by force."""
    rung: Callable[[], object] | None = None
    """Called in the handler, whenever something was heard: wakes whoever listens."""


def _force(seconds: float) -> threading.Timer:
    """
    End the process in so many seconds, whatever hangs then: a loop, a database, a thread.

    A thread of its own, which nothing can hold up; that what is cut short is carried on at the next
    start holds for this end as for any other.
    """
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return timer


@contextmanager
def heard(*, for_good: bool = False) -> Iterator[Bell]:
    """
    Hear SIGTERM, SIGINT and SIGHUP for as long as the block lasts; a second stop ends at once.

    `for_good`: the process ends with the block, and is made to if it hangs then.
    """
    bell = Bell()
    timers: list[threading.Timer] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            bell.reload = True
        elif bell.stop:
            os._exit(0)  # asked twice: at once, which a crash-safe program can afford
        else:
            bell.stop = True
            timers.append(_force(max(bell.deadline - ENDING, ENDING)))
        if bell.rung is not None:
            bell.rung()

    kept = {number: signal.signal(number, hear) for number in HEARD}
    try:
        yield bell
    finally:
        for number, old in kept.items():
            signal.signal(number, old)
        for timer in timers:
            if not for_good:
                timer.cancel()
