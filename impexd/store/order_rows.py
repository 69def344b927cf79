"""Which columns the fields of an order and its parts have, and what stands in them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import Table

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
from impexd.model.values import whole
from impexd.store.schema import orders as tables

Columns = Mapping[str, Callable[[Any], Any] | None]
"""Field -> how its column is read, if not as it is."""


def decimal(text: str | None) -> Decimal | None:
    """Pure: a number as the tables have it."""
    return None if text is None else Decimal(text)


def canonical(value: Decimal) -> str:
    """Pure: a number as the tables have it: no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _words(kind: type[Enum]) -> Callable[[str], Enum]:
    """What makes a member of its word: looked up, which an enum's own call takes ten times as long for."""
    return {one.value: one for one in kind}.__getitem__


_READ: Mapping[str, Callable[[Any], Any]] = {
    "Decimal": Decimal,
    "Decimal | None": decimal,
    **{kind.__name__: _words(kind) for kind in (OrderState, DeliveryState, Kind, Payment)},
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


COLUMNS: Mapping[type, Columns] = {
    kind: _columns(kind) for kind in (Order, Line, Delivery, DeliveryLine)
}
"""Value -> its fields that are columns."""
_READERS = {
    kind: [(field, read) for field, read in columns.items() if read is not None]
    for kind, columns in COLUMNS.items()
}
TABLES: Mapping[type, Table] = {
    Order: tables.orders,
    Line: tables.order_line,
    Delivery: tables.delivery,
    DeliveryLine: tables.delivery_line,
}


def column(kind: type, field: str) -> str:
    """Pure: the name of the column that holds a field."""
    return _RENAMED.get((kind, field), field)


def made(kind: type, cells: Sequence[Any], **more: Any) -> Any:
    """Make a value of the cells of a row, in the order of its fields."""
    values: dict[str, Any] = dict(zip(COLUMNS[kind], cells, strict=False)) | more
    for field, read in _READERS[kind]:
        values[field] = read(values[field])
    return whole(kind, values)


def cells(kind: type, value: Any, wanted: Iterable[str]) -> dict[str, Any]:
    """Pure: the columns of some fields of a value."""
    return {column(kind, field): _cell(getattr(value, field)) for field in wanted}


def _cell(value: Any) -> Any:
    return canonical(value) if isinstance(value, Decimal) else value


def cells_of(kind: type) -> list[Any]:
    """The columns of a kind, in the order of its fields."""
    return [TABLES[kind].c[column(kind, field)] for field in COLUMNS[kind]]
