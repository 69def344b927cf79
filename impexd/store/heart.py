"""
Does the thread of the database get on?  Told by the writer itself, whatever it is busy with.

A merge of minutes is no fault as long as SQLite counts on; a statement in which nothing has moved for a
minute is one.  So the writer's connection says when a statement begins and ends, and SQLite, every so
many steps of its own, that it goes on.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

STEPS = 5_000_000
"""Steps of SQLite's machine between two signs of life: some hundred milliseconds of work."""


@dataclass(slots=True)
class Heart:
    """When the writer moved last."""

    monotonic: Callable[[], float] = time.monotonic
    busy: bool = False
    """Is it in the middle of a statement?"""
    moved: float = field(default=0.0)

    def still(self) -> float:
        """Give the seconds for which nothing has moved in a statement; 0 if there is none."""
        return self.monotonic() - self.moved if self.busy else 0.0

    def tick(self) -> int:
        """Note that something moves; gives what lets SQLite go on."""
        self.moved = self.monotonic()
        return 0

    def begin(self) -> None:
        """Note that the writer is given something to do."""
        self.tick()
        self.busy = True

    def end(self) -> None:
        """Note that it has done it."""
        self.tick()
        self.busy = False

    def listen(self, engine: AsyncEngine) -> None:
        """Hear the connections of an engine, as they are made."""

        def connected(connection: Any, _record: object) -> None:
            connection.run_async(lambda driver: driver.set_progress_handler(self.tick, STEPS))

        def begins(*_: object) -> None:
            self.begin()

        def ends(*_: object) -> None:
            self.end()

        event.listen(engine.sync_engine, "connect", connected)
        event.listen(engine.sync_engine, "before_cursor_execute", begins)
        event.listen(engine.sync_engine, "after_cursor_execute", ends)
        event.listen(engine.sync_engine, "handle_error", ends)
        # A commit has no statement that ends: what ends it is that the connection is given back.
        event.listen(engine.sync_engine, "commit", begins)
        event.listen(engine.sync_engine, "checkin", ends)
