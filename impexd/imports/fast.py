"""
The fast path of conversion: one generated function for a part of a descriptor.

Measured at 3 times the speed of a call for each cell.  Only what is certainly right is taken
here; for the rest the function raises `Slow` and `convert.records` decides.  No text of a
descriptor ever becomes source: constants and tables are bound as names.
"""

import marshal
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import xxhash

from impexd.imports import values
from impexd.imports.cell import Cells, Positions, Reading
from impexd.imports.convert import Lane, Record
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Type


class Slow(Exception):
    """Not certain: ask `convert.records`."""


Fast = Callable[[int, Cells], Record]
"""(line, cells) -> record, or `Slow`."""

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})").fullmatch
_NATURAL = re.compile(r"0|[1-9][0-9]{0,17}").fullmatch


def compiled(lane: Lane, positions: Positions) -> Fast | None:
    """Write the function for a lane; None where rows do not become one record each."""
    if lane.when is not None or lane.split is not None or lane.mode_at is not None:
        return None
    names: dict[str, Any] = {
        "Slow": Slow,
        "digest": xxhash.xxh3_64_intdigest,
        "dumps": marshal.dumps,
        "seed": lane.seed,
    }
    lines = ["def fast(line, cells):", "  try:"]
    for n, reading in enumerate(lane.readings):
        field = lane.kind.fields[reading.column.target.partition("@")[0]]
        lines += [f"    {step}" for step in _cell(n, reading, field, positions, names)]
    found = "".join(f"v{n}, " for n in range(len(lane.readings)))
    lines += [
        "  except (KeyError, ValueError, AttributeError, IndexError):",
        "    raise Slow from None",
        f"  return (line, digest(dumps(({found}), 2), seed) - {1 << 63}, {found})",
    ]
    exec(compile("\n".join(lines), "<descriptor>", "exec"), names)  # noqa: S102 (our own source)
    made: Fast = names["fast"]
    return made


def _cell(
    n: int, reading: Reading, field: Field, positions: Positions, names: dict[str, Any]
) -> list[str]:
    """Pure: source lines that put the value of one column into `v<n>`."""
    column, value = reading.column, f"v{n}"
    kind = column.type or field.type
    if column.const is not None:
        names[f"const{n}"] = reading.finish(column.const)
        return [f"{value} = const{n}"]
    names[f"raw{n}"], names[f"finish{n}"] = reading.raw, reading.finish
    careful = f"{value} = finish{n}(raw{n}(cells))"
    if column.source is None or column.regex or column.map:
        return [careful]
    if not column.trim and kind is not Type.TEXT:
        return [careful]
    at = f"cells[{positions[column.source]}]"
    get = f"{value} = ({at} or '').strip()" if column.trim else f"{value} = {at}"
    empty = _empty(reading, field, names, n)
    body = _typed(value, kind, reading, field, names, n)
    if body is None:
        return [careful]
    return [get, f"if {value}:", *(f"  {step}" for step in body), "else:", f"  {empty}"]


def _empty(reading: Reading, field: Field, names: dict[str, Any], n: int) -> str:
    column = reading.column
    if column.default:
        names[f"default{n}"] = reading.finish(None)
        return f"v{n} = default{n}"
    return "raise Slow" if column.required or not field.null else f"v{n} = None"


def _typed(
    value: str, kind: Type, reading: Reading, field: Field, names: dict[str, Any], n: int
) -> list[str] | None:
    """Pure: source lines for a non-empty text, or None where the careful way must do."""
    column = reading.column
    if reading.guard and kind is Type.TEXT:
        if field.pattern is not None or field.values is not None:
            return None
        rest = _typed(value, kind, replace(reading, guard=False), field, names, n) or []
        return [f'if {value}[0] == "\'": raise Slow', *rest]
    plain = column.decimal == "." and not column.thousands
    bounded = field.most is not None or field.min not in (None, 0, "0")
    match kind:
        case Type.TEXT if field.pattern is None and field.values is None:
            longest = min((m for m in (column.max, field.max) if m is not None), default=None)
            return ["pass"] if longest is None else [f"if len({value}) > {longest}: raise Slow"]
        case Type.INTEGER if plain and not bounded:
            names[f"integer{n}"] = _INTEGER if field.min is None else _NATURAL
            return [f"if not integer{n}({value}): raise Slow", f"{value} = int({value})"]
        case Type.DECIMAL if plain and not bounded:
            names[f"decimal{n}"] = _decimal(18 if field.scale is None else field.scale)
            return [
                f"if not decimal{n}({value}): raise Slow",
                f"if {value}[-1] == '0' and '.' in {value}:",
                f"  {value} = {value}.rstrip('0').rstrip('.')",
            ]
        case Type.BOOLEAN:
            names[f"words{n}"] = _words(column)
            return [f"{value} = words{n}[{value}]"]
        case _:
            names[f"parse{n}"] = values.parser(column, field)
            text = kind is Type.TEXT
            return [f"{value} = {'finish' if text else 'parse'}{n}({value})"]


@lru_cache
def _decimal(scale: int) -> Callable[[str], Any]:
    """Plain numbers without a sign, of so many decimals at most."""
    part = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    return re.compile(rf"(?:0|[1-9][0-9]{{0,17}}){part}").fullmatch


def _words(column: Column) -> dict[str, int]:
    """Pure: yes/no words as files mostly write them; others are looked at with care."""
    table: dict[str, int] = {}
    for words, value in ((column.false, 0), (column.true, 1)):
        for word in words:
            table |= dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()), value)
    return table
