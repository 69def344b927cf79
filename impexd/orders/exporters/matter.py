"""What there is to tell, as bodies and templates name it.  Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from impexd.model.telling import Telling


def context(telling: Telling) -> dict[str, Any]:
    """Pure: what templates and columns can name."""
    about = everything(telling)
    of = telling.delivery or telling.order
    return about | {"lines": of.get("lines", ()), "now": telling.now}


def everything(telling: Telling) -> dict[str, Any]:
    """Pure: all there is to tell."""
    return {
        "flag": telling.flag,
        "raised": telling.raised,
        "key": telling.key,
        "task": telling.task,
        "generation": telling.generation,
        "order": telling.order,
        "delivery": telling.delivery,
        **telling.records,
    }


def plain(value: Any) -> Any:
    """Pure: as JSON has it; exact numbers become text."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def at(source: str, about: Mapping[str, Any]) -> Any:
    """Pure: find a value by its path; None if there is none."""
    found: Any = about
    for step in source.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
