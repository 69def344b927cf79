"""
Paths in JSON: `name`, `price.amount`, `images[0].url`, `["a key with . in it"].x`.

Places in lists are counted from 0, as everywhere in JSON.  `[]` is each element of a list: rows that
stand in lists inside a record are reached by `orders[].lines`; then `/number` is a value of the
record itself, and `/deliveries[].carrier` one of what lies between.
"""

import re
from dataclasses import dataclass

Keys = tuple[str, ...]

_PART = re.compile(
    r"(?P<dot>\.)?(?P<name>[^.\[\]\"]+)|\[(?:(?P<index>0|[1-9]\d{0,8})|(?P<key>\"(?:[^\"\\]|\\.)*\"))\]"
)
_ESCAPED = re.compile(r"\\(.)")
_EACH = re.compile(r'(?:[^"\[]|\["(?:[^"\\]|\\.)*"\]|\[(?!\]))*')
_NO_PATH = 'is no path, like "price.amount" or "images[0].url"'
_NO_KEYS = 'is no path of keys, like "data.items" or "orders[].lines"'


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows of a file are."""

    list: Keys
    """The keys down to the list of records, none if the file is that list."""
    inner: tuple[Keys, ...] = ()
    """The keys from each record to a list in it, from each element of that to the next ...: the last
    one's elements are the rows.  None: the records are."""


def cell(path: str) -> tuple[str | int, ...]:
    """Pure: the keys and places down to a value; ValueError says what is wrong."""
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        found = _PART.match(path, at)
        if not found or (found["name"] is not None and bool(found["dot"]) != bool(parts)):
            raise ValueError(_NO_PATH)
        at = found.end()
        if found["index"] is not None:
            parts.append(int(found["index"]))
        else:
            key = found["key"]
            parts.append(found["name"] if key is None else _ESCAPED.sub(r"\1", key[1:-1]))
    if not parts or isinstance(parts[0], int):
        raise ValueError(_NO_PATH)
    return tuple(parts)


def place(row: str | None, *, lines: bool = False) -> Place:
    """Pure: where the rows are; `lines`: each line of the file is a record.  ValueError."""
    if row is None:
        return Place(())
    first, *more = _eaches(row)
    if lines:
        return Place((), (_keys(first), *map(_keys, more)))
    return Place(_keys(first) if first else (), tuple(map(_keys, more)))


def value(path: str, inner: tuple[Keys, ...]) -> tuple[int, tuple[str | int, ...]]:
    """
    Pure: how far from the record the object is that has the value, and the way from there.

    With `inner` lists, a path from the row itself is as always; one from the record begins with a
    slash.  ValueError says what is wrong.
    """
    if not inner or not path.startswith("/"):
        return len(inner), cell(path)
    *between, last = _eaches(path[1:])
    if tuple(map(_keys, between)) != inner[: len(between)] or len(between) >= len(inner):
        raise ValueError("does not lie on the way to the rows, which `row` describes")
    return len(between), cell(last)


def _eaches(path: str) -> list[str]:
    """Pure: a path cut at each `[]`."""
    parts: list[str] = []
    while True:
        end = _EACH.match(path)
        parts.append(path[: end.end()] if end else "")
        path = path[len(parts[-1]) :]
        if not path.startswith("[]"):
            if path:
                raise ValueError(_NO_PATH)
            return parts
        path = path[2:]
        if path and path[0] not in ".[":
            raise ValueError(_NO_PATH)
        path = path.removeprefix(".")


def _keys(path: str) -> Keys:
    parts = cell(path)
    keys = tuple(part for part in parts if isinstance(part, str))
    if len(keys) < len(parts):
        raise ValueError(_NO_KEYS)
    return keys
