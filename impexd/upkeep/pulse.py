"""
Are the loop and the store alive?  What the watchdog, `/healthz` and the figures go by.

The loop is alive as long as this module runs; how late it was woken is the lag.  The store is alive
if a question to it comes to an end, well or badly, and its writer is not stuck in a statement: a
database that says no is an outage to wait for, one that says nothing is a thread that hangs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

import anyio

from impexd.core.errors import ImpexError
from impexd.store import figures
from impexd.store.engine import Store

STEP = 0.5
"""Seconds between two looks at the clock."""
WINDOW = 120
"""Looks that the lag is the worst of: a minute."""
STUCK = 60.0
"""Seconds in which a statement that gets on must have moved (promise S7)."""
PATIENCE = 10.0
"""Seconds in which a question must have come to an end."""


@dataclass(slots=True)
class Pulse:
    """How an instance is, from moment to moment."""

    store: Store
    monotonic: Callable[[], float]
    stopping: bool = False
    trouble: str = ""
    """What the database said last, if it said no."""
    lags: list[float] = field(default_factory=list)

    @property
    def lag(self) -> float:
        """The latest that the loop was woken, of the last minute, in seconds."""
        return max(self.lags, default=0.0)

    async def listen(self) -> NoReturn:
        """Measure how late the loop wakes us, until cancelled."""
        while True:
            before = self.monotonic()
            await anyio.sleep(STEP)
            self.lags.append(max(0.0, self.monotonic() - before - STEP))
            del self.lags[:-WINDOW]

    async def alive(self, patience: float = PATIENCE) -> bool:
        """Say whether the store gets on; what is wrong with it otherwise is `trouble`."""
        if self.store.heart.still() > STUCK:
            self.trouble = "the database has been in one statement for a minute, and nothing moves"
            return False
        with anyio.move_on_after(patience) as scope:
            try:
                async with self.store.reading() as conn:
                    await figures.answers(conn)
                self.trouble = ""
            except ImpexError as error:
                self.trouble = str(error)
        if scope.cancelled_caught:
            self.trouble = f"the database has not answered for {patience:g} s"
            return False
        return True
