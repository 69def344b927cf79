"""Deliveries that wait: for a day, for goods; found set-based, oldest order first."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.dialect import quoted
from impexd.store.stock import Shelf

Waiting = tuple[int, int, str]
"""(id of the order, id of the delivery, its number)."""
_LIVE = ("in_progress", "partially_shipped", "completed")


async def due(tx: AsyncConnection, today: str, after: tuple[int, int], limit: int) -> list[Waiting]:
    """Find deliveries whose day has come, oldest order first."""
    return await _waiting(tx, "awaiting_date", "d.available <= :today", after, limit, today=today)


async def supplied(
    tx: AsyncConnection, where: Shelf, after: tuple[int, int], limit: int
) -> list[Waiting]:
    """
    Find deliveries that wait for stock and seem to have enough of every line, oldest order first.

    A first look: whether it is enough, exactly and after those before it, the walk decides.
    """
    much = f"CAST(COALESCE(s.{quoted(where.on_hand)}, '0') AS NUMERIC)"
    if tx.dialect.name == "postgresql":
        much = f"COALESCE(s.{quoted(where.on_hand)}, 0)"
    want = " - ".join(
        f"CAST(l.{name} AS NUMERIC)" for name in ("ordered", "rejected", "debited", "short")
    )
    lacks = (
        f"SELECT 1 FROM delivery_line l LEFT JOIN {quoted(where.table)} s"
        f" ON s.{quoted(where.sku)} = l.sku AND s.{quoted(where.warehouse)} = d.warehouse"
        f" WHERE l.delivery_id = d.id AND d.warehouse IS NOT NULL AND {much} < {want}"
    )
    return await _waiting(tx, "awaiting_stock", f"NOT EXISTS ({lacks})", after, limit)


async def _waiting(
    tx: AsyncConnection, state: str, test: str, after: tuple[int, int], limit: int, **given: str
) -> list[Waiting]:
    live = ", ".join(f"'{one}'" for one in _LIVE)
    query = text(
        "SELECT d.order_id, d.id, d.number FROM delivery d JOIN orders o ON o.id = d.order_id"
        f" WHERE d.state = '{state}' AND o.state IN ({live}) AND (d.order_id, d.id) > (:o, :d)"
        f" AND {test} ORDER BY d.order_id, d.id LIMIT :n"
    )
    values = {"o": after[0], "d": after[1], "n": limit, **given}
    return [(order, id, number) for order, id, number in await tx.execute(query, values)]
