"""
What the steps of the inbox work with, handed in once by the daemon.

`Desk` is the same for all groups; an `Inlet` is one group's inbox as its configuration
has it.  Nothing here is opened or looked up.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import re2
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.inbox.folders import Folders
from impexd.inbox.scan import Pattern
from impexd.model.group import ImportGroup, Inbox
from impexd.model.limits import Limits
from impexd.store.engine import Store

Enqueue = Callable[[AsyncConnection, int, str, int], Awaitable[object]]
"""
Have a run imported: (transaction, run id, group, priority).

It MUST NOT make a second job for a run that has one waiting: recovery asks again.
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """The journal, the folders, the clock, and who carries on with what was claimed."""

    store: Store
    folders: Folders
    clock: Clock
    enqueue: Enqueue


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


def inlet(
    name: str, group: ImportGroup, *, var: Path, limits: Limits, config_hash: str | None
) -> Inlet:
    """Pure: one group's inbox, with its path below `var` and its pattern compiled."""
    rules = group.inbox
    path = var / (rules.path or f"inbox/{name}")
    match = pattern(rules.match) if rules.match else None
    return Inlet(name, path, rules, limits, group.priority, config_hash, match)


def pattern(expression: str) -> Pattern:
    """Pure: compile a rule for names; re2.error if it is none."""
    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True  # a name with a newline in it is refused, not overlooked
    options.log_errors = False
    compiled: Pattern = re2.compile(expression, options)
    return compiled
