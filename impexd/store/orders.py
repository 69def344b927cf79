"""
Orders read whole and written back: what of them differs, in the caller's transaction.

`load` reads any number of orders with four queries, locked until the transaction ends;
`save` writes the rows of which two values of an order differ, and nothing else.  What an event
of one order needs is sent as constant statements, see `constant`.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.order import (
    Delivery,
    DeliveryLine,
    Line,
    Order,
)
from impexd.model.values import replace
from impexd.store.constant import Constant
from impexd.store.order_rows import COLUMNS, TABLES, cells, cells_of, column, made
from impexd.store.schema import orders as tables

MANY = 500
"""Orders that are read with one query."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The four queries that read whole orders; the owner's id comes last in each row of a part."""

    heads: Any
    locked: Any
    lines: Any
    deliveries: Any
    parts: Any


def _reading(wanted: Callable[[Any], Any]) -> _Reading:
    head, line, d, part = (TABLES[kind].c for kind in (Order, Line, Delivery, DeliveryLine))
    heads = select(*cells_of(Order)).where(wanted(head.id)).order_by(head.id)
    lines = select(*cells_of(Line), line.order_id.label("owner")).where(wanted(line.order_id))
    deliveries = select(*cells_of(Delivery), d.order_id.label("owner")).where(wanted(d.order_id))
    parts = (
        select(*cells_of(DeliveryLine), part.delivery_id.label("owner"))
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
    lines = _grouped((row[-1], made(Line, row)) for row in await read("lines"))
    parts = _grouped((row[-1], made(DeliveryLine, row)) for row in await read("parts"))
    deliveries = _grouped(
        (row[-1], made(Delivery, row, lines=tuple(parts.get(row[0], ()))))
        for row in await read("deliveries")
    )
    return [
        made(
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
        moved = _moved(kind, was, now_value)
        if moved:
            row = cells(kind, now_value, moved) | {"of": now_value.id}
            batches.setdefault((kind, moved), []).append(row)
    for (kind, moved), rows in batches.items():
        await _updating(kind, moved).send(tx, rows)
    return after


def _moved(kind: type, was: Any, now: Any) -> tuple[str, ...]:
    """Pure: the fields with columns in which two values differ."""
    old, new = was.__dict__, now.__dict__  # half the time of asking for each, and there are many
    return tuple([f for f in COLUMNS[kind] if old[f] is not new[f] and old[f] != new[f]])


@lru_cache(maxsize=256)
def _updating(kind: type, moved: tuple[str, ...]) -> Constant:
    table = TABLES[kind]
    columns = [column(kind, field) for field in moved]
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
    table = TABLES[kind]
    wanted = [field for field in COLUMNS[kind] if field != "id"]
    rows = [
        cells(kind, value, wanted) | dict(extra) for value, extra in zip(values, more, strict=True)
    ]
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list((await tx.execute(statement, rows)).scalars())


async def replace_parts(tx: AsyncConnection, id: int) -> None:
    """Take away lines and deliveries of an order that is placed anew; nothing has moved yet."""
    await tx.execute(tables.delivery.delete().where(tables.delivery.c.order_id == id))
    await tx.execute(tables.order_line.delete().where(tables.order_line.c.order_id == id))
