"""
Paths in JSON: `name`, `price.amount`, `images[0].url`, `["a key with . in it"].x`.

Places in lists are counted from 0, as everywhere in JSON.
"""

import re

_PART = re.compile(
    r"(?P<dot>\.)?(?P<name>[^.\[\]\"]+)|\[(?:(?P<index>0|[1-9]\d{0,8})|(?P<key>\"(?:[^\"\\]|\\.)*\"))\]"
)
_ESCAPED = re.compile(r"\\(.)")


def cell(path: str) -> tuple[str | int, ...]:
    """Pure: the keys and places down to a value; ValueError says what is wrong."""
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        found = _PART.match(path, at)
        if not found or (found["name"] is not None and bool(found["dot"]) != bool(parts)):
            raise ValueError('is no path, like "price.amount" or "images[0].url"')
        at = found.end()
        if found["index"] is not None:
            parts.append(int(found["index"]))
        else:
            key = found["key"]
            parts.append(found["name"] if key is None else _ESCAPED.sub(r"\1", key[1:-1]))
    if not parts or isinstance(parts[0], int):
        raise ValueError('is no path, like "price.amount" or "images[0].url"')
    return tuple(parts)


def row(path: str | None) -> tuple[str, ...]:
    """Pure: the keys down to the list of records, none if the file is that list."""
    parts = () if path is None else cell(path)
    keys = tuple(part for part in parts if isinstance(part, str))
    if len(keys) < len(parts):
        raise ValueError('is no path of keys, like "data.items"')
    return keys
