"""Frozen values with many fields, of which a new one with a few others is made often."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:
    """
    Give the value with some fields changed, as `dataclasses.replace` does; TypeError for no field of it.

    That one asks for each field and sets each anew; an event of an order does so six times, with thirty
    fields each.  This one copies them in one go, so the class MUST have no slots and compute nothing.
    """
    kind = type(value)
    if not changes.keys() <= kind.__dataclass_fields__.keys():  # type: ignore[attr-defined]
        raise TypeError(f"{kind.__name__} has no such field: {sorted(changes)}")
    made = object.__new__(kind)
    made.__dict__.update(value.__dict__, **changes)
    return made


def whole(kind: type[T], values: Mapping[str, Any]) -> T:
    """
    Make a value of all its fields, without what an `__init__` does for each; TypeError if one is missing.

    The class MUST have no slots and compute nothing.
    """
    if values.keys() != kind.__dataclass_fields__.keys():  # type: ignore[attr-defined]
        raise TypeError(f"{kind.__name__} is not made of {sorted(values)}")
    made = object.__new__(kind)
    made.__dict__.update(values)
    return made
