"""Tasks move, and what follows from it, in one transaction: the next flag of the chain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.exporter import Exporter
from impexd.model.task import GOING, Task, TaskState
from impexd.orders.chain.bench import Bench
from impexd.orders.chain.fate import Step
from impexd.store import order_flags, task_moves

ENDS = (TaskState.DONE, TaskState.FAILED, TaskState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Move:
    """A task, and where it goes."""

    task: Task
    step: Step
    follow: bool | None = None
    """Does the next flag follow?  If not said, from a task that is done."""
    afresh: bool = False
    """Does its age count from now?"""

    @property
    def follows(self) -> bool:
        """Is the next flag raised, if there is one?"""
        return self.step.state is TaskState.DONE if self.follow is None else self.follow


async def moved(
    bench: Bench,
    tx: AsyncConnection,
    moves: Sequence[Move],
    exporter: Exporter | None,
    *,
    actor: str | None = None,
    note: str | None = None,
) -> set[int]:
    """
    Move tasks of one exporter; gives those that were where they are known to be, and did move.

    Each raises the next flag of the chain, unless another generation of it has.
    """
    if not moves:
        return set()
    now = stamp(bench.clock.now())
    still = await task_moves.locked(tx, [move.task for move in moves])
    going = [move for move in moves if move.task.id in still]
    raised = await _raised(tx, going, exporter, now)
    pairs = [(move.task, after(move, now=now, raised=raised.get(move.task.id))) for move in going]
    await task_moves.move(tx, pairs, now=now, actor=actor, note=note)
    bench.flagged(tx)
    return still


def after(move: Move, *, now: str, raised: int | None) -> Task:
    """Pure: a task as it is once it has moved."""
    task, step = move.task, move.step
    due = task.due
    if step.due is not None:
        due = stamp(step.due)
    elif step.state in GOING:
        due = now
    return replace(
        task,
        state=step.state,
        reason=step.reason,
        maybe=step.maybe or task.maybe,
        epoch=task.epoch + 1,
        due=due,
        since=now if move.afresh else task.since,
        ended=now if step.state in ENDS else task.ended,
        ref=task.ref if step.ref is None else step.ref,
        raised=task.raised if raised is None else raised,
    )


async def _raised(
    tx: AsyncConnection, moves: Sequence[Move], exporter: Exporter | None, now: str
) -> dict[int, int]:
    """Raise what follows; task -> flag."""
    wanted = [move.task for move in moves if move.follows]
    if exporter is None or exporter.next is None or not wanted:
        return {}
    has = await order_flags.raised_by(tx, wanted[0].exporter, [task.flag_id for task in wanted])
    new = [task for task in wanted if (task.flag_id, task.about) not in has]
    about = [
        (task.order_id, task.delivery_id, f"{task.exporter} is done with task {task.id}")
        for task in new
    ]
    flags = await order_flags.raise_flags(tx, exporter.next, about, now=now)
    return {task.id: flag for task, flag in zip(new, flags, strict=True)}
