"""
An instance, open: its lock, folders, database, queue and workers, recovered and ready to work.

The daemon serves one; a command without a daemon opens the same under the same lock and asks
it the same things.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import config as configuration
from impexd.core import lock, pool, systemd
from impexd.core.clock import SYSTEM, Clock, stamp
from impexd.core.errors import ConfigError, Unsafe, WorldError
from impexd.core.signals import Bell
from impexd.exports import outbox, send
from impexd.exports import recover as outboxes
from impexd.exports import run as exporting
from impexd.exports.bench import Bench as Outgoing
from impexd.exports.order import Answer as Written
from impexd.feeds import intake
from impexd.feeds.bench import Bench as Feeds
from impexd.imports import parking, run, undo
from impexd.imports.bench import Bench
from impexd.imports.order import Answer
from impexd.inbox import desk, folders, recover
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.intake import Taken
from impexd.model.config import Config
from impexd.notices import send as telling
from impexd.orders import bench as ordering
from impexd.orders import check as order_table
from impexd.orders import files, waking
from impexd.orders import hear as heard
from impexd.orders.bench import Bench as Ordering
from impexd.orders.chain import tend as chaining
from impexd.orders.chain import work as chained
from impexd.orders.chain.bench import Bench as Chain
from impexd.queue import jobs
from impexd.queue.jobs import Job, Queue
from impexd.scheduler import entries as scheduled
from impexd.scheduler import hearing, whole
from impexd.scheduler.timing import Timing
from impexd.scheduler.whole import Scheduler
from impexd.store import configs, engine, entities, migrate, runs
from impexd.store.engine import Store
from impexd.upkeep.pulse import Pulse
from impexd.upkeep.tally import Tally

STAGING, WRITING = "impexd.imports.worker", "impexd.exports.worker"
"""The programs of the processes that stage and plan, and of those that write exports."""
EXPORT, SEND = "export", "send"
"""The tasks of the jobs that carry exports, and that send their files elsewhere."""

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
    """Runs that are being carried at this moment."""
    carried: anyio.Event = field(default_factory=anyio.Event)
    """Set, and replaced, when one of them has been."""
    arrivals: waking.Bell = field(default_factory=waking.Bell)
    """Rung when stock may have come that deliveries wait for."""
    scheduler: Scheduler = field(init=False)
    bell: Bell = field(default_factory=Bell)
    """What was heard from outside; whoever wants a reload without waiting for it rings it."""
    _reloading: anyio.Lock = field(default_factory=anyio.Lock)
    pulse: Pulse = field(init=False)
    tally: Tally = field(init=False)
    chain: Chain = field(init=False)

    def __post_init__(self) -> None:
        """Put the scheduler together."""
        self.bench.loaded = self.arrivals.ring
        self.pulse = Pulse(self.store, self.clock.monotonic)
        self.tally = Tally(stamp(self.clock.now()))
        self.chain = chained.made(self.store, self.config, self.clock, self.queue)
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
        return ordering.bench(self.config, self.clock)

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
        self.bench.older[fresh.hash] = fresh
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
        fresh = configuration.load(self.source)
        if told := restart_only(self.config, fresh):
            raise ConfigError(told, hint="restart the daemon for these")
        async with self.store.writing() as tx:
            await prepared(tx, fresh, self.clock)
            await configs.note(tx, "reload", now=self.clock.now(), hash=fresh.hash)
        self.mistakes = ()
        self.bench.older[self.config.hash] = self.config
        self.exports.older[self.config.hash] = self.config
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


def _home(var: Path) -> None:
    """Make the state folder if need be; a folder above it that is missing is a disk that is not mounted."""
    try:
        var.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Unsafe(
            f"the state folder {var} cannot be had: {error.strerror}",
            hint="mount its disk, make the folder above it, or correct `instance.var`",
        ) from error


@asynccontextmanager
async def opened(source: Path, config: Config, clock: Clock = SYSTEM) -> AsyncIterator[Instance]:
    """
    Open an instance, recovered and ready to work, for as long as the block lasts.

    Raises `Busy`, `Unsafe`, `ConfigError` or `WorldError` with nothing touched that matters.
    """
    if faults := order_table.faults():
        raise RuntimeError(f"the state table of orders is wrong: {'; '.join(faults)}")
    async with AsyncExitStack() as stack:
        _home(config.var)
        stack.enter_context(lock.held(config.var / "impexd.lock", f"the instance {config.var}"))
        rooms = stack.enter_context(folders.opened(config.var))
        url = configuration.store_url(config)
        unsafe = config.instance.store.allow_unsafe_durability
        store = await stack.enter_async_context(engine.opened(url, allow_unsafe_durability=unsafe))
        await migrate.migrate(store, clock=clock)
        async with store.writing() as tx:
            await prepared(tx, config, clock)
            await configs.note(tx, "start", now=clock.now(), hash=config.hash)
        temporary = config.var / "tmp"
        temporary.mkdir(mode=0o700, exist_ok=True)
        size = config.instance.daemon.workers
        workers = await stack.enter_async_context(
            pool.opened(STAGING, Answer.model_validate_json, size, temporary)
        )
        writers = await stack.enter_async_context(
            pool.opened(WRITING, Written.model_validate_json, size, temporary)
        )
        spool = await stack.enter_async_context(intake.spooling(config.var, store))
        opening = _Opening(source, config, store, spool, rooms, workers, writers, clock)
        yield await _recovered(stack, opening)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What is open before the queue is."""

    source: Path
    config: Config
    store: Store
    spool: Store | None
    rooms: folders.Folders
    workers: pool.Pool[Answer]
    writers: pool.Pool[Written]
    clock: Clock


async def _recovered(stack: AsyncExitStack, opening: _Opening) -> Instance:
    """Open the queue and bring journal and folders back together."""
    made: list[Instance] = []
    config, store, clock = opening.config, opening.store, opening.clock

    async def carry(job: Job) -> None:
        instance = made[0]
        instance.carrying += 1
        try:
            if job.task in _CARRY:
                await _CARRY[job.task](instance.bench, int(job.args["run"]))
            elif job.task == EXPORT:
                await exporting.carry(instance.exports, int(job.args["run"]))
                await instance.timing.settle()
            elif job.task == SEND:
                await send.carry(instance.exports, int(job.args["run"]))
            elif job.task in chained.TASKS:
                await chained.carry(instance.chain, job)
            elif job.task == telling.TASK:
                await telling.carry(instance, job)
            else:
                await instance.scheduler.carry[job.task](job)
        except OSError as error:
            what = " ".join(f"{name} {value}" for name, value in job.args.items())
            told = f"{job.task}, {what}: {error.strerror or error}"
            hint = "look at the disk; it is tried again by itself"
            raise WorldError(told, hint=hint) from error
        finally:
            instance.carrying -= 1
            carried, instance.carried = instance.carried, anyio.Event()
            carried.set()

    tasks = dict.fromkeys(
        (*_CARRY, EXPORT, SEND, telling.TASK, *whole.TASKS, *chained.TASKS), carry
    )
    queue = await stack.enter_async_context(
        jobs.opened(store, tasks, clock=clock, alone=store.dialect == "sqlite")
    )

    async def enqueue(tx: AsyncConnection, id: int, group: str, priority: int) -> object:
        once = f"import-{id}"
        return await queue.enqueue(
            tx, "import", {"run": id}, lock=f"group-{group}", priority=priority, once=once
        )

    async def enqueue_export(tx: AsyncConnection, id: int, group: str) -> object:
        lock, once = f"{EXPORT}-{group}", f"{EXPORT}-{id}"
        return await queue.enqueue(tx, EXPORT, {"run": id}, lock=lock, once=once)

    async def dispatch(tx: AsyncConnection, id: int, group: str) -> object:
        lock, once = f"{SEND}-{group}", f"{SEND}-{id}"
        return await queue.enqueue(tx, SEND, {"run": id}, lock=lock, once=once, lane=jobs.CALLS)

    table = Desk(store, opening.rooms, clock, enqueue, reserve=config.instance.daemon.reserve)
    bench = Bench(table, opening.workers, config)
    outgoing = Outgoing(store, opening.writers, config, clock, enqueue_export, dispatch)
    feeds = Feeds(
        store,
        opening.spool,
        clock,
        config=lambda: bench.config,
        apply=partial(heard.apply, clock=clock),
        ring=partial(hearing.ring, queue),
        ask=partial(hearing.ask, queue),
    )
    instance = Instance(opening.source, bench, outgoing, feeds, store, queue, clock)
    made.append(instance)
    await recover.everything(table, instance.inlets())
    await parking.recover(bench)
    await outboxes.everything(outgoing)
    await chaining.recover(instance.chain, alone=store.dialect == "sqlite")
    await intake.carry_over(feeds)
    return instance


_CARRY: Mapping[str, Callable[[Bench, int], Awaitable[None]]] = {
    "import": run.carry,
    undo.TASK: undo.carry,
}
"""What carries a run, by the task of its job."""
