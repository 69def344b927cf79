"""
Write rejected objects of JSON, or JSON Lines, as they are, with two keys more.

What is no object cannot have keys: it stands under `_value`, and a line that is no JSON under
`_text`, in an object of its own.
"""

import json
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.formats import encoding, json_nested, json_text, json_values, jsonl
from impexd.formats.json_cells import Checks
from impexd.formats.json_values import Decoder, Fault, Number, Value
from impexd.formats.picking import Picking
from impexd.model import json_path
from impexd.model.descriptor import Layout
from impexd.model.json_path import Keys
from impexd.model.limits import Limits
from impexd.ports import EXTRA, Opener

LINE, PROBLEM = EXTRA
TORN: Value = object()
"""Stands for a line that is no JSON."""


async def write(
    opener: Opener,
    layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of a JSON file; a `ports.Rejecter`."""
    place = json_path.place(layout.row)
    path = place.list
    picked = _picked(place.inner, Picking(lines), limits)
    texts = encoding.texts(opener, encoding=None, fallback=None)
    text = TextIOWrapper(out, "utf-8", "backslashreplace", newline="", write_through=True)
    text.write("".join(f"{{{_quoted(key)}: " for key in path) + "[")
    between = "\n"
    try:
        for found in json_text.records(texts, path, limits):
            if written := picked.record(*found):
                text.write(between + written)
                between = ",\n"
            if picked.done:
                break
    except DataError:
        pass  # the file ended badly; what could be read of it is written
    finally:
        text.write("\n]" + "}" * len(path) + "\n")
        text.flush()
        text.detach()


async def write_lines(
    opener: Opener,
    layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of a file of JSON Lines; a `ports.Rejecter`."""
    picked = _picked(json_path.place(layout.row, lines=True).inner, Picking(lines), limits)
    decoder = Decoder()
    text = TextIOWrapper(out, "utf-8", "backslashreplace", newline="", write_through=True)
    try:
        for number, line in jsonl.lines(opener, limits):
            value = _value(line, decoder)
            written = (
                picked.torn(number, line)
                if value is TORN
                else picked.record(number, line, value, decoder.faults)
            )
            if written:
                text.write(written + "\n")
            if picked.done:
                break
    except DataError:
        pass  # as above
    finally:
        text.flush()
        text.detach()


def marked(text: str, value: Value, line: int, problem: str) -> str:
    """Pure: an object with the two keys behind its own; `text` is what `value` was read from."""
    extra = f'"{LINE}": {line}, "{PROBLEM}": {_quoted(problem)}'
    if not isinstance(value, dict):
        return f'{{"_value": {text}, {extra}}}'
    if LINE in value or PROBLEM in value:
        value = {key: one for key, one in value.items() if key not in EXTRA}
        text = json_values.dumped(value)
    return text[:-1].rstrip() + (", " if value else "") + extra + "}"


class _Plain:
    """Picks records that are rows."""

    def __init__(self, picking: Picking) -> None:
        self._picking = picking

    @property
    def done(self) -> bool:
        """Are there no more of them?"""
        return self._picking.done

    def record(self, line: int, text: str, value: Value, faults: Sequence[Fault]) -> str:
        """Give a record with its problem, "" if it has none."""
        problem = self._picking.problem(line)
        return "" if problem is None else marked(text, value, line, problem)

    def torn(self, line: int, text: str) -> str:
        """Give a line that is no JSON with its problem, "" if it has none."""
        problem = self._picking.problem(line)
        return "" if problem is None else _torn(text, line, problem)


class _Nested(_Plain):
    """Picks rows out of records; what is given is the record with these rows alone."""

    def __init__(self, picking: Picking, inner: Sequence[Keys], limits: Limits) -> None:
        super().__init__(picking)
        self._inner = inner
        self._checks = Checks((), limits)
        self._numbers = json_nested.Numbers()

    def record(self, line: int, text: str, value: Value, faults: Sequence[Fault]) -> str:
        """Give a record with those of its rows that have problems, "" if none has."""
        reached = json_nested.opened(text, value, faults, self._inner, self._checks)
        if isinstance(reached, Fault):
            return super().record(self._numbers.next(line), text, value, faults)
        kept: set[int] = set()
        for way in reached:
            number = self._numbers.next(line)
            if (problem := self._picking.problem(number)) is not None:
                way[-1].pop(LINE, None)
                way[-1].pop(PROBLEM, None)
                way[-1].update({LINE: Number(number), PROBLEM: problem})
                kept |= set(map(id, way))
        if not kept:
            return ""
        return json_values.dumped(json_nested.pruned(value, self._inner, kept))

    def torn(self, line: int, text: str) -> str:
        """Give a line that is no JSON with its problem, "" if it has none."""
        return super().torn(self._numbers.next(line), text)


def _picked(inner: Sequence[Keys], picking: Picking, limits: Limits) -> _Plain:
    return _Nested(picking, inner, limits) if inner else _Plain(picking)


def _value(line: str, decoder: Decoder) -> Value:
    """Give the value of a line, `TORN` if it is no JSON."""
    try:
        value, end = decoder.read(line)
    except (json.JSONDecodeError, RecursionError):
        return TORN
    return value if end == len(line) else TORN


def _torn(line: str, number: int, problem: str) -> str:
    extra = f'"{LINE}": {number}, "{PROBLEM}": {_quoted(problem)}'
    return f'{{"_text": {_quoted(line)}, {extra}}}'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
