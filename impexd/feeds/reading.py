"""
JSON of a stranger, read strictly.

Takes bytes, gives a value.  Refused are other encodings than UTF-8, keys that stand twice, NaN and
its like, NUL and lone surrogates in texts, numbers of a thousand digits, and nesting without an
end: what two programs would read differently, or one of our engines could not keep.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

DEEPEST = 64
LONGEST_NUMBER = 400

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')
_BAD = re.compile("[\x00\ud800-\udfff]")


class Unreadable(Exception):
    """This is no JSON that we take."""


def read(data: bytes) -> Any:
    """Pure: read a document; raises `Unreadable`, which says why."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"no UTF-8 (byte {error.start})") from None
    if not text.strip():
        raise Unreadable("no JSON: the body is empty")
    _shallow(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {str(error)[:200]}") from None
    _sound(value)
    return value


def _shallow(text: str) -> None:
    """Refuse what is nested too deeply before anything is made of it."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        mark = found[0]
        if mark in "[{":
            depth += 1
            if depth > DEEPEST:
                raise Unreadable(f"nested more than {DEEPEST} deep")
        elif mark in "]}":
            depth -= 1


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise Unreadable("a key stands twice in an object")
        made[key] = value
    return made


def _constant(word: str) -> Any:
    raise Unreadable(f"{word} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise Unreadable("a number of too many digits")
    return int(digits)


def _number(digits: str) -> float:
    if len(digits) > LONGEST_NUMBER:
        raise Unreadable("a number of too many digits")
    made = float(digits)
    if made in (float("inf"), float("-inf")):
        raise Unreadable("a number without end")
    return made


def _sound(value: Any) -> None:
    """Refuse texts that no database keeps as they are."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            if _BAD.search(one):
                raise Unreadable("a text with a NUL or half a character")
        elif isinstance(one, dict):
            stack += one.keys()
            stack += one.values()
        elif isinstance(one, list):
            stack += one
