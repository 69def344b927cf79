"""
Conditions on what a task is about: a field of the order or the delivery, compared with a value.

Pure.  No language, no eval: a path of names, one of ten comparisons, and what the operator wrote.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

from impexd.model.export import Op
from impexd.model.exporter import When
from impexd.model.order import Delivery, Order

_FREE = frozenset({"customer", "billing", "shipping", "totals", "payment", "custom", "extra"})
"""Fields that hold fields of the operator's own."""
_LISTS = frozenset({"lines", "deliveries"})
_INNER = frozenset({"id", "digest", "revision"})


def known(root: str) -> Collection[str]:
    """Pure: the fields of `order` or `delivery`."""
    kind = Order if root == "order" else Delivery
    return {one.name for one in fields(kind)} - _LISTS - _INNER


def field(path: str) -> str:
    """Pure: say what is wrong with the path of a field; "" if nothing is."""
    root, name, *deeper = path.split(".")
    if name not in known(root):
        return f"an {root} has no field `{name}`" if root == "order" else f"no field `{name}`"
    if deeper and name not in _FREE:
        return f"`{name}` has nothing inside"
    return ""


def failing(when: Sequence[When], about: Mapping[str, Any]) -> str:
    """Pure: say which condition does not hold, and what is there instead; "" if all hold."""
    for one in when:
        found = _at(one.field, about)
        if not holds(found, one.op, one.value):
            wanted = "" if one.value is None else f" {_shown(one.value)}"
            return f"{one.field} is {_shown(found)}, not {one.op}{wanted}"
    return ""


def holds(found: Any, op: Op, value: Any) -> bool:
    """Pure: does a value compare so?  What is not there compares with nothing but null and !=."""
    match op:
        case Op.NULL:
            return found is None
        case Op.NOT_NULL:
            return found is not None
        case Op.IN:
            return any(_equal(found, one) for one in value)
        case Op.IS:
            return _equal(found, value)
        case Op.IS_NOT:
            return not _equal(found, value)
        case Op.PREFIX:
            return isinstance(found, str) and found.startswith(value)
    if found is None:
        return False
    left, right = _pair(found, value)
    match op:
        case Op.LESS:
            return bool(left < right)
        case Op.AT_MOST:
            return bool(left <= right)
        case Op.MORE:
            return bool(left > right)
        case _:
            return bool(left >= right)


def _equal(found: Any, value: Any) -> bool:
    if found is None:
        return False
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value or (str(found).lower(), str(value).lower()) in _WORDS
    left, right = _pair(found, value)
    return bool(left == right)


_WORDS = {("true", "true"), ("false", "false")}


def _pair(found: Any, value: Any) -> tuple[Any, Any]:
    """Pure: both as numbers if both are, else both as text."""
    try:
        return Decimal(str(found)), Decimal(str(value))
    except InvalidOperation:
        return str(found), str(value)


def _at(path: str, about: Mapping[str, Any]) -> Any:
    found: Any = about
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return "one of " + ", ".join(str(one) for one in value)
    return str(value)
