"""A task moves, and what follows from it, in one transaction: the next flag of the chain."""

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.exporter import Exporter
from impexd.model.task import GOING, Task, TaskState
from impexd.orders.chain.bench import Bench
from impexd.orders.chain.fate import Step
from impexd.store import order_flags, tasks

ENDS = (TaskState.DONE, TaskState.FAILED, TaskState.SKIPPED)


async def moved(
    bench: Bench,
    tx: AsyncConnection,
    task: Task,
    step: Step,
    exporter: Exporter | None,
    *,
    actor: str | None = None,
    note: str | None = None,
    follow: bool | None = None,
    afresh: bool = False,
) -> bool:
    """
    Move a task; False if it has moved on meanwhile, and nothing was done.

    `follow`: raise the next flag; if not said, a task that is done does.  `afresh`: its age counts
    from now.
    """
    now = stamp(bench.clock.now())
    values: dict[str, object] = {"maybe": step.maybe or task.maybe, "epoch": task.epoch + 1}
    if step.state in ENDS:
        values["ended"] = now
    if step.due is not None:
        values["due"] = stamp(step.due)
    elif step.state in GOING:
        values["due"] = now
    if step.ref is not None:
        values["ref"] = step.ref
    if afresh:
        values["since"] = now
    wanted = step.state is TaskState.DONE if follow is None else follow
    if wanted and exporter is not None and exporter.next is not None:
        values["raised"] = await _raised(bench, tx, task, exporter.next, now)
    done = await tasks.end(
        tx, task, step.state, now=now, reason=step.reason, actor=actor, note=note, **values
    )
    if done and step.state in GOING:
        await bench.enqueue(tx, task.exporter)
    return done


async def _raised(bench: Bench, tx: AsyncConnection, task: Task, name: str, now: str) -> int | None:
    """Raise the next flag of the chain, unless another generation of this task has."""
    if await tasks.has_raised(tx, task):
        return None
    reason = f"{task.exporter} is done with task {task.id}"
    flag = await order_flags.raise_flag(tx, task.order_id, task.delivery_id, name, reason, now=now)
    await bench.enqueue(tx, None)
    return flag
