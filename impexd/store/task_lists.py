"""Tasks as people look at them: lists, counts, journals."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.task import Task
from impexd.store.schema import orders, tasks
from impexd.store.tasks import COLUMNS, made

_T = tasks.task.c


async def events(tx: AsyncConnection, ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """Read the journals of tasks, oldest line first."""
    e = tasks.task_event.c
    query = select(tasks.task_event).where(e.task_id.in_(ids)).order_by(e.id)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in (await tx.execute(query)).mappings():
        line = {name: value for name, value in row.items() if name not in ("id", "task_id")}
        found.setdefault(row["task_id"], []).append(line)
    return found


async def listed(
    tx: AsyncConnection,
    *,
    order: str | None = None,
    states: Sequence[str] = (),
    exporter: str | None = None,
    shops: Collection[str] | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[tuple[Task, str, str | None, str | None]]:
    """
    Read tasks, newest first: each with its order's number, its delivery's, and the shop.

    `shops`: of these only.  Bodies are left out.
    """
    o, d = orders.orders.c, orders.delivery.c
    query = (
        select(*_BRIEF, o.number, d.number.label("delivery"), o.shop)
        .join(orders.orders, o.id == _T.order_id)
        .outerjoin(orders.delivery, d.id == _T.delivery_id)
        .order_by(_T.id.desc())
        .limit(limit)
    )
    if order is not None:
        query = query.where(o.number == order)
    if states:
        query = query.where(_T.state.in_(states))
    if exporter is not None:
        query = query.where(_T.exporter == exporter)
    if before is not None:
        query = query.where(_T.id < before)
    if shops is not None:
        query = query.where(o.shop.in_(shops))
    wide = len(_BRIEF)
    return [(made(row[:wide]), *row[wide:]) for row in await tx.execute(query)]


_BRIEF = [null().label("body") if column.name == "body" else column for column in COLUMNS]
"""A task without its body: lists do not need it."""


async def of_order(tx: AsyncConnection, order: int) -> list[Task]:
    """Read all tasks of an order, oldest first, without their bodies."""
    query = select(*_BRIEF).where(_T.order_id == order).order_by(_T.id)
    return [made(row) for row in await tx.execute(query)]


async def counted(
    tx: AsyncConnection, *, shops: Collection[str] | None = None
) -> dict[str, dict[str, int]]:
    """Exporter -> state -> how many; `shops`: of these only."""
    query = select(_T.exporter, _T.state, func.count()).group_by(_T.exporter, _T.state)
    if shops is not None:
        o = orders.orders.c
        query = query.join(orders.orders, o.id == _T.order_id).where(o.shop.in_(shops))
    found: dict[str, dict[str, int]] = {}
    for exporter, state, count in await tx.execute(query):
        found.setdefault(exporter, {})[state] = count
    return found


async def ended(
    tx: AsyncConnection, since: str, *, shops: Collection[str] | None = None
) -> dict[str, dict[str, int]]:
    """Exporter -> how many were done, and how many failed, since a moment; `shops`: of these only."""
    query = select(_T.exporter, _T.state, func.count()).where(
        _T.ended >= since, _T.state.in_(("done", "failed"))
    )
    if shops is not None:
        o = orders.orders.c
        query = query.join(orders.orders, o.id == _T.order_id).where(o.shop.in_(shops))
    found: dict[str, dict[str, int]] = {}
    for exporter, state, count in await tx.execute(query.group_by(_T.exporter, _T.state)):
        found.setdefault(exporter, {})[state] = count
    return found
