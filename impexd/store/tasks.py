"""
Tasks: made of flags, overtaken, given up by their sender; each with a line in its journal.

How they are sent and end is `task_moves`, which come next is `task_line`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.task import Task, TaskState
from impexd.store.schema import orders, tasks

_T = tasks.task.c
COLUMNS = [tasks.task.c[one.name] for one in fields(Task)]


async def make(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]], *, now: str) -> list[int]:
    """Make tasks, each with the first line of its journal; gives their ids, in order."""
    if not rows:
        return []
    actors = [(row.get("actor"), row.get("note")) for row in rows]
    plain = [{k: v for k, v in row.items() if k not in ("actor", "note")} for row in rows]
    given = [{"due": now, "made": now, "since": now} | row for row in plain]
    statement = insert(tasks.task).returning(_T.id, sort_by_parameter_order=True)
    ids = list((await tx.execute(statement, given)).scalars())
    events = [
        {
            "task_id": id,
            "at": now,
            "from_state": None,
            "to_state": row["state"],
            "reason": row.get("reason"),
            "actor": actor,
            "note": note,
        }
        for id, row, (actor, note) in zip(ids, given, actors, strict=True)
    ]
    await tx.execute(insert(tasks.task_event), events)
    return ids


async def pass_over(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note exporters that listen and are not called: flag_id, exporter, about, reason."""
    if rows:
        await tx.execute(insert(tasks.passed_over), list(rows))


async def passed_over(tx: AsyncConnection, flags: Collection[int]) -> list[dict[str, Any]]:
    """Read who was not called, and why."""
    query = select(tasks.passed_over).where(tasks.passed_over.c.flag_id.in_(flags))
    query = query.order_by(tasks.passed_over.c.flag_id, tasks.passed_over.c.exporter)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def supersede(
    tx: AsyncConnection,
    by: str,
    roots: Collection[str],
    *,
    now: str,
    only_orders: Collection[int] | None = None,
    only: Collection[int] | None = None,
) -> list[int]:
    """
    Supersede what a flag `by` overtakes: unsent tasks of chains that began with `roots`.

    What may have reached a partner is left as it is.  A generation that a person asked for is
    overtaken only by what came after it.  Gives the tasks.
    """
    later = orders.order_flag.alias("later")
    overtaken = exists().where(
        later.c.order_id == _T.order_id,
        later.c.flag == by,
        or_(later.c.delivery_id.is_(None), later.c.delivery_id == _T.delivery_id),
        or_(_T.generation == 1, later.c.raised >= _T.made),
    )
    waiting = [TaskState.READY.value, TaskState.RETRY.value, TaskState.HELD.value]
    query = select(_T.id, _T.state, _T.attempts).where(
        _T.state.in_(waiting), _T.maybe.is_(False), _T.root.in_(roots), overtaken
    )
    if only_orders is not None:
        query = query.where(_T.order_id.in_(only_orders))
    if only is not None:
        query = query.where(_T.id.in_(only))
    found = (await tx.execute(query.with_for_update())).all()
    reason = f"overtaken by {by} before it was sent"
    await _moved(tx, found, TaskState.SUPERSEDED, reason, now=now, ended=now)
    return [row.id for row in found]


async def strand(tx: AsyncConnection, reason: str, *, now: str, exporter: str | None = None) -> int:
    """What is `sending` has lost its sender: now unknown.  Of one exporter, or of all."""
    query = select(_T.id, _T.state, _T.attempts).where(_T.state == TaskState.SENDING.value)
    if exporter is not None:
        query = query.where(_T.exporter == exporter)
    found = (await tx.execute(query.with_for_update())).all()
    await _moved(
        tx, found, TaskState.UNKNOWN, reason, now=now, maybe=True, due=now, epoch=_T.epoch + 1
    )
    return len(found)


async def _moved(
    tx: AsyncConnection,
    found: Sequence[Any],
    state: TaskState,
    reason: str | None,
    *,
    now: str,
    actor: str | None = None,
    note: str | None = None,
    **values: Any,
) -> None:
    """Move tasks that are locked, and note it."""
    if not found:
        return
    changed = update(tasks.task).where(_T.id.in_([row.id for row in found]))
    await tx.execute(changed.values(state=state.value, reason=reason, **values))
    events = [
        {
            "task_id": row.id,
            "at": now,
            "from_state": row.state,
            "to_state": state.value,
            "reason": reason,
            "actor": actor,
            "note": note,
            "attempt": row.attempts,
        }
        for row in found
    ]
    await tx.execute(insert(tasks.task_event), events)


async def newest(tx: AsyncConnection, task: Task) -> int:
    """Give the highest generation of a task."""
    query = select(func.max(_T.generation)).where(
        _T.flag_id == task.flag_id, _T.about == task.about, _T.exporter == task.exporter
    )
    return int((await tx.execute(query)).scalar_one())


async def get(tx: AsyncConnection, id: int, *, lock: bool = False) -> Task | None:
    """Read one task; `lock`: nobody else moves it until the transaction ends."""
    query = select(*COLUMNS).where(_T.id == id)
    row = (await tx.execute(query.with_for_update() if lock else query)).first()
    return None if row is None else made(row)


async def some(tx: AsyncConnection, ids: Sequence[int]) -> list[Task]:
    """Read tasks, in the order of their ids as given; those that are not there are left out."""
    rows = await tx.execute(select(*COLUMNS).where(_T.id.in_(ids)))
    found = {task.id: task for task in map(made, rows)}
    return [found[id] for id in ids if id in found]


def made(row: Any) -> Task:
    """Pure: make a task of the cells of a row, in the order of `COLUMNS`."""
    values = dict(zip([column.name for column in COLUMNS], row, strict=True))
    values["state"] = TaskState(values["state"])
    values["maybe"] = bool(values["maybe"])
    return Task(**values)
