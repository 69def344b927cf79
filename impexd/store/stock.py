"""
The stock entity's records, as orders change them: read, locked, and written back by place.

A record that an order changes gets a new change number, so that exports of changes see it; its
hash is forgotten, because its values are no longer those last loaded; and its version is none of
any run's, so that undoing one keeps it.  The entity's own change number stays: a plan that was
made before is as good after, since orders neither make nor delete records of stock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import TableClause, bindparam, column, select, table, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Kind, Type
from impexd.model.ordering import StockFields
from impexd.store import runs
from impexd.store.constant import Constant
from impexd.store.dialect import quoted
from impexd.store.order_log import FEW
from impexd.store.order_rows import canonical

Place = tuple[str, str]
MANY = 400
"""Places that are read with one query."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where stock is kept: the entity's table, and what its fields are called."""

    table: str
    sku: str
    warehouse: str
    on_hand: str
    reserved: str
    whole: frozenset[str]
    """Fields that hold whole numbers."""


def shelf(kind: Kind, fields: StockFields) -> Shelf:
    """Pure: say where the stock of an entity is kept."""
    whole = frozenset(
        name for name in (fields.on_hand, fields.reserved) if kind.fields[name].type is Type.INTEGER
    )
    return Shelf(kind.table, fields.sku, fields.warehouse, fields.on_hand, fields.reserved, whole)


async def levels(
    tx: AsyncConnection, where: Shelf, places: Collection[Place]
) -> dict[Place, tuple[Decimal, Decimal]]:
    """
    Read (on hand, reserved) of places; nobody else changes them until the transaction ends.

    Places that have no record are not among them.  Who changes records waits in one line (see
    `runs.in_turn`), so that two orders for the last piece do not both see it.
    """
    if not places:
        return {}
    await runs.in_turn(tx)
    wanted = sorted(places)
    found: dict[Place, tuple[Decimal, Decimal]] = {}
    for start in range(0, len(wanted), MANY):
        for sku, warehouse, on_hand, reserved in await _rows(
            tx, where, wanted[start : start + MANY]
        ):
            found[sku, warehouse] = (_decimal(on_hand), _decimal(reserved))
    return found


async def _rows(tx: AsyncConnection, where: Shelf, places: Sequence[Place]) -> Sequence[Any]:
    if len(places) > FEW:
        return (await tx.execute(_reading(where), {"places": places})).all()
    one = _reading_one(where)
    return [
        row
        for sku, warehouse in places
        for row in await one.rows(tx, {"sku": sku, "warehouse": warehouse})
    ]


@lru_cache(maxsize=8)
def _reading(where: Shelf) -> Any:
    stock = _table(where)
    key = tuple_(stock.c[where.sku], stock.c[where.warehouse])
    return select(*stock.c).where(key.in_(bindparam("places", expanding=True)))


@lru_cache(maxsize=8)
def _reading_one(where: Shelf) -> Constant:
    stock = _table(where)
    sku = stock.c[where.sku] == bindparam("sku")
    return Constant(select(*stock.c).where(sku, stock.c[where.warehouse] == bindparam("warehouse")))


def _table(where: Shelf) -> TableClause:
    names: list[Any] = [
        column(n) for n in (where.sku, where.warehouse, where.on_hand, where.reserved)
    ]
    return table(where.table, *names)


def _decimal(value: Any) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))


async def write(
    tx: AsyncConnection, where: Shelf, changed: Mapping[Place, tuple[Decimal, Decimal]]
) -> None:
    """Write (on hand, reserved) of places whose records were read and locked before."""
    if not changed:
        return
    seq = await runs.advance(tx, "change")
    sqlite = tx.dialect.name == "sqlite"
    rows = [
        {
            "sku": sku,
            "warehouse": warehouse,
            "on_hand": _cell(on_hand, sqlite=sqlite, whole=where.on_hand in where.whole),
            "reserved": _cell(reserved, sqlite=sqlite, whole=where.reserved in where.whole),
            "seq": seq,
            "version": -seq,
        }
        for (sku, warehouse), (on_hand, reserved) in sorted(changed.items())
    ]
    await _writing(where).send(tx, rows)


@lru_cache(maxsize=8)
def _writing(where: Shelf) -> Constant:
    return Constant(
        text(
            f"UPDATE {quoted(where.table)} SET {quoted(where.on_hand)} = :on_hand,"
            f" {quoted(where.reserved)} = :reserved, _changed = :version, _seq = :seq, _hash = NULL"
            f" WHERE {quoted(where.sku)} = :sku AND {quoted(where.warehouse)} = :warehouse"
        )
    )


def _cell(value: Decimal, *, sqlite: bool, whole: bool) -> Any:
    if whole:
        return int(value)
    return canonical(value) if sqlite else value
