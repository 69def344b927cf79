"""
Tell: an exporter's tasks are sent, as many at a time as its partner bears, until none is due.

`carry` is the job of one exporter, with a lock of its own, so what is `sending` when it begins has
lost its sender.  Tasks are frozen and marked as being sent in one transaction, then sent with none
open, and their outcomes are written, fenced by their epochs, together with the flags that follow.

One loop writes, for all that is on its way: what comes back while it writes is written together the
next time, so the busier a partner, the more tasks share a commit.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio
import structlog
from anyio.abc import TaskGroup
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import backoff, failpoint
from impexd.core.clock import stamp
from impexd.core.doorbell import Doorbell
from impexd.core.errors import DataError
from impexd.model.config import Config
from impexd.model.exporter import Exporter, OnUnknown
from impexd.model.standing import Standing
from impexd.model.task import GOING, Task, TaskState
from impexd.model.telling import Frozen, Outcome
from impexd.orders.chain import bench as benches
from impexd.orders.chain import fate, following, freezing, handing
from impexd.orders.chain.bench import Bench
from impexd.orders.chain.fate import Step
from impexd.orders.chain.following import Move
from impexd.orders.chain.hearing import SUPERSEDES
from impexd.ports import Exporter as Kind
from impexd.store import partners, task_line, task_moves, tasks
from impexd.store.again import small

STRANDED = "impexd ended while it was being sent"
AHEAD = 200
"""Tasks that are looked up at a time."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Round:
    """One pass over an exporter's tasks."""

    bench: Bench
    name: str
    config: Config
    exporter: Exporter
    kind: Kind
    on_unknown: OnUnknown
    standing: Standing
    """How the partner answers, and how that stands in the tables."""
    kept: Standing
    line: deque[int] = field(default_factory=deque)
    """Tasks that are due, and wait for their turn."""
    going: set[int] = field(default_factory=set)
    back: list[tuple[Task, Outcome]] = field(default_factory=list)
    """What has an outcome that is not written yet."""
    news: Doorbell = field(default_factory=Doorbell)

    @property
    def now(self) -> str:
        return stamp(self.bench.clock.now())

    @property
    def free(self) -> int:
        """How many tasks may be begun now."""
        bench = self.bench
        if bench.stopped or bench.config is not self.config or self.standing.closed(self.now):
            return 0
        # One task finds out whether a partner is back; the others wait for what becomes of it.
        most = 1 if self.standing.trips else self.exporter.concurrency
        return max(most - len(self.going), 0)


async def carry(bench: Bench, name: str) -> None:
    """Send what is due of one exporter; harmless to be called again."""
    exporter = bench.config.exporters.get(name)
    if exporter is None or not exporter.enabled:
        return
    kind, on_unknown = benches.kind_of(exporter), benches.on_unknown(exporter)
    async with bench.store.writing() as tx:
        await tasks.strand(tx, STRANDED, now=stamp(bench.clock.now()), exporter=name)
        standing = await partners.standing(tx, name)
    round = _Round(bench, name, bench.config, exporter, kind, on_unknown, standing, standing)
    bench.rounds[name] = round.news
    try:
        async with anyio.create_task_group() as group:
            await _carried(round, group)
    finally:
        del bench.rounds[name]
    bench.bell.ring()


async def _carried(round: _Round, group: TaskGroup) -> None:
    """Write what came back, begin what is next, and again, until nothing is on its way."""
    while True:
        news = round.news.event
        await _settled(round)
        for task, ask in await _begun(round):
            group.start_soon(_sent, round, task, ask)
        if not round.going and not news.is_set():
            return
        await news.wait()


async def _sent(round: _Round, task: Task, ask: bool) -> None:
    failpoint.hit("task.sending")
    with structlog.contextvars.bound_contextvars(task=task.id, exporter=round.name):
        outcome = await handing.handed(round.bench, round.exporter, round.kind, task, ask=ask)
    failpoint.hit("task.sent")
    round.back.append((task, outcome))
    round.news.ring()


# --- what is next ---


async def _begun(round: _Round) -> list[tuple[Task, bool]]:
    """Mark the next tasks as being sent; gives them, and whether the partner is to be asked first."""
    some = await _next(round)
    if not some:
        return []
    bench, now = round.bench, round.bench.clock.now()
    frozen = await _frozen(round, some)
    moves: list[Move] = []
    starts: dict[int, Task] = {}
    asked: set[int] = set()
    for task in some:
        unmade = frozen.get(task.id)
        what = fate.before(task, round.exporter, round.on_unknown, now=now)
        if isinstance(unmade, Step):
            what = unmade
        if isinstance(what, Step):
            moves.append(Move(task, what))
        else:
            starts[task.id] = task
            asked |= {task.id} if what == "ask" else set()

    async def work(tx: AsyncConnection) -> tuple[list[Task], set[int]]:
        moved = await following.moved(bench, tx, moves, round.exporter)
        return await _marked(round, tx, starts, frozen), moved

    begun, moved = await small(bench.store, work, clock=bench.clock)
    round.going |= {task.id for task in begun}
    _told([move for move in moves if move.task.id in moved])
    return [(task, task.id in asked) for task in begun]


async def _next(round: _Round) -> list[Task]:
    """Read the tasks whose turn it is, as they are now."""
    free = round.free
    if not free:
        return []
    now = round.now
    async with round.bench.store.reading() as tx:
        if len(round.line) < free:
            due = await task_line.due(
                tx,
                round.name,
                now=now,
                limit=AHEAD,
                ordered=round.exporter.ordered,
                besides=round.going,
            )
            round.line = deque(due)
        ids = [round.line.popleft() for _ in range(min(free, len(round.line)))]
        found = await tasks.some(tx, ids) if ids else []
    return [task for task in found if task.state in GOING and task.due <= now]


async def _frozen(round: _Round, some: Sequence[Task]) -> dict[int, Frozen | Step]:
    """Make what is sent of tasks that were not sent before; where it cannot be made, a person looks."""
    new = [task for task in some if task.body is None]
    made = await freezing.made(round.bench, round.kind, round.exporter, new)
    return {
        task.id: Step(TaskState.HELD, _reason(one)) if isinstance(one, DataError) else one
        for task, one in zip(new, made, strict=True)
    }


def _reason(error: DataError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)


async def _marked(
    round: _Round,
    tx: AsyncConnection,
    starts: Mapping[int, Task],
    frozen: Mapping[int, Frozen | Step],
) -> list[Task]:
    """Mark tasks as being sent, unless something later has overtaken them."""
    now, overtaken = round.now, set[int]()
    for by, roots in SUPERSEDES.items():
        only = [task.id for task in starts.values() if task.root in roots]
        if only:
            overtaken |= set(await tasks.supersede(tx, by, roots, now=now, only=only))
    still = await task_moves.locked(
        tx, [task for id, task in starts.items() if id not in overtaken]
    )
    begun = [
        being_sent(starts[id], frozen.get(id), config=round.config.hash, now=now)
        for id in starts
        if id in still
    ]
    await task_moves.begin(tx, begun, fresh=frozen.keys())
    return begun


def being_sent(task: Task, frozen: Frozen | Step | None, *, config: str, now: str) -> Task:
    """Pure: a task as it is while being sent."""
    going = replace(
        task,
        state=TaskState.SENDING,
        epoch=task.epoch + 1,
        attempts=task.attempts + 1,
        first_sent=task.first_sent or now,
        last_sent=now,
    )
    if not isinstance(frozen, Frozen):
        return going
    return replace(
        going,
        body=frozen.body,
        content=frozen.content,
        frozen=dict(frozen.fixed),
        frozen_at=now,
        config_hash=config,
    )


# --- what came back ---


async def _settled(round: _Round) -> None:
    """Write down what came of tasks, for each of them and for their partner."""
    if not round.back:
        return
    bench, back = round.bench, round.back
    round.back = []
    now, moves = bench.clock.now(), []
    was = round.standing
    for task, outcome in back:
        chance = backoff.chance(bench.clock)
        step = fate.after(outcome, task, round.exporter, round.on_unknown, now=now, chance=chance)
        moves.append(Move(task, step))
        round.standing = fate.standing(
            round.standing, outcome, round.exporter.breaker, now=now, chance=chance
        )

    async def work(tx: AsyncConnection) -> set[int]:
        if round.standing != round.kept:
            await partners.keep(tx, round.name, round.standing)
        return await following.moved(bench, tx, moves, round.exporter)

    moved = await small(bench.store, work, clock=bench.clock)
    round.kept = round.standing
    round.going -= {task.id for task, _ in back}
    failpoint.hit("task.settled")
    if round.standing.trips > was.trips:
        until, why = round.standing.closed_until, round.standing.reason
        log.warning("partner left alone", exporter=round.name, until=until, why=why)
    _told([move for move in moves if move.task.id in moved])
    for task, _ in back:
        if task.id not in moved:
            what = "this task was given to somebody else; what came of it is not counted"
            log.warning(what, task=task.id, exporter=round.name)


def _told(moves: Sequence[Move]) -> None:
    """Say in the log what has become of tasks."""
    for move in moves:
        task, step = move.task, move.step
        tell = log.info if step.state is TaskState.DONE else log.warning
        tell(
            "task",
            task=task.id,
            exporter=task.exporter,
            state=step.state.value,
            why=step.reason,
            ref=step.ref,
            attempt=task.attempts,
        )
