"""What is only ever added to an order: audit lines, flags, movements of stock."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.constant import Constant
from impexd.store.schema import orders as tables

_AUDIT = (
    "order_id", "delivery_id", "event", "from_state", "to_state", "actor", "note", "message",
    "said", "at", "detail",
)  # fmt: skip
_FLAG = ("flag", "order_id", "delivery_id", "audit_id", "reason", "raised")
_MOVEMENT = ("delivery_line_id", "audit_id", "move", "sku", "warehouse", "quantity", "at")
_ONE_AUDITED = Constant(insert(tables.order_audit).returning(tables.order_audit.c.id), _AUDIT)
_MANY_AUDITED = insert(tables.order_audit).returning(
    tables.order_audit.c.id, sort_by_parameter_order=True
)
_FLAGGED = Constant(insert(tables.order_flag).inline(), _FLAG)
_MOVED = Constant(insert(tables.stock_movement).inline(), _MOVEMENT)
FEW = 4
"""Rows that are sent one by one, because that costs less than a statement made for them."""


async def audited(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Write audit lines; gives their ids, in order."""
    if not rows:
        return []
    if len(rows) <= FEW:
        return [await _ONE_AUDITED.scalar(tx, row) for row in rows]
    return list((await tx.execute(_MANY_AUDITED, list(rows))).scalars())


async def flagged(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write flags."""
    await _FLAGGED.send(tx, rows)


async def moved(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write movements of stock."""
    await _MOVED.send(tx, rows)


_HEARD = Constant(
    select(tables.order_audit.c.id).where(
        tables.order_audit.c.message == bindparam("message"),
        tables.order_audit.c.event == bindparam("event"),
    )
)


async def has_heard(tx: AsyncConnection, message: int) -> bool:
    """Say whether the facts of a message are in the audit already."""
    values = {"message": message, "event": "line_update"}
    return await _HEARD.scalar(tx, values) is not None
