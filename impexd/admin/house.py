"""What the API needs of the daemon it speaks for."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from impexd.core.clock import Clock
from impexd.core.signals import Bell
from impexd.exports.bench import Bench as Outgoing
from impexd.feeds.bench import Bench as Feeds
from impexd.imports.bench import Bench
from impexd.inbox.desk import Desk, Inlet
from impexd.model.config import Config
from impexd.orders.bench import Bench as Ordering
from impexd.orders.chain.bench import Bench as Chain
from impexd.queue.jobs import Queue
from impexd.store.engine import Store
from impexd.upkeep.pulse import Pulse
from impexd.upkeep.tally import Tally


class Timing(Protocol):
    """What is on a schedule.  All of it raises `UsageError` for a name that is not."""

    @property
    def woken(self) -> datetime | None:
        """When the scheduler last woke up; None if it does not go."""
        ...

    async def following(self) -> dict[str, str]:
        """Name -> when it is due next; without those that are paused."""
        ...

    async def listed(self) -> list[dict[str, Any]]:
        """Give the timetable."""
        ...

    def coming(self, name: str, until: datetime, limit: int) -> list[datetime]:
        """Give the next moments of a name, up to one."""
        ...

    async def history(self, name: str, limit: int) -> list[dict[str, Any]]:
        """Give the newest occurrences of a name."""
        ...

    async def occurrence(self, id: int) -> dict[str, Any]:
        """Tell what became of an occurrence."""
        ...

    async def pause(self, name: str, *, actor: str | None, note: str | None) -> None:
        """Have nothing of a name happen until it is resumed."""
        ...

    async def resume(self, name: str) -> None:
        """Have it happen again."""
        ...

    async def run(self, name: str, *, actor: str | None, note: str | None) -> dict[str, Any]:
        """Have it happen now; gives the occurrence."""
        ...


class House(Protocol):
    """An open instance."""

    bench: Bench
    exports: Outgoing
    feeds: Feeds
    store: Store
    queue: Queue
    chain: Chain
    clock: Clock
    bell: Bell
    pulse: Pulse
    tally: Tally
    source: Path
    mistakes: tuple[str, ...]
    inboxes: dict[str, str]
    waiting: dict[str, int]
    listening: str
    """Where the pages are, as browsers reach them; "" while they are nowhere."""

    @property
    def timing(self) -> Timing:
        """What is on a schedule."""
        ...

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        ...

    def ordering(self) -> Ordering:
        """What orders are worked with, as the configuration in force has it."""
        ...

    def inlets(self) -> list[Inlet]:
        """The inboxes of the configuration in force."""
        ...

    def judged(self, changed: Mapping[str, str]) -> Config:
        """Read the configuration as it would be with some files changed; ConfigError with every mistake."""
        ...

    async def tried(self, changed: Mapping[str, str], group: str) -> Inlet | None:
        """Give the inbox of a group as it would be with some files changed; None if it has none."""
        ...

    async def reload(self) -> None:
        """Take the whole new configuration or raise `ConfigError`."""
        ...
