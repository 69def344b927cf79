"""
Orders read whole and written back: what of them differs, in the caller's transaction.

`load` reads any number of orders with four queries, locked until the transaction ends;
`save` writes the rows of which two values of an order differ, and nothing else.  What an event
of one order needs is sent as constant statements, see `constant`.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update
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
from impexd.store.constant import Constant
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


def _made(kind: type, cells: Sequence[Any], **more: Any) -> Any:
    """Make a value of the cells of a row, in the order of its fields."""
    values = {
        field: cell if read is None else read(cell)
        for (field, read), cell in zip(_COLUMNS[kind].items(), cells, strict=False)
    }
    return kind(**values, **more)


def _cells(kind: type, value: Any, wanted: Iterable[str]) -> dict[str, Any]:
    """Pure: the columns of some fields of a value."""
    return {_column(kind, field): _cell(getattr(value, field)) for field in wanted}


def _cell(value: Any) -> Any:
    return canonical(value) if isinstance(value, Decimal) else value


def _cells_of(kind: type) -> list[Any]:
    """The columns of a kind, in the order of its fields."""
    return [_TABLES[kind].c[_column(kind, field)] for field in _COLUMNS[kind]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """The four queries that read whole orders; the owner's id comes last in each row of a part."""

    heads: Any
    locked: Any
    lines: Any
    deliveries: Any
    parts: Any


def _reading(wanted: Callable[[Any], Any]) -> _Reading:
    head, line, d, part = (_TABLES[kind].c for kind in (Order, Line, Delivery, DeliveryLine))
    heads = select(*_cells_of(Order)).where(wanted(head.id)).order_by(head.id)
    lines = select(*_cells_of(Line), line.order_id.label("owner")).where(wanted(line.order_id))
    deliveries = select(*_cells_of(Delivery), d.order_id.label("owner")).where(wanted(d.order_id))
    parts = (
        select(*_cells_of(DeliveryLine), part.delivery_id.label("owner"))
        .join(tables.delivery, d.id == part.delivery_id)
        .where(wanted(d.order_id))
    )
    return _Reading(
        heads,
        heads.with_for_update(),
        lines.order_by(line.id),
        deliveries.order_by(d.id),
        parts.order_by(part.id),
    )


_SOME = _reading(lambda column: column.in_(bindparam("ids", expanding=True)))
_ONE = _reading(lambda column: column == bindparam("ids"))
_ONE_READY = {name: Constant(getattr(_ONE, name)) for name in _Reading.__slots__}


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

    async def read(name: str) -> Sequence[Any]:
        return await _ONE_READY[name].rows(tx, {"ids": id})

    found = await _read(read, lock=lock)
    return found[0] if found else None


async def _loaded(tx: AsyncConnection, ids: Sequence[int], *, lock: bool) -> list[Order]:
    async def read(name: str) -> Sequence[Any]:
        return (await tx.execute(getattr(_SOME, name), {"ids": ids})).all()

    return await _read(read, lock=lock)


async def _read(read: Callable[[str], Awaitable[Sequence[Any]]], *, lock: bool) -> list[Order]:
    """Put orders together from what their four queries read."""
    rows = await read("locked" if lock else "heads")
    if not rows:
        return []
    lines = _grouped((row[-1], _made(Line, row)) for row in await read("lines"))
    parts = _grouped((row[-1], _made(DeliveryLine, row)) for row in await read("parts"))
    deliveries = _grouped(
        (row[-1], _made(Delivery, row, lines=tuple(parts.get(row[0], ()))))
        for row in await read("deliveries")
    )
    return [
        _made(
            Order,
            row,
            lines=tuple(lines.get(row[0], ())),
            deliveries=tuple(deliveries.get(row[0], ())),
        )
        for row in rows
    ]


def _grouped(values: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for owner, value in values:
        found.setdefault(owner, []).append(value)
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
        await _updating(kind, moved).send(tx, rows)
    return after


@lru_cache(maxsize=256)
def _updating(kind: type, moved: tuple[str, ...]) -> Constant:
    table = _TABLES[kind]
    columns = [_column(kind, field) for field in moved]
    return Constant(update(table).where(table.c.id == bindparam("of")), columns)


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
