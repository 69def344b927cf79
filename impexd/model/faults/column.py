"""What is wrong with one `[[column]]`, given the field it fills (None: nobody knows the field)."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from impexd.model import json_path, patterns, xml_path
from impexd.model.descriptor import Column, Format, Layout, Missing
from impexd.model.entity import NUMBERS, Catalogue, Field, Kind, Type
from impexd.model.faults import Fault, Judge, near, picture, quoted
from impexd.model.picture import PICTURE

_MOMENTS = frozenset({Type.DATE, Type.DATETIME})
APPLIES: dict[str, frozenset[Type]] = {
    "decimal": NUMBERS,
    "thousands": NUMBERS,
    "true": frozenset({Type.BOOLEAN}),
    "false": frozenset({Type.BOOLEAN}),
    "format": _MOMENTS,
    "zone": frozenset({Type.DATETIME}),
}
"""The types a key of a column means something to."""

BESIDE = {"unmapped": "map", "group": "regex", "on_long": "max"}
"""Keys that mean nothing without another."""

HOLE = re.compile(r"\{([^{}]*)\}")
DAY = datetime(2001, 2, 3, 4, 5, 6)


def faults(column: Column, field: Field | None, layout: Layout) -> Iterator[Fault]:
    """Pure: all that is wrong with a column by itself; paths start below it."""
    yield from _source(column, layout)
    yield from _expression(column, layout)
    for key, other in BESIDE.items():
        if key in column.model_fields_set and getattr(column, other) is None:
            yield Fault((key,), f"means nothing without `{other}`")
    if column.zone is not None and (reason := zone(column.zone)):
        yield Fault(("zone",), reason)
    if column.format is not None and (reason := moment(column.format)):
        yield Fault(("format",), reason)
    if layout.format is Format.IMAGE:
        yield from picture.column(column, field, layout)
    if field is not None:
        yield from _fitting(column, field)
        yield from _glued(column, field, layout)


def _source(column: Column, layout: Layout) -> Iterator[Fault]:
    said = [key for key in ("source", "const", "template") if getattr(column, key) is not None]
    names = " and ".join("from" if key == "source" else key for key in said)
    if not said:
        yield Fault(
            (), "needs one of `from` (a cell), `const` (a fixed value), `template` (put together)"
        )
    elif len(said) > 1 and not (said == ["source", "template"] and column.regex is not None):
        yield Fault((), f"has {names}; only one of them can say what the value is")
    if column.source is not None and (reason := cell(column.source, layout)):
        yield Fault(("from",), reason)


def cell(named: str | int, layout: Layout) -> str:
    """Pure: say why no file of this layout has a cell so named; "" if one may have."""
    if named == "" or (isinstance(named, str) and re.search(r"#0*$", named)):
        return (
            f"{quoted(str(named))} names no cell; write a header name,"
            ' "EN#2" for the second so named, or a position as a number'
        )
    if layout.format is Format.IMAGE:
        return picture.cell(named, layout)
    if layout.format in (Format.CSV, Format.XLSX):
        if named == PICTURE:
            return 'is the picture of a file that is one; this file is not format = "image"'
        if isinstance(named, int) and named < 1:
            return f"cells are counted from 1, not {named}"
        if isinstance(named, str) and not layout.header:
            return f"a file without header has no {quoted(named)}; write the number of the cell"
    elif isinstance(named, int):
        return f'cells have no numbers in {layout.format}; write a path, like "name" or "@code"'
    else:
        return path(named, layout)
    return ""


def path(named: str, layout: Layout) -> str:
    """Pure: say why this leads to no cell of XML or JSON; "" if it may."""
    try:
        if layout.format is Format.XML:
            xml_path.cell(named, layout.namespaces)
        else:
            json_path.value(named, _inner(layout))
    except ValueError as error:
        return f"{quoted(named)} {error}"
    return ""


def _inner(layout: Layout) -> tuple[json_path.Keys, ...]:
    """Pure: the lists inside a record, none where `row` is wrong: that is said elsewhere."""
    try:
        return json_path.place(layout.row, lines=layout.format is Format.JSONL).inner
    except ValueError:
        return ()


def _expression(column: Column, layout: Layout) -> Iterator[Fault]:
    holes: list[str] = []
    if column.template is not None:
        plain = column.template.replace("{{", "").replace("}}", "")
        holes = HOLE.findall(plain)
        rest = HOLE.sub("", plain)
        if "" in holes or "{" in rest or "}" in rest:
            yield Fault(
                ("template",), 'has a stray { or }; a cell is written "{name}", a brace "{{"'
            )
    if column.regex is None:
        for hole in filter(None, holes):
            if reason := cell(int(hole) if hole.isdigit() else hole, layout):
                yield Fault(("template",), reason)
        return
    if reason := patterns.faults(column.regex):
        yield Fault(("regex",), f"{quoted(column.regex)} {reason}")
        return
    if column.group is not None:
        yield from _group(column.regex, str(column.group), ("group",))
    for hole in filter(None, holes):
        yield from _group(column.regex, hole, ("template",))


def _group(regex: str, wanted: str, at: tuple[str]) -> Iterator[Fault]:
    pattern = patterns.compiled(regex)
    if wanted in pattern.groupindex or (
        wanted.isascii() and wanted.isdigit() and int(wanted[:9]) <= pattern.groups
    ):
        return
    names = f" ({', '.join(pattern.groupindex)})" if pattern.groupindex else ""
    yield Fault(at, f"`regex` has no group {quoted(wanted)}, it has {pattern.groups}{names}")


def _fitting(column: Column, field: Field) -> Iterator[Fault]:
    kind = column.type or field.type
    for key, kinds in APPLIES.items():
        if key in column.model_fields_set and kind not in kinds:
            means = " or ".join(f'"{one}"' for one in sorted(kinds))
            yield Fault((key,), f"means nothing to a field of type {kind}; it is for {means}")
    if column.missing is not Missing.REJECT and field.ref is None:
        yield Fault(("missing",), "this field points at no entity, so nothing can be missing")
    elif column.missing is Missing.NULL and not field.null:
        yield Fault(
            ("missing",),
            'this field may not be empty (it has no null = true); "reject", "park" or "keep" would do',
        )


def _glued(column: Column, field: Field, layout: Layout) -> Iterator[Fault]:
    """Repeated elements must not be joined to what reads as one number: 1 and 250 are not 1.25."""
    number = (column.type or field.type) in NUMBERS and column.source is not None
    if layout.repeated != "join" or not number or column.split is not None:
        return
    if layout.joiner in ("", column.decimal, column.thousands):
        sign = quoted(layout.joiner)
        what = (
            f"several values joined by {sign} would be read as one number; write another `joiner`"
        )
        yield Fault((), f'{what} in [file], like "|"')


def values(column: Column, field: Field, judge: Judge) -> Iterator[Fault]:
    """Pure: do `const` and `default` become values of the field?  Asked only of columns without other faults."""
    if column.const is not None and (reason := judge(column.const, field, column)):
        yield Fault(("const",), reason)
    if column.default and (reason := judge(None, field, column)):
        yield Fault(("default",), reason)


def creatable(column: Column, field: Field, catalogue: Catalogue) -> Iterator[Fault]:
    """Pure: `missing = "create"` makes a parent of its key alone; can it be?"""
    target = catalogue.get(field.ref or "")
    if column.missing is not Missing.CREATE or target is None:
        return
    if needed := _needed(target):
        names = ", ".join(f"`{name}`" for name in needed)
        yield Fault(
            ("missing",), f"a new {target.name} cannot be made of its key alone, it needs {names}"
        )


def _needed(kind: Kind) -> list[str]:
    """Name the fields, besides the key, that a new record must bring."""
    return [
        name
        for name, field in kind.fields.items()
        if name not in kind.key and not field.null and field.default is None
    ]


def zone(name: str) -> str:
    """Say what is wrong with the name of a time zone; "" if it is one."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return f"there is no time zone {quoted(name)}" + (
            near(name, available_timezones()) or ", like Europe/Berlin"
        )
    return ""


@cache
def moment(pattern: str) -> str:
    """Pure: say what is wrong with a strptime pattern; "" if a day can be written and read back with it."""
    try:
        read = datetime.strptime(DAY.strftime(pattern), pattern)
    except (ValueError, re.error) as error:
        return f'{quoted(pattern)} is no date pattern ({error}); write one like "%d.%m.%Y %H:%M"'
    if read.date() != DAY.date():
        return f'{quoted(pattern)} does not name day, month and year; write one like "%d.%m.%Y"'
    return ""
