"""Find orders by what people and couriers call them."""

from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.order import (
    OrderState,
)
from impexd.store.constant import Constant
from impexd.store.schema import orders as tables

MANY = 500
"""Numbers that are looked up with one query."""

_NUMBERED = select(tables.orders.c.number, tables.orders.c.id, tables.orders.c.digest).where(
    tables.orders.c.number.in_(bindparam("numbers", expanding=True))
)
_ONE_NUMBERED = Constant(
    select(tables.orders.c.number, tables.orders.c.id, tables.orders.c.digest).where(
        tables.orders.c.number == bindparam("number")
    )
)


async def numbered(tx: AsyncConnection, numbers: Collection[str]) -> dict[str, tuple[int, str]]:
    """Find orders by number: number -> (id, digest)."""
    wanted = sorted(set(numbers))
    if len(wanted) == 1:
        rows = await _ONE_NUMBERED.rows(tx, {"number": wanted[0]})
        return {number: (id, digest) for number, id, digest in rows}
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(wanted), MANY):
        some = await tx.execute(_NUMBERED, {"numbers": wanted[start : start + MANY]})
        found |= {number: (id, digest) for number, id, digest in some}
    return found


async def delivery_numbers(tx: AsyncConnection, numbers: Collection[str]) -> dict[str, str]:
    """Find deliveries by number: number -> the number of their order."""
    found: dict[str, str] = {}
    wanted = sorted(set(numbers))
    d, o = tables.delivery.c, tables.orders.c
    for start in range(0, len(wanted), MANY):
        query = (
            select(d.number, o.number)
            .join(tables.orders, o.id == d.order_id)
            .where(d.number.in_(wanted[start : start + MANY]))
        )
        found |= {row[0]: row[1] for row in await tx.execute(query)}
    return found


async def of_delivery(tx: AsyncConnection, number: str) -> int | None:
    """Find the order of a delivery by the delivery's number."""
    query = select(tables.delivery.c.order_id).where(tables.delivery.c.number == number)
    return (await tx.execute(query)).scalar()


async def of_tracking(tx: AsyncConnection, tracking: str) -> list[tuple[int, str]]:
    """Find deliveries by tracking number: (order's id, delivery's number), two at most."""
    d = tables.delivery.c
    query = select(d.order_id, d.number).where(d.tracking == tracking).limit(2)
    return [(order, number) for order, number in await tx.execute(query)]


async def known_customer(tx: AsyncConnection, key: str, before: int) -> bool:
    """Say whether a customer has had an order before this one that was not cancelled."""
    o = tables.orders.c
    query = (
        select(o.id)
        .where(o.customer_key == key, o.id < before, o.state.notin_(_FELL_THROUGH))
        .limit(1)
    )
    return (await tx.execute(query)).first() is not None


_FELL_THROUGH = (
    OrderState.PENDING.value,
    OrderState.AWAITING_PAYMENT.value,
    OrderState.AWAITING_APPROVAL.value,
    OrderState.CANCELLED.value,
    OrderState.CANCELLED_REFUND_PENDING.value,
)
