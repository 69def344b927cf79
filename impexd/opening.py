"""
Opening an instance: its lock, folders, database, queue and workers, recovered and ready to work.

The daemon serves one; a command without a daemon opens the same under the same lock and asks
it the same things.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import gethostname

import anyio
import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import config as configuration
from impexd.core import lock, pool
from impexd.core.clock import SYSTEM, Clock
from impexd.core.errors import Unsafe, WorldError
from impexd.exports import recover as outboxes
from impexd.exports import run as exporting
from impexd.exports import send
from impexd.exports.bench import Bench as Outgoing
from impexd.exports.order import Answer as Written
from impexd.feeds import intake, poll
from impexd.feeds.bench import Bench as Feeds
from impexd.imports import parking, run, undo
from impexd.imports.bench import Bench
from impexd.imports.order import Answer
from impexd.inbox import folders, recover
from impexd.inbox.desk import Desk
from impexd.instance import Instance, prepared
from impexd.model.config import Config
from impexd.notices import send as telling
from impexd.orders import check as order_table
from impexd.orders import hear as heard
from impexd.orders.chain import tend as chaining
from impexd.orders.chain import work as chained
from impexd.queue import jobs
from impexd.queue.jobs import CALLS, Job, Queue, at
from impexd.scheduler import hearing, whole
from impexd.store import configs, engine, migrate, nodes
from impexd.store.engine import Store

STAGING, WRITING = "impexd.imports.worker", "impexd.exports.worker"
"""The programs of the processes that stage and plan, and of those that write exports."""
EXPORT, SEND = "export", "send"
"""The tasks of the jobs that carry exports, and that send their files elsewhere."""
CUT = frozenset({poll.TASK})
"""Tasks that a stop cuts short at once: a courier who hangs is asked again, from where he was heard last."""


def _home(var: Path) -> None:
    """Make the state folder if need be; a folder above it that is missing is a disk that is not mounted."""
    try:
        var.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Unsafe(
            f"the state folder {var} cannot be had: {error.strerror}",
            hint="mount its disk, make the folder above it, or correct `instance.var`",
        ) from error


async def _token(var: Path, store: Store, clock: Clock) -> str | None:
    """What the state folder is known by; needless where the database lies in it."""
    if store.dialect == "sqlite":
        return None
    return await anyio.to_thread.run_sync(folders.token, var, clock.token())


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
        place = nodes.Place(await _token(config.var, store, clock), gethostname(), str(config.var))
        async with store.writing() as tx:
            await prepared(tx, config, clock)
            alone = store.dialect == "sqlite"
            node = await nodes.enter(tx, place, alone=alone, now=clock.now())
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
        stack.push_async_callback(_left, store, node, clock)
        opening = _Opening(source, config, store, spool, rooms, node, workers, writers, clock)
        yield await _recovered(stack, opening)


async def _left(store: Store, node: int, clock: Clock) -> None:
    """Tell those who share the database that we stop; if that cannot be told, they find out."""
    if store.dialect == "sqlite":
        return
    with suppress(WorldError), anyio.move_on_after(2, shield=True):
        async with store.writing() as tx:
            await nodes.leave(tx, node, now=clock.now())


@dataclass(frozen=True, slots=True)
class _Opening:
    """What is open before the queue is."""

    source: Path
    config: Config
    store: Store
    spool: Store | None
    rooms: folders.Folders
    node: int
    workers: pool.Pool[Answer]
    writers: pool.Pool[Written]
    clock: Clock


class _Carrying:
    """Carries jobs, each by the room it belongs to."""

    def __init__(self) -> None:
        self.instance: Instance | None = None
        """Set as soon as there is one; the queue, which it needs, wants to know us before."""

    async def __call__(self, job: Job) -> None:
        """Carry a job to its end; an `OSError` becomes a `WorldError` that says which job it was."""
        instance = self.instance
        assert instance is not None
        waited_for = job.task not in CUT
        instance.carrying += waited_for
        try:
            await _carried(instance, job)
        except OSError as error:
            what = " ".join(f"{name} {value}" for name, value in job.args.items())
            told = f"{job.task}, {what}: {error.strerror or error}"
            hint = "look at the disk; it is tried again by itself"
            raise WorldError(told, hint=hint) from error
        finally:
            instance.carrying -= waited_for
            carried, instance.carried = instance.carried, anyio.Event()
            carried.set()


async def _carried(instance: Instance, job: Job) -> None:
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


async def _recovered(stack: AsyncExitStack, opening: _Opening) -> Instance:
    """Open the queue and bring journal and folders back together."""
    store, clock, carry = opening.store, opening.clock, _Carrying()
    tasks = dict.fromkeys(
        (*_CARRY, EXPORT, SEND, telling.TASK, *whole.TASKS, *chained.TASKS), carry
    )
    alone, ours = store.dialect == "sqlite", (at(opening.node), at(opening.node, CALLS))
    queue = await stack.enter_async_context(
        jobs.opened(store, tasks, clock=clock, alone=alone, ours=ours)
    )

    instance = carry.instance = _put_together(opening, queue)
    await recover.everything(instance.desk, instance.inlets())
    await parking.recover(instance.bench)
    await outboxes.everything(instance.exports)
    await chaining.recover(instance.chain, alone=store.dialect == "sqlite")
    await intake.carry_over(instance.feeds)
    return instance


def _once(run: int) -> str:
    """Pure: what keeps a run from having two jobs that wait."""
    return f"import-{run}"


def _put_together(opening: _Opening, queue: Queue) -> Instance:
    """Give every room what it works with, and the queue behind what it enqueues."""
    config, store, clock = opening.config, opening.store, opening.clock

    async def enqueue(
        tx: AsyncConnection, ids: Sequence[int], node: int, group: str, priority: int
    ) -> None:
        wanted, lock = {_once(id): {"run": id} for id in ids}, at(node, f"group-{group}")
        await queue.enqueue_all(tx, "import", wanted, lock=lock, priority=priority, lane=at(node))

    async def spare(tx: AsyncConnection, ids: Sequence[int]) -> None:
        await queue.withdraw(tx, [_once(id) for id in ids])

    async def enqueue_export(tx: AsyncConnection, id: int, node: int, group: str) -> object:
        # One lock for all nodes: a delta begins where the last one, whoever made it, has ended.
        lock, once = f"{EXPORT}-{group}", f"{EXPORT}-{id}"
        return await queue.enqueue(tx, EXPORT, {"run": id}, lock=lock, once=once, lane=at(node))

    async def dispatch(tx: AsyncConnection, id: int, node: int, group: str) -> object:
        lock, once, lane = f"{SEND}-{group}", f"{SEND}-{id}", at(node, CALLS)
        return await queue.enqueue(tx, SEND, {"run": id}, lock=lock, once=once, lane=lane)

    node, reserve = opening.node, config.instance.daemon.reserve
    table = Desk(store, opening.rooms, clock, enqueue, node, reserve)
    bench = Bench(table, opening.workers, config, spare=spare)
    outgoing = Outgoing(store, opening.writers, config, clock, enqueue_export, dispatch, node)
    outgoing.older = bench.older
    chain = chained.made(store, config, clock, queue)
    feeds = Feeds(
        store,
        opening.spool,
        clock,
        config=lambda: bench.config,
        apply=partial(heard.apply, clock=clock, flagged=chain.flagged),
        ring=partial(hearing.ring, queue),
        ask=partial(hearing.ask, queue),
    )
    return Instance(opening.source, bench, outgoing, feeds, store, queue, chain, clock)


_CARRY: Mapping[str, Callable[[Bench, int], Awaitable[None]]] = {
    "import": run.carry,
    undo.TASK: undo.carry,
}
"""What carries a run, by the task of its job."""
