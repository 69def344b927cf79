"""What exports are made with: the store, the worker processes, the configuration in force."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.core.errors import UsageError, WorldError
from impexd.core.pool import Pool
from impexd.core.text import shown
from impexd.exports.order import Answer
from impexd.model import config as configuration
from impexd.model.config import Config
from impexd.model.export import ExportGroup
from impexd.model.run import Run
from impexd.model.work import Progress
from impexd.store.engine import Store
from impexd.store.older import Older

Enqueue = Callable[[AsyncConnection, int, int, str], Awaitable[object]]
"""
Have a run carried: (transaction, run id, node, group).

It MUST NOT make a second job for a run that has one waiting: recovery asks again.
"""


class Stopped(WorldError):
    """The daemon stops."""


@dataclass(slots=True)
class Bench:
    """One for the daemon."""

    store: Store
    pool: Pool[Answer]
    config: Config
    """The configuration in force; replaced as a whole by a reload."""
    clock: Clock
    enqueue: Enqueue
    dispatch: Enqueue
    """The same for sending what a run has published."""
    node: int = 1
    """Which of the daemons that share the database this is: the exports whose files are here."""
    progress: dict[int, Progress] = field(default_factory=dict)
    """How far the exports are that are being written now."""
    older: Older = field(default_factory=Older)
    """Configurations that runs were begun under; those of imports, too."""
    asking: set[anyio.CancelScope] = field(default_factory=set)
    """Orders that workers are carrying out."""
    stopped: bool = False

    def stop(self) -> None:
        """Give up, now and from now on, what workers are doing: it is begun anew at the next start."""
        self.stopped = True
        for scope in list(self.asking):
            scope.cancel()


def group_of(config: Config, name: str) -> ExportGroup:
    """Find an export group; UsageError if there is none."""
    if name not in config.exports:
        known = ", ".join(sorted(config.exports)) or "none"
        raise UsageError(f"there is no export group {shown(name)}", hint=f"there are: {known}")
    return config.exports[name]


def outbox_of(config: Config, name: str) -> tuple[Path, bool]:
    """Pure: the outbox of a group, and whether it is ours to make if it is not there."""
    group = group_of(config, name)
    path = configuration.outbox(group, name, config.var)
    return path, config.var in path.parents


async def configured(bench: Bench, run: Run) -> Config:
    """Find the configuration a run was begun under."""
    return await bench.older.of(bench.store, run.config, bench.config)
