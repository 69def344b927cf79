"""
JSON values with nothing guessed away: numbers as they are written, keys that come twice noticed.

`Decoder` makes values of text.  A number is a `Number`, its own literal; `text` makes the text of
a cell from any value, so 1.10 stays 1.10.
"""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from impexd.core.text import shown
from impexd.model.problem import Code

Value = object
"""None, bool, str, `Number`, list or dict."""

NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""Characters that an escape can write, and that are none: NUL, and half a surrogate pair."""


class Number(str):
    """A number, as it is written."""

    __slots__ = ()


class Fault(NamedTuple):
    """What is wrong with a value that could still be read."""

    code: Code
    what: str
    column: str | None = None
    cell: str | None = None


class Decoder:
    """Reads values; `faults` has what is wrong with the last one."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._json = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=Number,
            parse_int=Number,
            parse_constant=self._constant,
        )

    def read(self, text: str, at: int = 0) -> tuple[Value, int]:
        """
        Read the value that starts there; gives it, and where it ends.

        Raises `json.JSONDecodeError`, and `RecursionError` if it is too deep.
        """
        self.faults = []
        value, end = self._json.raw_decode(text, at)
        return value, end

    def _object(self, pairs: list[tuple[str, Value]]) -> dict[str, Value]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    what = "this key is there twice"
                    self.faults.append(Fault(Code.DUPLICATE_FIELD, what, key))
                seen.add(key)
        return found

    def _constant(self, name: str) -> Number:
        self.faults.append(Fault(Code.BAD_VALUE, f"{name} is no number of JSON", cell=name))
        return Number(name)


def deep(value: Value, most: int) -> bool:
    """Pure: are lists and objects nested more than `most` deep?"""
    level: list[Value] = [value]
    for _ in range(most):
        level = [one for outer in level for one in _children(outer) if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def text(value: Value) -> str | None:
    """Pure: the text of a cell; lists and objects as JSON without spaces."""
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    return dumped(value)


def dumped(value: Value) -> str:
    """Pure: write a value as JSON, numbers as they were."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Number():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            pairs = (
                f"{json.dumps(key, ensure_ascii=False)}:{dumped(v)}" for key, v in value.items()
            )
            return "{" + ",".join(pairs) + "}"
        case list():
            return "[" + ",".join(map(dumped, value)) + "]"
        case _:
            raise TypeError(f"{shown(repr(value))} is no value of JSON")


def _children(value: Value) -> Iterable[Value]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
