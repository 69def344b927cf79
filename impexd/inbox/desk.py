"""
What the steps of the inbox work with, handed in once by the daemon.

`Desk` is the same for all groups; an `Inlet` is one group's inbox as its configuration
has it.  Nothing here is opened or looked up.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.inbox import scan
from impexd.inbox.folders import Folders
from impexd.inbox.settle import Watchlist
from impexd.model import patterns
from impexd.model.group import ImportGroup, Inbox
from impexd.model.limits import Limits
from impexd.model.patterns import Pattern
from impexd.store.engine import Store

Enqueue = Callable[[AsyncConnection, Sequence[int], int, str, int], Awaitable[object]]
"""
Have runs of a node imported, in this order: (transaction, run ids, node, group, priority).

It MUST NOT make a second job for a run that has one waiting: recovery asks again.
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """The journal, the folders, the clock, and who carries on with what was claimed."""

    store: Store
    folders: Folders
    clock: Clock
    enqueue: Enqueue
    node: int = 1
    """Which of the daemons that share the database this is: the runs whose bytes are here."""
    reserve: int = 0
    """Bytes of disk that stay free: below it nothing is taken."""
    watched: dict[str, Watchlist] = field(default_factory=dict)
    """What the last pass over each group's inbox saw."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """One group's inbox."""

    group: str
    path: Path
    rules: Inbox = field(default_factory=Inbox)
    limits: Limits = field(default_factory=Limits)
    priority: int = 0
    config_hash: str | None = None
    match: Pattern | None = None

    @property
    def companions(self) -> tuple[bytes, ...]:
        """How the companions of drops end."""
        return companions(self.rules)


def companions(rules: Inbox) -> tuple[bytes, ...]:
    """Pure: how companions end: as the group says, else as anybody would guess."""
    return (rules.companion.encode(),) if rules.companion else scan.COMPANIONS


def inlet(
    name: str, group: ImportGroup, *, var: Path, limits: Limits, config_hash: str | None
) -> Inlet:
    """Pure: one group's inbox, with its path below `var` and its rule for names compiled."""
    path = var / (group.inbox.path or f"inbox/{name}")
    match = pattern(group.inbox.match) if group.inbox.match else None
    return Inlet(name, path, group.inbox, limits, group.priority, config_hash, match)


def pattern(expression: str) -> Pattern:
    """Pure: compile a rule for names; ValueError if it is none."""
    # A name with a newline in it is refused, not overlooked: so the dot matches that too.
    return patterns.compiled(f"(?s){expression}", case=False)
