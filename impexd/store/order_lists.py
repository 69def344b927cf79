"""Orders in lists, and what is told of one: made for 100,000 orders and more, newest first."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.schema import orders as tables
from impexd.store.schema import tasks

O, D, A = tables.orders.c, tables.delivery.c, tables.order_audit.c  # noqa: E741
F, M, P = tables.order_flag.c, tables.stock_movement.c, tables.delivery_line.c


async def listed(
    tx: AsyncConnection,
    *,
    states: Collection[str] = (),
    deliveries: Collection[str] = (),
    shop: str | None = None,
    shops: Sequence[str] | None = None,
    search: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """
    Read the newest orders, each with where its deliveries stand.

    `deliveries`: only orders that have a delivery in one of these states.  `shops`: the only ones that may be seen.  `search`: the beginning of a number, or a whole
    delivery or tracking number, customer's code or address.  `before`: only older ones than this id.
    """
    query: Select[Any] = select(
        O.id, O.number, O.shop, O.state, O.total, O.currency, O.payment_state,
        O.customer_key, O.placed, O.changed,
    )  # fmt: skip
    query = _which(query, states, shop, shops, search).order_by(O.id.desc()).limit(limit)
    if deliveries:
        query = query.where(O.id.in_(select(D.order_id).where(D.state.in_(sorted(deliveries)))))
    if before is not None:
        query = query.where(O.id < before)
    found = [dict(row) for row in (await tx.execute(query)).mappings()]
    standing: dict[int, list[dict[str, Any]]] = {}
    parts = (
        select(D.order_id, D.number, D.kind, D.state, D.tracking, D.reason)
        .where(D.order_id.in_([one["id"] for one in found]))
        .order_by(D.id)
    )
    for row in (await tx.execute(parts)).mappings():
        one = dict(row)
        standing.setdefault(one.pop("order_id"), []).append(one)
    return [one | {"deliveries": standing.get(one["id"], [])} for one in found]


def _which(
    query: Select[Any],
    states: Collection[str],
    shop: str | None,
    shops: Sequence[str] | None,
    search: str | None,
) -> Select[Any]:
    if states:
        query = query.where(O.state.in_(sorted(states)))
    if shop is not None:
        query = query.where(O.shop == shop)
    if shops is not None:
        query = query.where(O.shop.in_(list(shops)))
    if search:
        # One look at the deliveries for all orders: asked of each order it takes seconds.
        part = O.id.in_(select(D.order_id).where(or_(D.number == search, D.tracking == search)))
        key = O.customer_key.in_((search, search.lower()))
        query = query.where(or_(O.number.startswith(search, autoescape=True), key, part))
    return query


async def counted(tx: AsyncConnection, *, shops: Sequence[str] | None = None) -> dict[str, int]:
    """Count orders by state."""
    query = _which(select(O.state, func.count()).group_by(O.state), (), None, shops, None)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def shop_of(tx: AsyncConnection, word: str) -> str | None:
    """Give the shop of an order by its number or id, "" if it has none; None if there is no order."""
    id = await found(tx, word)
    if id is None:
        return None
    return (await tx.execute(select(O.shop).where(O.id == id))).scalar() or ""


async def shop_of_task(tx: AsyncConnection, task: int) -> str | None:
    """Give the shop of the order an export task is about; None if there is no such task."""
    of = tasks.task.c
    query = select(O.shop).join_from(tables.orders, tasks.task, of.order_id == O.id)
    row = (await tx.execute(query.where(of.id == task))).first()
    return None if row is None else row[0] or ""


async def found(tx: AsyncConnection, word: str) -> int | None:
    """Find an order by its number, else by its id."""
    id = (await tx.execute(select(O.id).where(O.number == word))).scalar()
    if id is None and word.isascii() and word.isdigit() and len(word) < 19:
        id = (await tx.execute(select(O.id).where(O.id == int(word)))).scalar()
    return id


async def audit(tx: AsyncConnection, order: int) -> list[dict[str, Any]]:
    """Read how an order got where it is, oldest first."""
    query = (
        select(
            A.id, A.at, A.event, A.from_state, A.to_state, A.actor, A.note, A.message, A.said,
            A.detail, D.number.label("delivery"),
        )
        .join_from(tables.order_audit, tables.delivery, D.id == A.delivery_id, isouter=True)
        .where(A.order_id == order)
        .order_by(A.id)
    )  # fmt: skip
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def flags(tx: AsyncConnection, order: int) -> list[dict[str, Any]]:
    """Read the flags of an order, oldest first."""
    query = (
        select(F.id, F.flag, F.raised, F.state, F.reason, D.number.label("delivery"))
        .join_from(tables.order_flag, tables.delivery, D.id == F.delivery_id, isouter=True)
        .where(F.order_id == order)
        .order_by(F.id)
    )
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def movements(tx: AsyncConnection, order: int) -> list[dict[str, Any]]:
    """Read what an order did to stock, oldest first."""
    query = (
        select(M.at, M.move, M.sku, M.warehouse, M.quantity, D.number.label("delivery"))
        .join_from(tables.stock_movement, tables.delivery_line, P.id == M.delivery_line_id)
        .join(tables.delivery, D.id == P.delivery_id)
        .where(D.order_id == order)
        .order_by(M.id)
    )
    return [dict(row) for row in (await tx.execute(query)).mappings()]
