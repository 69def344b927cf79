"""
The daemon: opens everything, holds it together in one task group, and ends it well.

The only module that knows all rooms.  `opened` gives an `Instance` with everything open and
recovered; `serve` runs it until it is told to stop; a command without a daemon opens the same
`Instance` under the same lock and asks it the same things.
"""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

import anyio
import structlog
from anyio.abc import TaskGroup
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import config as configuration
from impexd.config import Config
from impexd.core import lock, systemd
from impexd.core.clock import SYSTEM, Clock, stamp
from impexd.core.errors import ConfigError, ImpexError, WorldError
from impexd.imports import keeping, pool, run, undo
from impexd.imports.bench import Bench
from impexd.inbox import desk, folders, intake, recover, tend
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.intake import Taken
from impexd.queue import jobs
from impexd.queue.jobs import Job, Queue
from impexd.store import engine, entities, migrate, runs
from impexd.store.engine import Store

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Instance:
    """One instance, open."""

    source: Path
    """Where its configuration is read from."""
    bench: Bench
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
    carrying: int = 0
    """Runs that are being carried at this moment."""
    carried: anyio.Event = field(default_factory=anyio.Event)
    """Set, and replaced, when one of them has been."""

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.bench.config

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        return self.bench.desk

    def inlets(self) -> list[Inlet]:
        """The inboxes of the configuration in force."""
        config = self.config
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

    async def idle(self) -> None:
        """Wait until no run is being carried."""
        while self.carrying:
            await self.carried.wait()

    async def reload(self) -> None:
        """
        Take the whole new configuration, or none of it.

        Raises `ConfigError` with all mistakes; the old one goes on and remembers them.
        """
        try:
            fresh = configuration.load(self.source)
            if told := restart_only(self.config, fresh):
                raise ConfigError(told, hint="restart the daemon for these")
            async with self.store.writing() as tx:
                await prepared(tx, fresh, self.clock)
        except ConfigError as error:
            self.mistakes = error.mistakes
            raise
        self.mistakes = ()
        self.bench.older[self.config.hash] = self.config
        self.bench.config = fresh
        changed, self.changed = self.changed, anyio.Event()
        changed.set()
        log.info("configuration", hash=fresh.hash[:12], groups=len(fresh.groups))


def restart_only(old: Config, new: Config) -> list[str]:
    """Pure: settings that a running daemon cannot take over."""
    pairs = (
        ("instance.var", old.var, new.var),
        ("store", old.instance.store, new.instance.store),
        ("control.socket", old.socket, new.socket),
    )
    return [
        f"impexd.toml: {name}: a running daemon keeps its own; restart it to change this"
        for name, was, is_now in pairs
        if was != is_now
    ]


async def prepared(tx: AsyncConnection, config: Config, clock: Clock) -> None:
    """Make the tables a configuration needs, and keep its text."""
    await entities.make(tx, config.catalogue)
    await runs.keep_config(tx, config.hash, config.body, now=stamp(clock.now()))


@asynccontextmanager
async def opened(source: Path, config: Config, clock: Clock = SYSTEM) -> AsyncIterator[Instance]:
    """
    Open an instance, recovered and ready to work, for as long as the block lasts.

    Raises `Busy`, `Unsafe`, `ConfigError` or `WorldError` with nothing touched that matters.
    """
    async with AsyncExitStack() as stack:
        config.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        stack.enter_context(lock.held(config.var / "impexd.lock", f"the instance {config.var}"))
        rooms = stack.enter_context(folders.opened(config.var))
        url = configuration.store_url(config)
        unsafe = config.instance.store.allow_unsafe_durability
        store = await stack.enter_async_context(engine.opened(url, allow_unsafe_durability=unsafe))
        await migrate.migrate(store, clock=clock)
        async with store.writing() as tx:
            await prepared(tx, config, clock)
        temporary = config.var / "tmp"
        temporary.mkdir(mode=0o700, exist_ok=True)
        size = config.instance.daemon.workers
        workers = await stack.enter_async_context(pool.opened(size, temporary))
        yield await _recovered(stack, source, config, store, rooms, workers, clock)


async def _recovered(
    stack: AsyncExitStack,
    source: Path,
    config: Config,
    store: Store,
    rooms: folders.Folders,
    workers: pool.Pool,
    clock: Clock,
) -> Instance:
    """Open the queue and bring journal and folders back together."""
    made: list[Instance] = []

    async def carry(job: Job) -> None:
        instance = made[0]
        instance.carrying += 1
        try:
            await _CARRY[job.task](instance.bench, int(job.args["run"]))
        finally:
            instance.carrying -= 1
            carried, instance.carried = instance.carried, anyio.Event()
            carried.set()

    tasks = dict.fromkeys(_CARRY, carry)
    queue = await stack.enter_async_context(
        jobs.opened(store, tasks, clock=clock, alone=store.dialect == "sqlite")
    )

    async def enqueue(tx: AsyncConnection, id: int, group: str, priority: int) -> object:
        once = f"import-{id}"
        return await queue.enqueue(
            tx, "import", {"run": id}, lock=f"group-{group}", priority=priority, once=once
        )

    table = Desk(store, rooms, clock, enqueue, reserve=config.instance.daemon.reserve)
    instance = Instance(source, Bench(table, workers, config), store, queue, clock)
    made.append(instance)
    await recover.everything(table, instance.inlets())
    return instance


_CARRY: Mapping[str, Callable[[Bench, int], Awaitable[None]]] = {
    "import": run.carry,
    undo.TASK: undo.carry,
}
"""What carries a run, by the task of its job."""


async def serve(instance: Instance, *, drain: bool = False) -> None:
    """Run an open instance until it is told to stop, or (`drain`) nothing is left to do."""
    stopping = anyio.Event()
    async with anyio.create_task_group() as tasks:
        with signals(instance, stopping, tasks):
            if drain:
                tasks.start_soon(_drained, instance, stopping)
            else:
                tasks.start_soon(working, instance)
                tasks.start_soon(_watching, instance)
                tasks.start_soon(_alive, instance)
                tasks.start_soon(keeping.tend, instance.bench)
            systemd.ready(f"{len(instance.config.groups)} groups")
            await stopping.wait()
            systemd.stopping()
            await _stopped(instance, tasks)


async def _stopped(instance: Instance, tasks: TaskGroup) -> None:
    """Let running jobs come to a safe point, then cut what is left."""
    instance.queue.stop()
    with anyio.move_on_after(max(instance.config.instance.daemon.stop_deadline - 5, 0)):
        await instance.idle()
    tasks.cancel_scope.cancel()


async def working(instance: Instance) -> None:
    """Carry jobs out until cancelled or stopped."""
    await instance.queue.work(concurrency=instance.config.instance.daemon.workers)


async def _drained(instance: Instance, stopping: anyio.Event) -> None:
    """Take all that is there, finish it, and say that we are done."""
    await keeping.clear(instance.bench)
    while not stopping.is_set():
        passes = []
        for inlet in instance.inlets():
            await anyio.Path(inlet.path).mkdir(parents=True, exist_ok=True)
            passes.append(await intake.take(instance.desk, inlet))
        await instance.queue.work(concurrency=1, drain=True)
        settling = [one.settling for one in passes if one.settling is not None]
        if settling:
            await anyio.sleep(max(min(settling), 0.01))
        elif not any(one.claimed for one in passes):
            stopping.set()


async def _watching(instance: Instance) -> None:
    """Tend all inboxes; anew when another configuration comes into force."""

    def told(group: str, news: Taken | str) -> None:
        if isinstance(news, str):
            instance.inboxes[group] = news
        else:
            instance.inboxes.pop(group, None)
            instance.waiting[group] = len(news.waiting)

    while True:
        changed, inlets = instance.changed, instance.inlets()
        for inlet in inlets:
            await anyio.Path(inlet.path).mkdir(parents=True, exist_ok=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until, changed, tasks.cancel_scope)
            rescan = instance.config.instance.daemon.rescan
            tasks.start_soon(partial(tend.tend, instance.desk, inlets, rescan=rescan, report=told))


async def _until(changed: anyio.Event, scope: anyio.CancelScope) -> None:
    await changed.wait()
    scope.cancel()


async def _alive(instance: Instance) -> None:
    """Tell systemd that loop and store both answer."""
    wanted = systemd.watchdog()
    every = min(wanted / 3, 20.0) if wanted else 20.0
    while True:
        async with instance.store.reading() as tx:
            counted = await runs.states(tx)
        text = ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))
        systemd.notify("WATCHDOG=1", f"STATUS={text or 'no runs yet'}")
        await anyio.sleep(every)


@contextmanager
def signals(instance: Instance, stopping: anyio.Event, tasks: TaskGroup) -> Iterator[None]:
    """
    Hear SIGTERM, SIGINT and SIGHUP.

    Plain handlers that set flags: asyncio's own lose signals when their pipe is full (measured:
    2,000 SIGHUPs while the loop was blocked, then a SIGTERM that never came).
    """
    loop = _Bell()

    def heard(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            loop.reload = True
        elif loop.stop:
            os._exit(0)  # asked twice: at once, which a crash-safe program can afford
        else:
            loop.stop = True

    kept = {number: signal.signal(number, heard) for number in _HEARD}
    tasks.start_soon(_listening, instance, stopping, loop)
    try:
        yield
    finally:
        for number, old in kept.items():
            signal.signal(number, old)


_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class _Bell:
    stop: bool = False
    reload: bool = False


async def _listening(instance: Instance, stopping: anyio.Event, bell: _Bell) -> None:
    """Look at the flags; many signals of one kind are one."""
    while True:
        if bell.stop:
            stopping.set()
            return
        if bell.reload:
            bell.reload = False
            await reloaded(instance)
        await anyio.sleep(0.05)


async def reloaded(instance: Instance) -> ImpexError | None:
    """Reload as a signal does it: the outcome goes to the log and to systemd."""
    systemd.reloading()
    try:
        await instance.reload()
    except ConfigError as error:
        for mistake in error.mistakes:
            log.error("configuration refused", mistake=mistake)
        systemd.ready(f"old configuration kept: {error.mistakes[0]}")
        return error
    except WorldError as error:
        log.error("configuration not taken", why=str(error))
        systemd.ready("old configuration kept")
        return error
    systemd.ready(f"{len(instance.config.groups)} groups")
    return None
