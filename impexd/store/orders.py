"""
Orders read whole and written back: what of them differs, in the caller's transaction.

`load` reads any number of orders with four queries, locked until the transaction ends;
`save` writes the rows of which two values of an order differ, and nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.order import (
    Delivery,
    DeliveryLine,
    DeliveryState,
    Kind,
    Line,
    Order,
    OrderState,
    Payment,
)
from impexd.store.schema import orders as tables

MANY = 500
"""Orders that are read with one query."""

Columns = Mapping[str, Callable[[Any], Any] | None]
"""Field -> how its column is read, if not as it is."""


def decimal(text: str | None) -> Decimal | None:
    """Pure: a number as the tables have it."""
    return None if text is None else Decimal(text)


def canonical(value: Decimal) -> str:
    """Pure: a number as the tables have it: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_READ: Mapping[str, Callable[[Any], Any]] = {
    "Decimal": Decimal,
    "Decimal | None": decimal,
    "OrderState": OrderState,
    "DeliveryState": DeliveryState,
    "Kind": Kind,
    "Payment": Payment,
    "bool": bool,
}
_PARTS = ("lines", "deliveries")
_RENAMED: Mapping[tuple[type, str], str] = {(DeliveryLine, "line"): "line_id"}


def _columns(kind: type) -> dict[str, Callable[[Any], Any] | None]:
    return {
        one.name: _READ.get(one.type if isinstance(one.type, str) else _name(one.type))
        for one in fields(kind)
        if one.name not in _PARTS
    }


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind)) if isinstance(kind, type) else _union(kind)


def _union(kind: Any) -> str:
    return "Decimal | None" if Decimal in getattr(kind, "__args__", ()) else str(kind)


_COLUMNS: Mapping[type, Columns] = {
    kind: _columns(kind) for kind in (Order, Line, Delivery, DeliveryLine)
}
_TABLES: Mapping[type, Table] = {
    Order: tables.orders,
    Line: tables.order_line,
    Delivery: tables.delivery,
    DeliveryLine: tables.delivery_line,
}


def _column(kind: type, field: str) -> str:
    return _RENAMED.get((kind, field), field)


def _made(kind: type, row: RowMapping, **more: Any) -> Any:
    """Make a value of a row."""
    values = {
        field: read(row[_column(kind, field)]) if read else row[_column(kind, field)]
        for field, read in _COLUMNS[kind].items()
    }
    return kind(**values, **more)


def _cells(kind: type, value: Any, wanted: Iterable[str]) -> dict[str, Any]:
    """Pure: the columns of some fields of a value."""
    return {_column(kind, field): _cell(getattr(value, field)) for field in wanted}


def _cell(value: Any) -> Any:
    return canonical(value) if isinstance(value, Decimal) else value


_ORDER_OF_LINE = select(tables.order_line).order_by(tables.order_line.c.id)
_ORDERS = select(tables.orders).order_by(tables.orders.c.id)
_DELIVERIES = select(tables.delivery).order_by(tables.delivery.c.id)
_DELIVERY_LINES = (
    select(tables.delivery_line, tables.delivery.c.order_id)
    .join(tables.delivery, tables.delivery.c.id == tables.delivery_line.c.delivery_id)
    .order_by(tables.delivery_line.c.id)
)
_IDS: Any = bindparam("ids", expanding=True)


async def load(tx: AsyncConnection, ids: Collection[int], *, lock: bool) -> list[Order]:
    """
    Read orders by id, oldest first; those that are not there are left out.

    `lock`: nobody else changes them until the transaction ends.
    """
    found: list[Order] = []
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), MANY):
        found += await _loaded(tx, wanted[start : start + MANY], lock=lock)
    return found


async def one(tx: AsyncConnection, id: int, *, lock: bool) -> Order | None:
    """Read one order; None if there is none."""
    found = await load(tx, [id], lock=lock)
    return found[0] if found else None


async def _loaded(tx: AsyncConnection, ids: Sequence[int], *, lock: bool) -> list[Order]:
    query = _ORDERS.where(tables.orders.c.id.in_(_IDS))
    given = {"ids": list(ids)}
    rows = (await tx.execute(query.with_for_update() if lock else query, given)).mappings().all()
    if not rows:
        return []
    lines = await _grouped(tx, Line, _ORDER_OF_LINE, tables.order_line.c.order_id, given)
    parts: dict[int, list[DeliveryLine]] = {}
    query = _DELIVERY_LINES.where(tables.delivery.c.order_id.in_(_IDS))
    for row in (await tx.execute(query, given)).mappings():
        parts.setdefault(row["delivery_id"], []).append(_made(DeliveryLine, row))
    deliveries: dict[int, list[Delivery]] = {}
    query = _DELIVERIES.where(tables.delivery.c.order_id.in_(_IDS))
    for row in (await tx.execute(query, given)).mappings():
        own = tuple(parts.get(row["id"], ()))
        deliveries.setdefault(row["order_id"], []).append(_made(Delivery, row, lines=own))
    return [
        _made(
            Order,
            row,
            lines=tuple(lines.get(row["id"], ())),
            deliveries=tuple(deliveries.get(row["id"], ())),
        )
        for row in rows
    ]


async def _grouped(
    tx: AsyncConnection, kind: type, query: Any, by: Any, given: Mapping[str, Any]
) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in (await tx.execute(query.where(by.in_(_IDS)), given)).mappings():
        found.setdefault(row["order_id"], []).append(_made(kind, row))
    return found


def _pairs(before: Order, after: Order) -> Iterator[tuple[type, Any, Any]]:
    """Pure: every part of an order as it was and as it is now."""
    yield Order, before, after
    yield from _matched(Line, before.lines, after.lines)
    yield from _matched(Delivery, before.deliveries, after.deliveries)
    for was, now in zip(before.deliveries, after.deliveries, strict=True):
        yield from _matched(DeliveryLine, was.lines, now.lines)


def _matched(
    kind: type, before: Sequence[Any], after: Sequence[Any]
) -> Iterator[tuple[type, Any, Any]]:
    for was, now in zip(before, after, strict=True):
        if was is not now:
            yield kind, was, now


async def save(tx: AsyncConnection, before: Order, after: Order, *, now: str) -> Order:
    """
    Write what differs between two values of one order; gives it as it is written.

    Lines and deliveries are the same ones in the same order: they are made by `insert` only.
    """
    if after is before or after == before:
        return before
    after = replace(after, revision=before.revision + 1, changed=now)
    batches: dict[tuple[type, tuple[str, ...]], list[dict[str, Any]]] = {}
    for kind, was, now_value in _pairs(before, after):
        moved = tuple(
            field
            for field in _COLUMNS[kind]
            if getattr(was, field) is not getattr(now_value, field)
            and getattr(was, field) != getattr(now_value, field)
        )
        if moved:
            row = _cells(kind, now_value, moved) | {"of": now_value.id}
            batches.setdefault((kind, moved), []).append(row)
    for (kind, moved), rows in batches.items():
        await tx.execute(_updating(kind, moved), rows)
    return after


_UPDATES: dict[tuple[type, tuple[str, ...]], Any] = {}


def _updating(kind: type, moved: tuple[str, ...]) -> Any:
    if (kind, moved) not in _UPDATES:
        table = _TABLES[kind]
        names = [_column(kind, field) for field in moved]
        _UPDATES[kind, moved] = (
            update(table)
            .where(table.c.id == bindparam("of"))
            .values({name: bindparam(name) for name in names})
        )
    return _UPDATES[kind, moved]


async def insert_new(tx: AsyncConnection, orders: Sequence[Order]) -> list[Order]:
    """
    Write orders that are not there yet, whatever their number, with four statements.

    The ids they come with are not looked at, but for `DeliveryLine.line`: the index of the
    order's line.  Gives them with their ids.
    """
    heads = await _inserted(tx, Order, orders, [{} for _ in orders])
    return await _parts_inserted(tx, orders, heads)


async def insert_parts(tx: AsyncConnection, order: Order) -> Order:
    """Write the lines and deliveries of an order that is there already; gives it with their ids."""
    return (await _parts_inserted(tx, [order], [order.id]))[0]


async def _parts_inserted(
    tx: AsyncConnection, orders: Sequence[Order], heads: Sequence[int]
) -> list[Order]:
    owner = dict(zip([one.number for one in orders], heads, strict=True))
    lines = [(one, line) for one in orders for line in one.lines]
    line_ids = await _inserted(
        tx, Line, [line for _, line in lines], [{"order_id": owner[o.number]} for o, _ in lines]
    )
    of_line = {(o.number, n): 0 for o in orders for n in range(len(o.lines))}
    of_line = dict(zip(of_line, line_ids, strict=True))
    deliveries = [(one, delivery) for one in orders for delivery in one.deliveries]
    delivery_ids = await _inserted(
        tx,
        Delivery,
        [d for _, d in deliveries],
        [{"order_id": owner[o.number]} for o, _ in deliveries],
    )
    parts = [
        (o, id, part)
        for (o, delivery), id in zip(deliveries, delivery_ids, strict=True)
        for part in delivery.lines
    ]
    part_ids = await _inserted(
        tx,
        DeliveryLine,
        [part for _, _, part in parts],
        [{"delivery_id": id, "line_id": of_line[o.number, part.line]} for o, id, part in parts],
    )
    return _numbered(orders, heads, of_line, iter(line_ids), iter(delivery_ids), iter(part_ids))


def _numbered(
    orders: Sequence[Order],
    heads: Sequence[int],
    of_line: Mapping[tuple[str, int], int],
    line_ids: Iterator[int],
    delivery_ids: Iterator[int],
    part_ids: Iterator[int],
) -> list[Order]:
    return [
        replace(
            order,
            id=id,
            lines=tuple(replace(line, id=next(line_ids)) for line in order.lines),
            deliveries=tuple(
                replace(
                    delivery,
                    id=next(delivery_ids),
                    lines=tuple(
                        replace(part, id=next(part_ids), line=of_line[order.number, part.line])
                        for part in delivery.lines
                    ),
                )
                for delivery in order.deliveries
            ),
        )
        for order, id in zip(orders, heads, strict=True)
    ]


async def _inserted(
    tx: AsyncConnection, kind: type, values: Sequence[Any], more: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Insert rows; gives their ids, in the order of the values."""
    if not values:
        return []
    table = _TABLES[kind]
    wanted = [field for field in _COLUMNS[kind] if field != "id"]
    rows = [
        _cells(kind, value, wanted) | dict(extra) for value, extra in zip(values, more, strict=True)
    ]
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list((await tx.execute(statement, rows)).scalars())


async def replace_parts(tx: AsyncConnection, id: int) -> None:
    """Take away lines and deliveries of an order that is placed anew; nothing has moved yet."""
    await tx.execute(tables.delivery.delete().where(tables.delivery.c.order_id == id))
    await tx.execute(tables.order_line.delete().where(tables.order_line.c.order_id == id))


async def numbered(tx: AsyncConnection, numbers: Collection[str]) -> dict[str, tuple[int, str]]:
    """Find orders by number: number -> (id, digest)."""
    found: dict[str, tuple[int, str]] = {}
    wanted = sorted(set(numbers))
    o = tables.orders.c
    for start in range(0, len(wanted), MANY):
        query = select(o.number, o.id, o.digest).where(o.number.in_(wanted[start : start + MANY]))
        found |= {number: (id, digest) for number, id, digest in await tx.execute(query)}
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


async def audited(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Write audit lines; gives their ids, in order."""
    if not rows:
        return []
    statement = insert(tables.order_audit).returning(
        tables.order_audit.c.id, sort_by_parameter_order=True
    )
    return list((await tx.execute(statement, list(rows))).scalars())


async def flagged(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write flags."""
    await tx.execute(insert(tables.order_flag), list(rows))


async def moved(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write movements of stock."""
    await tx.execute(insert(tables.stock_movement), list(rows))


async def has_heard(tx: AsyncConnection, message: int) -> bool:
    """Say whether the facts of a message are in the audit already."""
    a = tables.order_audit.c
    query = select(a.id).where(a.message == message, a.event == "line_update").limit(1)
    return (await tx.execute(query)).first() is not None


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
