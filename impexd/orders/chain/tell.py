"""
Tell: an exporter's tasks are sent, a few at a time, until none is due.

`carry` is the job of one exporter, with a lock of its own, so what is `sending` when it begins has
lost its sender.  A task is frozen and marked as being sent in one transaction, then sent with none
open, and its outcome is written, fenced by its epoch, together with the flag that follows.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import backoff, failpoint
from impexd.core.clock import stamp
from impexd.core.errors import DataError, WorldError
from impexd.core.text import shown
from impexd.model.exporter import Exporter, OnUnknown
from impexd.model.standing import Standing
from impexd.model.task import Task, TaskState
from impexd.model.telling import Doubtful, Frozen, NotTaken, Outcome
from impexd.orders.chain import bench as benches
from impexd.orders.chain import fate, following, freezing
from impexd.orders.chain.bench import Bench
from impexd.orders.chain.fate import Step
from impexd.orders.chain.hearing import SUPERSEDES
from impexd.ports import Exporter as Kind
from impexd.store import partners, tasks
from impexd.store.again import again

STRANDED = "impexd ended while it was being sent"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Round:
    """One pass over an exporter's tasks."""

    bench: Bench
    name: str
    exporter: Exporter
    kind: Kind
    on_unknown: OnUnknown
    waiting: deque[Task] = field(default_factory=deque)
    going: set[int] = field(default_factory=set)
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    standing: Standing = field(default_factory=Standing)

    @property
    def now(self) -> str:
        return stamp(self.bench.clock.now())


async def carry(bench: Bench, name: str) -> None:
    """Send what is due of one exporter; harmless to be called again."""
    exporter = bench.config.exporters.get(name)
    if exporter is None or not exporter.enabled:
        return
    kind = benches.kind_of(exporter)
    round = _Round(bench, name, exporter, kind, benches.on_unknown(exporter))
    async with bench.store.writing() as tx:
        await tasks.strand(tx, STRANDED, now=round.now, exporter=name)
        round.standing = await partners.standing(tx, name)
    # One task finds out whether a partner is back; the others wait for what becomes of it.
    lanes = 1 if round.standing.trips else exporter.concurrency
    async with anyio.create_task_group() as group:
        for _ in range(lanes):
            group.start_soon(_lane, round)


async def _lane(round: _Round) -> None:
    while (task := await _next(round)) is not None:
        round.bench.sending[task.id] = round.name
        try:
            with structlog.contextvars.bound_contextvars(task=task.id, exporter=round.name):
                await _one(round, task)
        finally:
            round.going.discard(task.id)
            del round.bench.sending[task.id]


async def _next(round: _Round) -> Task | None:
    """Give the next task; None if there is none, or the partner is left alone, or we stop."""
    async with round.lock:
        if round.bench.stopped or round.standing.closed(round.now):
            return None
        if not round.waiting:
            async with round.bench.store.reading() as tx:
                round.waiting += await tasks.due(
                    tx,
                    round.name,
                    now=round.now,
                    limit=4 * round.exporter.concurrency,
                    ordered=round.exporter.ordered,
                    besides=round.going,
                )
        if not round.waiting:
            return None
        task = round.waiting.popleft()
        round.going.add(task.id)
        return task


async def _one(round: _Round, task: Task) -> None:
    """Send one task and write down what came of it."""
    frozen: Frozen | None = None
    if task.body is None:
        try:
            frozen = await freezing.made(round.bench, round.kind, task)
        except DataError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return await _moved(round, task, Step(TaskState.HELD, f"{error}{hint}"))
    what = fate.before(task, round.exporter, round.on_unknown, now=round.bench.clock.now())
    if isinstance(what, Step):
        return await _moved(round, task, what)
    begun = await again(
        round.bench.store, partial(_begun, round, task, frozen), clock=round.bench.clock
    )
    if begun is None:
        return None
    failpoint.hit("task.sending")
    outcome = await _sent(round, begun, ask=what == "ask")
    failpoint.hit("task.sent")
    await _settled(round, begun, outcome)
    return None


async def _begun(
    round: _Round, task: Task, frozen: Frozen | None, tx: AsyncConnection
) -> Task | None:
    """Mark it as being sent, unless something later has overtaken it."""
    for by, roots in SUPERSEDES.items():
        if task.root in roots and await tasks.supersede(
            tx, by, roots, now=round.now, only=[task.id]
        ):
            return None
    return await tasks.begin(tx, task, frozen, round.bench.config.hash, now=round.now)


async def _sent(round: _Round, task: Task, *, ask: bool) -> Outcome:
    """Hand it to the exporter; what that raises is told to a person."""
    bench, kind, means = round.bench, round.kind, benches.means(round.bench, round.name)
    settings = freezing.settings(round.exporter, kind)
    frozen = Frozen(task.body or b"", task.content or "", task.frozen or {})
    try:
        if ask:
            known = await kind.ask(settings, frozen, task.key, means)
            if not isinstance(known, NotTaken):
                return known
            log.info("the partner does not have it, it is sent again")
        return await kind.send(settings, frozen, task.key, means)
    except WorldError as error:
        return Doubtful(shown(str(error), limit=500))
    except Exception as error:
        # A plug-in's own fault: it ends this task and no other.
        log.error("exporter failed", type=round.exporter.type, exc_info=error)
        return Doubtful(f"the exporter failed: {type(error).__name__}: {shown(str(error))}")
    finally:
        bench.sending.setdefault(task.id, round.name)


async def _settled(round: _Round, task: Task, outcome: Outcome) -> None:
    """Write down what came of it, for the task and for its partner."""
    bench, now = round.bench, round.bench.clock.now()
    chance = backoff.chance(bench.clock)
    step = fate.after(outcome, task, round.exporter, round.on_unknown, now=now, chance=chance)
    breaker = round.exporter.breaker
    was = round.standing
    standing = fate.standing(was, outcome, breaker, now=now, chance=chance)
    round.standing = standing

    async def work(tx: AsyncConnection) -> bool:
        if standing != was:
            await partners.keep(tx, round.name, standing)
        return await following.moved(bench, tx, task, step, round.exporter)

    if not await again(bench.store, work, clock=bench.clock):
        log.warning("this task was given to somebody else; what came of it is not counted")
        return
    failpoint.hit("task.settled")
    if standing.trips > was.trips:
        log.warning("partner left alone", until=standing.closed_until, why=standing.reason)
    told = log.info if step.state is TaskState.DONE else log.warning
    told("task", state=step.state.value, why=step.reason, ref=step.ref, attempt=task.attempts)


async def _moved(round: _Round, task: Task, step: Step) -> None:
    """Move a task that was not sent."""
    bench = round.bench
    move = partial(following.moved, bench, task=task, step=step, exporter=round.exporter)
    await again(bench.store, lambda tx: move(tx), clock=bench.clock)
    log.warning("task", state=step.state.value, why=step.reason)
