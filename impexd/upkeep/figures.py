"""
All figures of an instance at one moment: gathered here, written down by `exposition`.

Takes what the daemon knows and asks the tables; gives a `Figures`.  Of a database that does not answer
it says so, and gives what can be told without it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from impexd.core import log
from impexd.core.clock import Clock, stamp
from impexd.core.errors import WorldError
from impexd.inbox.desk import Desk, Inlet
from impexd.model.config import Config
from impexd.store import figures
from impexd.store.engine import Store
from impexd.upkeep import partners
from impexd.upkeep.partners import Partners
from impexd.upkeep.pulse import Pulse
from impexd.upkeep.tally import Tally

RECENT = timedelta(days=1)
"""For how long a notice that is not over counts as open."""


class Watched(Protocol):
    """What figures need of an instance."""

    store: Store
    clock: Clock
    pulse: Pulse
    tally: Tally
    mistakes: tuple[str, ...]
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


@dataclass(slots=True)
class Figures:
    """How an instance is."""

    up: bool = True
    """Does the store answer?"""
    runs: Sequence[tuple[str, str, str, int]] = ()
    jobs: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, float] = field(default_factory=dict)
    """Group -> seconds for which the oldest file in its inbox has waited."""
    degraded: Mapping[str, bool] = field(default_factory=dict)
    notices: Sequence[tuple[str, str, int]] = ()
    partners: Partners = field(default_factory=Partners)
    woken: float | None = None
    """When the scheduler last woke up, in seconds since 1970."""
    lag: float = 0.0
    free: int = 0
    reserve: int = 0
    wal: int = 0
    refused: bool = False
    """Was the newest configuration refused?"""
    dropped: int = 0


async def gathered(house: Watched, woken: datetime | None) -> Figures:
    """Gather all figures."""
    found = Figures(
        woken=woken.timestamp() if woken else None,
        lag=house.pulse.lag,
        free=free(house.desk.folders.var),
        reserve=house.desk.reserve,
        wal=_wal(house.store),
        refused=bool(house.mistakes),
        dropped=log.dropped(),
    )
    _inboxes(house, found)
    try:
        await house.tally.look(house.store)
        async with house.store.reading() as conn:
            found.runs = await figures.runs(conn)
            found.jobs = await figures.jobs(conn)
            found.partners = await partners.gathered(conn, house.config, house.clock.now())
            found.notices = await figures.notices(conn, stamp(house.clock.now() - RECENT))
    except WorldError:
        found.up = False
    return found


def _inboxes(house: Watched, found: Figures) -> None:
    at = house.clock.monotonic()
    inlets = [inlet.group for inlet in house.inlets()]
    watched = {group: house.desk.watched.get(group, {}) for group in inlets}
    found.waiting = {group: len(seen) for group, seen in watched.items()}
    found.oldest = {
        group: max((at - one.since for one in seen.values()), default=0.0)
        for group, seen in watched.items()
    }
    found.degraded = {group: group in house.inboxes for group in inlets}


def free(place: Path) -> int:
    """Give the bytes that are free for us where a folder lies; 0 if that cannot be told."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize


def _wal(store: Store) -> int:
    if store.path is None:
        return 0
    try:
        return store.path.with_name(store.path.name + "-wal").stat().st_size
    except OSError:
        return 0
