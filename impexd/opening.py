"""
Opening an instance: its lock, folders, database, queue and workers, recovered and ready to work.

The daemon serves one; a command without a daemon opens the same under the same lock and asks
it the same things.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
from impexd.queue.jobs import Job, Queue
from impexd.scheduler import hearing, whole
from impexd.store import configs, engine, migrate
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
    queue = await stack.enter_async_context(
        jobs.opened(store, tasks, clock=clock, alone=store.dialect == "sqlite")
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

    async def enqueue(tx: AsyncConnection, ids: Sequence[int], group: str, priority: int) -> None:
        wanted = {_once(id): {"run": id} for id in ids}
        await queue.enqueue_all(tx, "import", wanted, lock=f"group-{group}", priority=priority)

    async def spare(tx: AsyncConnection, ids: Sequence[int]) -> None:
        await queue.withdraw(tx, [_once(id) for id in ids])

    async def enqueue_export(tx: AsyncConnection, id: int, group: str) -> object:
        lock, once = f"{EXPORT}-{group}", f"{EXPORT}-{id}"
        return await queue.enqueue(tx, EXPORT, {"run": id}, lock=lock, once=once)

    async def dispatch(tx: AsyncConnection, id: int, group: str) -> object:
        lock, once = f"{SEND}-{group}", f"{SEND}-{id}"
        return await queue.enqueue(tx, SEND, {"run": id}, lock=lock, once=once, lane=jobs.CALLS)

    table = Desk(store, opening.rooms, clock, enqueue, reserve=config.instance.daemon.reserve)
    bench = Bench(table, opening.workers, config, spare=spare)
    outgoing = Outgoing(store, opening.writers, config, clock, enqueue_export, dispatch)
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
