"""
An instance that is open: what all rooms work with, and its configuration in force.

`impexd.opening` opens one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import config as configuration
from impexd.core import systemd
from impexd.core.clock import Clock, stamp
from impexd.core.doorbell import Doorbell
from impexd.core.errors import ConfigError, WorldError
from impexd.core.signals import Bell
from impexd.exports import outbox
from impexd.exports import run as exporting
from impexd.exports.bench import Bench as Outgoing
from impexd.feeds.bench import Bench as Feeds
from impexd.imports.bench import Bench
from impexd.inbox import desk
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.intake import Taken
from impexd.model.config import Config
from impexd.orders import bench as ordering
from impexd.orders import files, waking
from impexd.orders.bench import Bench as Ordering
from impexd.orders.chain.bench import Bench as Chain
from impexd.queue.jobs import CALLS, HOUSE, Queue, at
from impexd.scheduler import entries as scheduled
from impexd.scheduler import whole
from impexd.scheduler.timing import Timing
from impexd.scheduler.whole import Scheduler
from impexd.store import configs, entities, runs
from impexd.store.engine import Store
from impexd.upkeep.pulse import Pulse
from impexd.upkeep.tally import Tally

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Instance:
    """One instance, open."""

    source: Path
    """Where its configuration is read from."""
    bench: Bench
    exports: Outgoing
    feeds: Feeds
    store: Store
    queue: Queue
    chain: Chain
    clock: Clock
    changed: anyio.Event = field(default_factory=anyio.Event)
    """Set, and replaced, when another configuration has come into force."""
    mistakes: tuple[str, ...] = ()
    """What is wrong with the configuration that was last refused; empty if none was."""
    inboxes: dict[str, str] = field(default_factory=dict)
    """Group -> what is wrong with its inbox, while something is."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Group -> files that are there and not yet ready."""
    listening: str = ""
    """Where the pages are, as browsers reach them; "" while they are nowhere."""
    carrying: int = 0
    """Jobs that are being carried at this moment and that a stop waits for."""
    carried: anyio.Event = field(default_factory=anyio.Event)
    """Set, and replaced, when one of them has been."""
    arrivals: Doorbell = field(default_factory=Doorbell)
    """Rung when stock may have come that deliveries wait for."""
    scheduler: Scheduler = field(init=False)
    bell: Bell = field(default_factory=Bell)
    """What was heard from outside; whoever wants a reload without waiting for it rings it."""
    _reloading: anyio.Lock = field(default_factory=anyio.Lock)
    pulse: Pulse = field(init=False)
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        """Put the scheduler together."""
        self.bench.loaded = self.arrivals.ring
        self.pulse = Pulse(self.store, self.clock.monotonic)
        self.tally = Tally(stamp(self.clock.now()))
        self.scheduler = whole.made(
            self.bench,
            self.feeds,
            self.queue,
            self.begin_export,
            self.told,
            {
                "outbox": partial(outbox.clear, self.exports),
            },
        )

    async def begin_export(
        self,
        tx: AsyncConnection,
        group: str,
        *,
        occurrence: int | None,
        actor: str | None,
        note: str | None,
    ) -> int:
        """Journal an export for an occurrence, in its transaction; gives the run."""
        key = None if occurrence is None else f"occurrence-{occurrence}"
        return await exporting.begin(
            self.exports, tx, group, occurrence=key, name=None, actor=actor, note=note
        )

    @property
    def node(self) -> int:
        """Which of the daemons that share the database this is."""
        return self.desk.node

    @property
    def lanes(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """The lanes of what is worked on here, and of what mostly waits for others: everybody's and our own."""
        return (HOUSE, at(self.node)), (CALLS, at(self.node, CALLS))

    @property
    def every_lane(self) -> tuple[str, ...]:
        """All of them; a database that is shared has lanes of others beside."""
        house, calls = self.lanes
        return house + calls

    @property
    def timing(self) -> Timing:
        """What is on a schedule."""
        return self.scheduler.timing

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.bench.config

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        return self.bench.desk

    def ordering(self) -> Ordering:
        """What orders are worked with, as the configuration in force has it."""
        return ordering.bench(self.config, self.clock, self.chain.flagged, self.feeds.placed)

    async def look_at_orders(self) -> int:
        """Place what files brought, and wake deliveries that can go on; gives how many did."""
        terms = self.ordering()
        placed = await files.take(self.store, terms, self.config)
        return placed + await waking.wake(self.store, terms)

    def inlets(self) -> list[Inlet]:
        """The inboxes of the configuration in force."""
        return _inlets(self.config)

    def judged(self, changed: Mapping[str, str]) -> Config:
        """Read the configuration as it would be with some files changed; ConfigError with every mistake."""
        return configuration.load(self.source, changed=changed)

    async def tried(self, changed: Mapping[str, str], group: str) -> Inlet | None:
        """
        Give the inbox of a group as it would be with some files changed; None if it has none.

        What is claimed through it is carried out under that configuration, which is not in force.
        """
        fresh = await anyio.to_thread.run_sync(self.judged, changed)
        async with self.store.writing() as tx:
            await prepared(tx, fresh, self.clock)
        self.bench.older.add(fresh)
        return next((one for one in _inlets(fresh) if one.group == group), None)

    def untimed(self) -> list[Inlet]:
        """The inboxes that are taken from all the time, and not on a schedule."""
        timed = scheduled.timed(self.config)
        return [inlet for inlet in self.inlets() if inlet.group not in timed]

    def told(self, group: str, news: Taken | str) -> None:
        """Remember what a pass over a group's inbox did, or why there can be none for now."""
        if isinstance(news, str):
            self.inboxes[group] = news
        else:
            self.inboxes.pop(group, None)
            self.waiting[group] = len(news.waiting)

    async def idle(self) -> None:
        """Wait until no run is being carried."""
        while self.carrying:
            await self.carried.wait()

    async def reload(self) -> None:
        """
        Take the whole new configuration, or none of it; systemd is told how that goes.

        Raises `ConfigError` with all mistakes; the old one goes on and remembers them.
        """
        async with self._reloading:  # by signal and by command at once: one after the other
            systemd.reloading()
            status = "old configuration kept"
            try:
                await self._taken()
                status = f"{len(self.config.groups)} groups"
            except ConfigError as error:
                status += f": {error.mistakes[0]}"
                await self._refused(error)
                raise
            finally:
                systemd.ready(status)

    async def _refused(self, error: ConfigError) -> None:
        """Remember what was wrong with a configuration."""
        self.mistakes, now = error.mistakes, self.clock.now()
        for mistake in error.mistakes:
            log.error("configuration refused", mistake=mistake)
        try:
            async with self.store.writing() as tx:
                await configs.note(tx, "reload", now=now, mistakes=error.mistakes)
        except WorldError as trouble:
            log.warning("the refusal is not in the journal", reason=str(trouble))

    async def _taken(self) -> None:
        fresh = await anyio.to_thread.run_sync(configuration.load, self.source)
        if told := restart_only(self.config, fresh):
            raise ConfigError(told, hint="restart the daemon for these")
        async with self.store.writing() as tx:
            await prepared(tx, fresh, self.clock)
            await configs.note(tx, "reload", now=self.clock.now(), hash=fresh.hash)
        self.mistakes = ()
        self.bench.older.add(self.config)
        self.bench.config = self.exports.config = self.chain.config = fresh
        changed, self.changed = self.changed, anyio.Event()
        changed.set()
        log.info("configuration", hash=fresh.hash[:12], groups=len(fresh.groups))


def restart_only(old: Config, new: Config) -> list[str]:
    """Pure: settings that a running daemon cannot take over."""
    pairs = (
        ("instance.var", old.var, new.var),
        ("store", old.instance.store, new.instance.store),
        ("control.socket", old.socket, new.socket),
        ("admin", _listener(old), _listener(new)),
    )
    return [
        f"impexd.toml: {name}: a running daemon keeps its own; restart it to change this"
        for name, was, is_now in pairs
        if was != is_now
    ]


def _inlets(config: Config) -> list[Inlet]:
    """The inboxes of a configuration."""
    return [
        desk.inlet(
            name,
            group,
            var=config.var,
            limits=config.instance.limits,
            config_hash=config.hash,
        )
        for name, group in sorted(config.groups.items())
    ]


def _listener(config: Config) -> object:
    """Pure: what a listener that stands cannot change."""
    return config.instance.admin.model_copy(update={"edit": False})


async def prepared(tx: AsyncConnection, config: Config, clock: Clock) -> None:
    """Make the tables a configuration needs, and keep its text."""
    await entities.make(tx, config.catalogue)
    await runs.keep_config(tx, config.hash, config.body, now=stamp(clock.now()))
