"""An order as partners are shown it: mappings of names to values, without what is only ours."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

from impexd.model.order import Delivery, Order

OURS = frozenset(
    {"id", "line", "digest", "revision", "customer_key", "reserved", "debited", "short"}
)
"""Fields that mean nothing outside."""


def order(one: Order) -> dict[str, Any]:
    """Pure: an order with its lines and deliveries."""
    made: dict[str, Any] = _plain(one)
    return made


def delivery(one: Delivery, of: Order) -> dict[str, Any]:
    """Pure: a delivery; its lines know name and price of the order's."""
    made: dict[str, Any] = _plain(one)
    lines = {line.id: line for line in of.lines}
    for shown, part in zip(made["lines"], one.lines, strict=True):
        line = lines.get(part.line)
        shown["quantity"] = part.ordered
        shown["name"] = line.name if line else None
        shown["price"] = line.price if line else None
    return made


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {
            one.name: _plain(getattr(value, one.name))
            for one in fields(value)
            if one.name not in OURS
        }
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, StrEnum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value
