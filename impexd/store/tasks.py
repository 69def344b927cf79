"""
Tasks: made of flags, sent, ended; every move with its line in the journal, in one transaction.

`begin` and `end` are fenced by the epoch: whoever lost a task moves nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.task import GOING, Task, TaskState
from impexd.model.telling import Frozen
from impexd.store.schema import orders, tasks

_T, _F = tasks.task.c, orders.order_flag.c
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


async def due(
    tx: AsyncConnection,
    exporter: str,
    *,
    now: str,
    limit: int,
    ordered: bool,
    besides: Collection[int] = (),
) -> list[Task]:
    """
    Read what is to be sent now, the higher priority first, then the older.

    `ordered`: of an order's tasks only the oldest that is not over.
    """
    going = [state.value for state in GOING]
    query = select(*COLUMNS).where(
        _T.exporter == exporter, _T.state.in_(going), _T.due <= now, _T.id.notin_(besides)
    )
    if ordered:
        before = tasks.task.alias("before")
        over = [TaskState.DONE.value, TaskState.SUPERSEDED.value, TaskState.SKIPPED.value]
        query = query.where(
            ~exists().where(
                before.c.exporter == _T.exporter,
                before.c.order_id == _T.order_id,
                before.c.id < _T.id,
                before.c.state.notin_(over),
            )
        )
    query = query.order_by(_T.priority.desc(), _T.id).limit(limit)
    return [made(row) for row in await tx.execute(query)]


async def begin(
    tx: AsyncConnection, task: Task, frozen: Frozen | None, config: str, *, now: str
) -> Task | None:
    """
    Mark a task as being sent, with what is frozen of it if that is new; None if it has moved on.

    From here on until its outcome is known it may have reached the partner.
    """
    values: dict[str, Any] = {
        "state": TaskState.SENDING.value,
        "epoch": _T.epoch + 1,
        "attempts": _T.attempts + 1,
        "first_sent": func.coalesce(_T.first_sent, now),
        "last_sent": now,
    }
    if frozen is not None:
        values |= {
            "body": frozen.body,
            "content": frozen.content,
            "frozen": dict(frozen.fixed),
            "frozen_at": now,
            "config_hash": config,
        }
    changed = update(tasks.task).where(
        _T.id == task.id, _T.epoch == task.epoch, _T.state == task.state.value
    )
    if frozen is not None:
        changed = changed.where(_T.body.is_(None))
    row = (await tx.execute(changed.values(values).returning(*COLUMNS))).first()
    return None if row is None else made(row)


async def end(
    tx: AsyncConnection,
    task: Task,
    state: TaskState,
    *,
    now: str,
    reason: str | None = None,
    actor: str | None = None,
    note: str | None = None,
    **values: Any,
) -> bool:
    """Move a task from where it is known to be; False if it has moved on meanwhile."""
    changed = update(tasks.task).where(
        _T.id == task.id, _T.epoch == task.epoch, _T.state == task.state.value
    )
    changed = changed.values(state=state.value, reason=reason, **values).returning(_T.id)
    if (await tx.execute(changed)).first() is None:
        return False
    await tx.execute(
        insert(tasks.task_event).values(
            task_id=task.id,
            at=now,
            from_state=task.state.value,
            to_state=state.value,
            reason=reason,
            actor=actor,
            note=note,
            attempt=task.attempts,
        )
    )
    return True


async def has_raised(tx: AsyncConnection, task: Task) -> bool:
    """Say whether another generation of a task has raised the next flag already."""
    query = select(_T.id).where(
        _T.flag_id == task.flag_id,
        _T.about == task.about,
        _T.exporter == task.exporter,
        _T.raised.is_not(None),
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def newest(tx: AsyncConnection, task: Task) -> int:
    """Give the highest generation of a task."""
    query = select(func.max(_T.generation)).where(
        _T.flag_id == task.flag_id, _T.about == task.about, _T.exporter == task.exporter
    )
    return int((await tx.execute(query)).scalar_one())


async def waiting(tx: AsyncConnection, *, now: str, stuck: str) -> list[str]:
    """Name the exporters that have something to send now, or lost a sender before `stuck`."""
    going = [state.value for state in GOING]
    query = (
        select(_T.exporter)
        .where(
            or_(
                and_(_T.state.in_(going), _T.due <= now),
                and_(_T.state == TaskState.SENDING.value, _T.last_sent < stuck),
            )
        )
        .distinct()
    )
    return sorted((await tx.execute(query)).scalars())


async def next_due(tx: AsyncConnection) -> str | None:
    """Give the moment at which the next task goes on."""
    going = [state.value for state in GOING]
    query = select(func.min(_T.due)).where(_T.state.in_(going))
    found: str | None = (await tx.execute(query)).scalar()
    return found


async def get(tx: AsyncConnection, id: int, *, lock: bool = False) -> Task | None:
    """Read one task; `lock`: nobody else moves it until the transaction ends."""
    query = select(*COLUMNS).where(_T.id == id)
    row = (await tx.execute(query.with_for_update() if lock else query)).first()
    return None if row is None else made(row)


def made(row: Any) -> Task:
    """Pure: make a task of the cells of a row, in the order of `COLUMNS`."""
    values = dict(zip([column.name for column in COLUMNS], row, strict=True))
    values["state"] = TaskState(values["state"])
    values["maybe"] = bool(values["maybe"])
    return Task(**values)
