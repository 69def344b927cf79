"""What the API needs of the daemon it speaks for."""

from pathlib import Path
from typing import Protocol

from impexd.core.clock import Clock
from impexd.imports.bench import Bench
from impexd.inbox.desk import Desk, Inlet
from impexd.queue.jobs import Queue
from impexd.store.engine import Store


class House(Protocol):
    """An open instance."""

    bench: Bench
    store: Store
    queue: Queue
    clock: Clock
    source: Path
    mistakes: tuple[str, ...]
    inboxes: dict[str, str]
    waiting: dict[str, int]

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        ...

    def inlets(self) -> list[Inlet]:
        """The inboxes of the configuration in force."""
        ...

    async def reload(self) -> None:
        """Take the whole new configuration or raise `ConfigError`."""
        ...
