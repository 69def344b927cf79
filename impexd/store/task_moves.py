"""
Tasks move: from where they are known to be, many at a time, each with a line in its journal.

`locked` says which are still there; whoever lost a task, which its epoch says, moves nothing.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.task import Task
from impexd.store.schema import tasks

_T = tasks.task.c
_MOVED = (
    *("state", "reason", "maybe", "epoch", "attempts", "due", "since"),
    *("first_sent", "last_sent", "ended", "ref", "raised"),
)
"""What a move may change."""
_ALL = (*_MOVED, "body", "content", "frozen", "frozen_at", "config_hash")
"""And what is written once."""


def _update(names: Sequence[str]) -> Any:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return update(tasks.task).where(_T.id == bindparam("this")).values(values)


_MOVE, _FREEZE = _update(_MOVED), _update(_ALL)


async def locked(tx: AsyncConnection, known: Sequence[Task]) -> set[int]:
    """Of some tasks give those that are where they are known to be; nobody else moves them now."""
    query = select(_T.id, _T.epoch, _T.state).where(_T.id.in_([task.id for task in known]))
    rows = await tx.execute(query.order_by(_T.id).with_for_update())
    found = {row.id: (row.epoch, row.state) for row in rows}
    return {task.id for task in known if found.get(task.id) == (task.epoch, task.state.value)}


async def begin(tx: AsyncConnection, begun: Sequence[Task], *, fresh: Collection[int]) -> None:
    """
    Write tasks, which are locked, as they are while being sent; what is frozen of the `fresh` ones, too.

    From here on until its outcome is known a task may have reached the partner.
    """
    new = [_row(task, _ALL) for task in begun if task.id in fresh]
    if new:
        await tx.execute(_FREEZE, new)
    again = [_row(task, _MOVED) for task in begun if task.id not in fresh]
    if again:
        await tx.execute(_MOVE, again)


async def move(
    tx: AsyncConnection,
    moves: Sequence[tuple[Task, Task]],
    *,
    now: str,
    actor: str | None = None,
    note: str | None = None,
) -> None:
    """Write tasks, which are locked: as they were, as they are; and who made it so."""
    if not moves:
        return
    await tx.execute(_MOVE, [_row(after, _MOVED) for _, after in moves])
    events = [
        {
            "task_id": after.id,
            "at": now,
            "from_state": before.state.value,
            "to_state": after.state.value,
            "reason": after.reason,
            "actor": actor,
            "note": note,
            "attempt": after.attempts,
        }
        for before, after in moves
    ]
    await tx.execute(insert(tasks.task_event), events)


def _row(task: Task, names: Sequence[str]) -> dict[str, Any]:
    row = {f"new_{name}": getattr(task, name) for name in names}
    return row | {"this": task.id, "new_state": task.state.value}
