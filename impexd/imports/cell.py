"""
One column of a descriptor: from the cells of a row to the value of a field.

The order of what happens to a cell: trim, regex, map, default, empty?, type, length, words,
pattern.  `reading` gives a function of the row's cells; it raises `Bad` for what does not fit.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from impexd.core.guard import bare
from impexd.imports.values import Bad, parser
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Type
from impexd.model.problem import Code

Cells = Sequence[str | None]
Value = str | int | None
Positions = Mapping[str | int, int]
"""Where each wanted source stands in a row."""

_HOLE = re.compile(r"\{([^{}]+)\}")


def sources(column: Column) -> list[str | int]:
    """Pure: the cells a column needs, by header name or position."""
    if column.source is not None:
        return [column.source]
    if column.template and not column.regex:
        return [_place(hole) for hole in _HOLE.findall(column.template)]
    return []


@dataclass(frozen=True, slots=True)
class Reading:
    """How one column is read: `finish(raw(cells))` is its value, None for empty."""

    column: Column
    raw: Callable[[Cells], str | None]
    finish: Callable[[str | None], Value]
    guard: bool = False
    """May its text have an apostrophe that an export has put there?"""


def reading(column: Column, field: Field, positions: Positions, *, guard: bool = False) -> Reading:
    """Make a column ready for files whose cells stand at `positions`; `guard`: of guarded text."""
    guarded = guard and column.source is not None
    finish = finishing(column, field)
    if guarded:
        return Reading(column, _raw(column, positions), _bare(finish), guarded)
    return Reading(column, _raw(column, positions), finish)


def _bare(finish: Callable[[str | None], Value]) -> Callable[[str | None], Value]:
    """Take a guard off before anything else looks at the text."""
    return lambda text: finish(bare(text) if text else text)


def finishing(column: Column, field: Field) -> Callable[[str | None], Value]:
    """Give the function from a cell's text to the value, everything but finding the cell."""
    steps = [step for step in (_regex(column), _map(column)) if step]
    parse = parser(column, field)
    check = _checking(column, field)
    default = column.default if column.default is not None else None
    must = column.required or not field.null
    trim = column.trim

    def finish(text: str | None) -> Value:
        if text is not None and trim:
            text = text.strip()
        if text:
            for step in steps:
                text = step(text)
                if not text:
                    break
        if not text:
            text = default
            if text is None or text == "":
                if must:
                    raise Bad(Code.REQUIRED, "a value is wanted here, the cell is empty")
                return None
        return check(parse(text))

    return finish


def _place(hole: str) -> str | int:
    return int(hole) if hole.isdigit() else hole


def _raw(column: Column, positions: Positions) -> Callable[[Cells], str | None]:
    if column.const is not None:
        const = column.const
        return lambda _cells: const
    if column.source is not None:
        at = positions[column.source]
        return lambda cells: cells[at]
    template = column.template or ""
    holes = [positions[_place(hole)] for hole in _HOLE.findall(template)]
    pieces = _HOLE.split(template)[::2]

    def joined(cells: Cells) -> str:
        out = [pieces[0]]
        for at, after in zip(holes, pieces[1:], strict=True):
            out += ((cells[at] or "").strip(), after)
        return "".join(out)

    return joined


def _regex(column: Column) -> Callable[[str], str | None] | None:
    if not column.regex:
        return None
    search = re2.compile(column.regex).search
    group: str | int = 1 if column.group is None and _groups(column.regex) else column.group or 0
    template = column.template if column.source is not None else None

    def matched(text: str) -> str | None:
        found = search(text)
        if found is None:
            raise Bad(Code.PATTERN, f"this does not match {column.regex}")
        if template is None:
            taken: str | None = found.group(group)
            return taken
        return _HOLE.sub(lambda hole: found.group(_place(hole[1])) or "", template)

    return matched


def _groups(expression: str) -> int:
    count: int = re2.compile(expression).groups
    return count


def _map(column: Column) -> Callable[[str], str | None] | None:
    if column.map is None:
        return None
    table = dict(column.map)
    other = column.unmapped

    def mapped(text: str) -> str | None:
        try:
            return table[text]
        except KeyError:
            if other == "keep":
                return text
            if other == "null":
                return None
            known = ", ".join(sorted(table)[:10])
            raise Bad(Code.NOT_IN_MAP, f"one of {known} is wanted here") from None

    return mapped


def _checking(column: Column, field: Field) -> Callable[[Any], Value]:
    """Give the checks on a value: length, words, pattern; only text has them."""
    if (column.type or field.type) is not Type.TEXT:
        return lambda value: value
    longest = min((m for m in (column.max, field.max) if m is not None), default=None)
    cut = column.on_long == "truncate"
    words = None if field.values is None else frozenset(field.values)
    whole = re2.compile(field.pattern).fullmatch if field.pattern else None

    def checked(value: str) -> str:
        if longest is not None and len(value) > longest:
            if not cut:
                raise Bad(Code.VALUE_TOO_LONG, f"at most {longest} characters are wanted here")
            value = value[:longest]
        if words is not None and value not in words:
            known = ", ".join(sorted(words)[:10])
            raise Bad(Code.BAD_VALUE, f"one of {known} is wanted here")
        if whole is not None and not whole(value):
            raise Bad(Code.PATTERN, f"this does not match {field.pattern}")
        return value

    return checked
