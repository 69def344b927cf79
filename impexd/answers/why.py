"""
`impexd why PATH`: what became of a file, or what it waits for.

Takes a path or a name; looks into the inboxes first, then into the journal.  What asks from elsewhere
(`sees`, not `local`) is told of inboxes and runs of its groups only, never of other folders.
"""

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import anyio.to_thread

from impexd.answers import carried, lying
from impexd.answers.reason import Reason
from impexd.core import durable
from impexd.core.clock import Clock
from impexd.core.text import shown
from impexd.inbox.desk import Desk, Inlet
from impexd.model.config import Config, real
from impexd.store import lookup
from impexd.store.engine import Store


class House(Protocol):
    """What is asked."""

    store: Store
    clock: Clock
    inboxes: dict[str, str]

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        ...

    def inlets(self) -> list[Inlet]:
        """The inboxes of the configuration in force."""
        ...


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks."""

    sees: Callable[[str], bool]
    """May they know of this group?"""
    local: bool
    """Do they sit at this machine?"""


Timed = Mapping[str, str | None]
"""Group whose inbox is taken on a schedule -> when it is next; None: it is paused."""


async def of_file(house: House, about: str, asker: Asker, timed: Timed) -> list[Reason]:
    """Say all that is known of a file; nothing if nothing is."""
    path = Path(about)
    inlets = [inlet for inlet in house.inlets() if asker.sees(inlet.group)]
    found = []
    for inlet in await anyio.to_thread.run_sync(_inboxes, inlets, path):
        found.append(await _lying(house, inlet, path, timed))
    for inlet in await anyio.to_thread.run_sync(_above, inlets, path):
        what = f"{shown(path.name)} lies in a subfolder of the inbox; those are left alone"
        found.append(Reason("elsewhere", what, f"move it to {inlet.path}", inlet.group))
    if not found:
        found = await _journalled(house, path, asker)
    if not found and asker.local and await anyio.to_thread.run_sync(os.path.exists, path):
        known = ", ".join(str(inlet.path) for inlet in inlets) or "there are none"
        what = f"{shown(about)} lies in no inbox"
        found = [Reason("elsewhere", what, f"inboxes: {known}; or `impexd import GROUP FILE`")]
    return found


def _inboxes(inlets: list[Inlet], path: Path) -> list[Inlet]:
    """Find the inboxes a path means: the one it lies in, or, for a bare name, all that have it."""
    if path.is_absolute():
        folder = real(path.parent)
        return [one for one in inlets if real(one.path) == folder and os.path.lexists(path)]
    if len(path.parts) != 1:
        return []
    return [one for one in inlets if os.path.lexists(one.path / path)]


def _above(inlets: list[Inlet], path: Path) -> list[Inlet]:
    """Find the inboxes a file lies below, in a folder of its own."""
    if not path.is_absolute() or not os.path.lexists(path):
        return []
    return [one for one in inlets if real(one.path) in real(path.parent).parents]


async def _lying(house: House, inlet: Inlet, path: Path, timed: Timed) -> Reason:
    name = lying.named(path)
    if told := house.inboxes.get(inlet.group):
        return Reason("degraded", told, "look at the folder and its disk", inlet.group)
    found = await anyio.to_thread.run_sync(lying.reason, house.desk, inlet, name)
    if found.code not in ("ready", "growing"):
        return found
    known = await anyio.to_thread.run_sync(_digest, inlet, name)
    if known is not None:
        async with house.store.reading() as conn:
            twin = await lookup.twin(conn, inlet.group, shown(name, limit=1024), known)
        if twin is not None:
            what = f"{shown(name)} has the same name and bytes as run {twin}, which is loaded"
            return replace(
                found, code="duplicate", what=what, run=twin, hint="it is not loaded again"
            )
    if inlet.group in timed:
        return _timed(found, inlet.group, timed[inlet.group])
    return found


def _timed(found: Reason, group: str, following: str | None) -> Reason:
    """Pure: it is complete, and its inbox is taken at a time."""
    if following is None:
        what = f"the inbox of {group} is taken on a schedule, and that is paused"
        return replace(
            found, code="paused", what=what, hint=f"impexd schedule resume inbox:{group}"
        )
    what = f"the inbox of {group} is taken on a schedule, next at {following}"
    return replace(found, code="scheduled", what=what, hint=f"impexd schedule run inbox:{group}")


def _digest(inlet: Inlet, name: bytes) -> str | None:
    """Hash a file as it lies there; None if it cannot be read."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError), durable.opened(inlet.path) as inbox:
        file = os.open(name, flags, dir_fd=inbox)
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                return durable.digest(file).sha256
        finally:
            os.close(file)
    return None


async def _journalled(house: House, path: Path, asker: Asker) -> list[Reason]:
    """Ask the journal: for the place, then for the name, then for the number of a run."""
    now, dialect = house.clock.now(), house.store.dialect
    async with house.store.reading() as conn:
        runs = []
        if path.is_absolute() and house.config.var in real(path.parent).parents:
            place = str((real(path.parent) / path.name).relative_to(house.config.var))
            if run := await lookup.at(conn, place):
                runs = [run]
        runs = runs or await lookup.named(conn, shown(os.fsencode(path.name), limit=1024))
        return [
            await carried.reason(conn, dialect, run, now=now)
            for run in runs
            if asker.sees(run.group)
        ]
