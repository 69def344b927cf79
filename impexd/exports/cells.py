"""
Values as they are written: one function for the records of an export, generated for its columns.

Takes records of canonical values (see `store.selecting`), gives records of what the file shows.
Columns that are written as they are cost nothing.  No text of a descriptor ever becomes
source: words, tables and functions are bound as names.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from impexd.core.guard import STARTS, guarded
from impexd.formats.shape import Cell, Records
from impexd.model.entity import Type
from impexd.model.export import ExportColumn

_DIRECTIVE = re.compile("%.")
_CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Written:
    """One column: what it is made of, and how it is shown."""

    column: ExportColumn
    type: Type | None
    """The type of its values; None for a constant, or a statement's, which may be anything."""
    guard: bool
    """Is its text guarded against spreadsheets?"""
    loose: bool = False
    """Does JSON come as the engine has it, and not in our form?"""


def cell(written: Written) -> Cell:
    """Pure: what formats that tell numbers from text take a column for."""
    column = written.column
    if column.map is not None or column.default is not None or column.const is not None:
        return Cell(column.target)
    match written.type:
        case Type.INTEGER:
            return Cell(column.target, "number")
        case Type.DECIMAL if column.decimal == ".":
            return Cell(column.target, "number")
        case Type.BOOLEAN if (column.true, column.false) == ("true", "false"):
            return Cell(column.target, "boolean")
        case Type.JSON:
            return Cell(column.target, "json")
        case _:
            return Cell(column.target)


def function(columns: Sequence[Written], *, rest: int = 0) -> Callable[[Records], Records]:
    """
    Write the function for records of these columns.

    Constants are in no record that comes in; `rest` values at the end go through as they are.
    """
    names: dict[str, Any] = {}
    coming, going = [], []
    for n, written in enumerate(columns):
        if written.column.const is not None:
            names[f"const{n}"] = written.column.const
            going.append(f"const{n}")
            continue
        coming.append(f"v{n}")
        going.append(_source(n, written, names))
    coming += [f"rest{n}" for n in range(rest)]
    going += [f"rest{n}" for n in range(rest)]
    if coming == going:
        return lambda records: records
    source = (
        f"def made(records):\n  return [({', '.join(going)},) for {', '.join(coming)}, in records]"
    )
    if not coming:
        source = f"def made(records):\n  return [({', '.join(going)},) for _ in records]"
    exec(compile(source, "<descriptor>", "exec"), names)  # noqa: S102 (our own source)
    made: Callable[[Records], Records] = names["made"]
    return made


def _source(n: int, written: Written, names: dict[str, Any]) -> str:
    """Pure: the source of an expression for one column."""
    column, value = written.column, f"v{n}"
    if (turn := _turn(written)) is not None:
        names[f"turn{n}"] = turn
        value = f"turn{n}(v{n})"
    if column.map is not None:
        names[f"map{n}"] = _mapping(column)
        value = f"map{n}({value})"
    if written.guard and _textual(written):
        value = _guarded(value, n, written, names)
    if column.default is not None:
        names[f"default{n}"] = _defaulting(column.default)
        value = f"default{n}({value})"
    return value


def _guarded(value: str, n: int, written: Written, names: dict[str, Any]) -> str:
    """Pure: the source for guarded text; what the configuration itself says is not guarded."""
    names["guarded"], names["STARTS"], names["careful"] = guarded, STARTS, _careful
    if value == f"v{n}" and written.type is not None:
        return f"(v{n} if not v{n} or v{n}[0] not in STARTS else guarded(v{n}))"
    return f"careful({value})"


def _textual(written: Written) -> bool:
    """Pure: may a value of this column be text that somebody has written?"""
    column = written.column
    return (
        column.map is not None
        or written.type in (None, Type.TEXT, Type.JSON)
        or (written.type is Type.BOOLEAN and bool({column.true[:1], column.false[:1]} & STARTS))
    )


def _careful(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value


def _turn(written: Written) -> Callable[[Any], Any] | None:
    """Pure: what turns a canonical value into what is shown; None if nothing does."""
    column = written.column
    match written.type:
        case Type.BOOLEAN:
            return {0: column.false, 1: column.true, None: None}.__getitem__
        case Type.DECIMAL if column.scale is not None or column.decimal == ",":
            return _decimal(column.scale, column.decimal)
        case Type.DATE if column.format:
            return _dated(column.format)
        case Type.DATETIME if column.format or column.zone:
            return _moment(column.format, column.zone)
        case Type.JSON if written.loose:
            return _canonical
        case None:
            return _plain
        case _:
            return None


def _decimal(scale: int | None, point: str) -> Callable[[str | None], str | None]:
    step = None if scale is None else Decimal(1).scaleb(-scale)

    def decimal(value: str | None) -> str | None:
        if value is None:
            return None
        if step is not None:
            value = format(Decimal(value).quantize(step, context=_CONTEXT), "f")
        return value.replace(".", point)

    return decimal


def _dated(pattern: str) -> Callable[[str | None], str | None]:
    @lru_cache(maxsize=4096)
    def dated(value: str | None) -> str | None:
        return None if value is None else _shown(date.fromisoformat(value), pattern)

    return dated


def _moment(pattern: str | None, zone: str | None) -> Callable[[str | None], str | None]:
    place = ZoneInfo(zone or "UTC")

    def moment(value: str | None) -> str | None:
        if value is None:
            return None
        there = datetime.fromisoformat(value).astimezone(place)
        return _shown(there, pattern) if pattern else there.isoformat()

    return moment


def _shown(moment: date, pattern: str) -> str:
    """Pure: a day or a moment by a pattern; the year has four digits, whatever the C library thinks."""
    year = f"{moment.year:04d}"
    return moment.strftime(_DIRECTIVE.sub(lambda d: year if d[0] == "%Y" else d[0], pattern))


def _mapping(column: ExportColumn) -> Callable[[Any], str | None]:
    table = dict(column.map or {})
    keep = column.unmapped == "keep"

    def mapped(value: Any) -> str | None:
        if value is None:
            return None
        return table.get(str(value), str(value) if keep else None)

    return mapped


def _defaulting(default: str) -> Callable[[Any], Any]:
    return lambda value: default if value is None or value == "" else value


def _canonical(value: str | None) -> str | None:
    if value is None:
        return None
    return json.dumps(json.loads(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_EXPONENT = re.compile(r"[eE]")


def _plain(value: Any) -> str | int | None:
    """Pure: a value of a statement's own, whatever the engine gave, as text or a whole number."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return value
        case Decimal():
            return format(value, "f")
        case float():
            return (
                format(Decimal(repr(value)), "f") if _EXPONENT.search(repr(value)) else repr(value)
            )
        case bytes() | memoryview():
            return bytes(value).hex()
        case datetime() | date():
            return value.isoformat().replace("+00:00", "Z")
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        case _:
            return str(value)
