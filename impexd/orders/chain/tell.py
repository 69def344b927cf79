"""
Tell: an exporter's tasks are sent, as many at a time as its partner bears, until none is due.

`carry` is the job of one exporter, with a lock of its own, so what is `sending` when it begins has
lost its sender.  Tasks are frozen and marked as being sent in one transaction, then sent with none
open, and their outcomes are written, fenced by their epochs, together with the flags that follow.

One loop writes, for all that is on its way: what comes back while it writes is written together the
next time, with the marks of what is begun in its place, so the busier a partner, the more tasks
share a commit.
"""

import anyio
import structlog
from anyio.abc import TaskGroup
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.model.standing import Standing
from impexd.model.task import Task, TaskState
from impexd.orders.chain import bench as benches
from impexd.orders.chain import following, handing
from impexd.orders.chain import round as rounds
from impexd.orders.chain.bench import Bench
from impexd.orders.chain.following import Move
from impexd.orders.chain.hearing import SUPERSEDES
from impexd.orders.chain.round import Round, Turn
from impexd.store import partners, task_moves, tasks
from impexd.store.again import small

STRANDED = "impexd ended while it was being sent"

log = structlog.get_logger(__name__)


async def carry(bench: Bench, name: str) -> None:
    """Send what is due of one exporter; harmless to be called again."""
    exporter = bench.config.exporters.get(name)
    if exporter is None or not exporter.enabled:
        return
    kind, on_unknown = benches.kind_of(exporter), benches.on_unknown(exporter)
    async with bench.store.writing() as tx:
        await tasks.strand(tx, STRANDED, now=stamp(bench.clock.now()), exporter=name)
        standing = await partners.standing(tx, name)
    round = Round(bench, name, bench.config, exporter, kind, on_unknown, standing, standing)
    bench.rounds[name] = round.news
    try:
        async with anyio.create_task_group() as group:
            await _carried(round, group)
    finally:
        if bench.rounds.get(name) is round.news:  # it may have been given to another one meanwhile
            del bench.rounds[name]
    bench.bell.ring()


async def _carried(round: Round, group: TaskGroup) -> None:
    """Write what came back and what is next, send that, and again, until nothing is on its way."""
    while True:
        news = round.news.event
        turn = await rounds.turn(round)
        for task in await _written(round, turn):
            group.start_soon(_sent, round, task, task.id in turn.asked)
        if turn and (round.exporter.ordered or not round.going):
            continue  # what it has ended may have been in the way of others
        if not round.going and not news.is_set():
            return
        await news.wait()


async def _sent(round: Round, task: Task, ask: bool) -> None:
    """Hand a task to its exporter, and bring back what came of it."""
    failpoint.hit("task.sending")
    with structlog.contextvars.bound_contextvars(task=task.id, exporter=round.name):
        outcome = await handing.handed(round.bench, round.exporter, round.kind, task, ask=ask)
    failpoint.hit("task.sent")
    round.back.append((task, outcome))
    round.news.ring()


async def _written(round: Round, turn: Turn) -> list[Task]:
    """Write a turn, in one transaction; gives the tasks that are begun by it."""
    moves = [*turn.ended, *turn.stayed]
    if not turn:
        return []
    bench, was = round.bench, round.kept

    async def work(tx: AsyncConnection) -> tuple[set[int], list[Task]]:
        if round.standing != was:
            await partners.keep(tx, round.name, round.standing)
        moved = await following.moved(bench, tx, moves, round.exporter)
        return moved, await _begun(round, tx, turn)

    moved, begun = await small(bench.store, work, clock=bench.clock)
    round.kept = round.standing
    round.going |= {task.id for task in begun}
    if turn.ended:
        failpoint.hit("task.settled")
    _told(moves, moved, was, round.standing)
    return begun


async def _begun(round: Round, tx: AsyncConnection, turn: Turn) -> list[Task]:
    """Mark tasks as being sent, unless something later has overtaken them."""
    now, starts = round.now, dict(turn.starts)
    for by, roots in SUPERSEDES.items():
        only = [task.id for task in starts.values() if task.root in roots]
        for id in await tasks.supersede(tx, by, roots, now=now, only=only) if only else ():
            del starts[id]
    if not starts:
        return []
    still = await task_moves.locked(tx, list(starts.values()))
    config = round.config.hash
    begun = [
        rounds.begun(task, turn.fresh.get(id), config=config, now=now)
        for id, task in starts.items()
        if id in still
    ]
    await task_moves.begin(tx, begun, fresh=turn.fresh.keys())
    return begun


def _told(moves: list[Move], moved: set[int], was: Standing, standing: Standing) -> None:
    """Say in the log what has become of tasks, and of their partner."""
    for move in moves:
        task, step = move.task, move.step
        about = {"task": task.id, "exporter": task.exporter}
        if task.id not in moved:
            what = "this task was given to somebody else; what came of it is not counted"
            log.warning(what, **about)
            continue
        tell = log.info if step.state is TaskState.DONE else log.warning
        said = {"state": step.state.value, "why": step.reason, "ref": step.ref}
        tell("task", **about, **said, attempt=task.attempts)
    if standing.trips > was.trips:
        until, name = standing.closed_until, moves[0].task.exporter
        log.warning("partner left alone", exporter=name, until=until, why=standing.reason)
