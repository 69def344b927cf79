"""Pure: what two configurations say differently, key by key."""

import json
from collections.abc import Iterator
from typing import Any

from impexd.core.text import shown

LISTED = 100
"""Differences that are told."""


def between(old: str, new: str) -> list[str]:
    """Pure: the differences of two configurations, given as their JSON texts."""
    found = _tree(json.loads(old), json.loads(new), "")
    listed = [line for line, _ in zip(found, range(LISTED + 1), strict=False)]
    return listed if len(listed) <= LISTED else [*listed[:LISTED], "... and more"]


def _tree(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _one(old, new, key, f"{path}.{key}" if path else str(key))
    elif old != new:
        yield f"{path}: {_value(old)} -> {_value(new)}"


def _one(old: dict[str, Any], new: dict[str, Any], key: str, path: str) -> Iterator[str]:
    if key not in new:
        yield f"{path}: gone"
    elif key not in old:
        yield f"{path}: new" + ("" if isinstance(new[key], dict) else f", {_value(new[key])}")
    else:
        yield from _tree(old[key], new[key], path)


def _value(value: Any) -> str:
    return shown(json.dumps(value, ensure_ascii=False), limit=120)
