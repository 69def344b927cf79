"""What is wrong with the descriptor of an export: its query, its columns, its file."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date

from impexd.model import ordered, selection
from impexd.model.entity import NUMBERS, Catalogue, Kind, Type
from impexd.model.export import (
    DELETED,
    MODE,
    ExportColumn,
    ExportDescriptor,
    ExportFormat,
    Nested,
    Op,
)
from impexd.model.faults import Fault, column, near, output, quoted
from impexd.model.selection import Found
from impexd.model.toml import Path

_MOMENTS = frozenset({Type.DATE, Type.DATETIME})
_APPLIES = {
    "decimal": NUMBERS,
    "scale": NUMBERS,
    "true": frozenset({Type.BOOLEAN}),
    "false": frozenset({Type.BOOLEAN}),
    "format": _MOMENTS,
    "zone": frozenset({Type.DATETIME}),
}
"""The types a key of a column means something to."""
DEEPEST = 3
"""Levels of records inside records."""
_NO_VALUE = frozenset({Op.NULL, Op.NOT_NULL})


def faults(
    descriptor: ExportDescriptor,
    catalogue: Catalogue,
    *,
    unsure: Collection[str] = (),
    whole: bool = True,
) -> Iterator[Fault]:
    """
    Pure: all that is wrong with one descriptor.

    `unsure` are entities that are declared but wrong themselves; not `whole`: what had the wrong
    form was left out.
    """
    catalogue = ordered.whole(catalogue)
    query = descriptor.query
    for fault in output.faults(descriptor, whole=whole):
        yield Fault(("file", *fault.path), fault.what)
    yield from output.targets(descriptor)
    if (query.entity is None) == (query.sql is None) and whole:
        yield Fault(("query",), "needs one of `entity` and `sql`, which say what goes out")
    if query.sql is not None:
        yield from _statement(descriptor)
        return
    kind = catalogue.get(query.entity or "")
    if kind is None:
        if query.entity is not None and query.entity not in unsure:
            what = f"there is no entity {quoted(query.entity)}" + near(query.entity, catalogue)
            yield Fault(("query", "entity"), what)
        return
    yield from _query(descriptor, kind, catalogue)
    if not descriptor.column and descriptor.file.format is not ExportFormat.TEMPLATE and whole:
        yield Fault((), "writes nothing; it needs [[column]]s")
    yield from _columns(descriptor.column, kind, catalogue, ())
    yield from _nested(descriptor.nested, kind, catalogue, unsure, ())
    yield from _holding(descriptor, kind)


def _statement(descriptor: ExportDescriptor) -> Iterator[Fault]:
    query = descriptor.query
    text = (query.sql or "").strip().rstrip(";")
    if not text.lower().startswith(("select", "with", "values")):
        yield Fault(("query", "sql"), "a statement that only reads is wanted here: SELECT ...")
    elif ";" in text:
        yield Fault(("query", "sql"), "only one statement is wanted here, without `;`")
    for key in ("filter", "order", "changed_since", "tombstones"):
        if key in query.model_fields_set:
            yield Fault(("query", key), "means nothing beside `sql`; say it in the statement")
    if descriptor.nested:
        yield Fault(("nested",), "means nothing beside `sql`, which knows no references")
    for position, one in enumerate(descriptor.column):
        for fault in _cell(one):
            yield Fault(("column", position, *fault.path), fault.what)


def _query(descriptor: ExportDescriptor, kind: Kind, catalogue: Catalogue) -> Iterator[Fault]:
    query = descriptor.query
    for position, one in enumerate(query.filter):
        at: Path = ("query", "filter", position)
        found = _resolved(one.field, kind, catalogue, plain=True)
        if isinstance(found, str):
            yield Fault((*at, "field"), found)
        elif reason := compared(found, one.op, one.value):
            yield Fault((*at, "value"), reason)
    for position, name in enumerate(query.order):
        found = _resolved(name.removeprefix("-"), kind, catalogue, plain=True)
        if isinstance(found, str):
            yield Fault(("query", "order", position), found)
    since = query.changed_since
    if since is not None and since != "last" and not _day(since):
        yield Fault(("query", "changed_since"), 'either "last" or a day like "2026-01-31"')
    if since is not None and ordered.ours(kind):
        what = "means nothing to orders, which keep no change numbers; filter them by `changed`"
        yield Fault(("query", "changed_since"), what)
    if query.tombstones:
        sources = {one.source for one in descriptor.column}
        if since is None:
            yield Fault(("query", "tombstones"), "means nothing without `changed_since`")
        elif descriptor.column and not sources & {MODE, DELETED}:
            yield Fault(
                ("query", "tombstones"),
                f"nobody could tell what was deleted: a column `from` {MODE} or {DELETED} says so",
            )


def compared(found: Found, op: Op, value: str | int | bool | Sequence[str | int] | None) -> str:
    """Pure: say what is wrong with the value of a condition; "" if nothing is."""
    if op in _NO_VALUE:
        return "" if value is None else f'means nothing to op = "{op}"'
    if value is None or (op is Op.IN) != isinstance(value, tuple):
        return "a list of values is wanted here" if op is Op.IN else "a value is wanted here"
    if op is Op.PREFIX and found.type is not Type.TEXT:
        return f"only a text begins with something, and `{found.name}` is of type {found.type}"
    if found.type is Type.JSON:
        return f"`{found.name}` holds JSON, which can only be compared with null and notnull"
    try:
        for one in value if isinstance(value, tuple) else (value,):
            selection.canonical(one, found.type)
    except ValueError as error:
        return str(error)
    return ""


def _columns(
    columns: Sequence[ExportColumn], kind: Kind, catalogue: Catalogue, below: Path
) -> Iterator[Fault]:
    for position, one in enumerate(columns):
        at: Path = (*below, "column", position)
        for fault in _cell(one):
            yield Fault((*at, *fault.path), fault.what)
        if one.source is None:
            continue
        found = _resolved(one.source, kind, catalogue)
        if isinstance(found, str):
            yield Fault((*at, "from"), found)
            continue
        if found.own and ordered.ours(kind):
            yield Fault((*at, "from"), f"{quoted(one.source)} is not known of orders")
        for key, kinds in _APPLIES.items():
            if key in one.model_fields_set and found.type not in kinds:
                means = " or ".join(f'"{each}"' for each in sorted(kinds))
                what = f"means nothing to a field of type {found.type}; it is for {means}"
                yield Fault((*at, key), what)


def _cell(one: ExportColumn) -> Iterator[Fault]:
    """What is wrong with a column, whatever it is made of."""
    if (one.source is None) == (one.const is None):
        yield Fault((), "needs one of `from` (a field) and `const` (a fixed value)")
    if "unmapped" in one.model_fields_set and one.map is None:
        yield Fault(("unmapped",), "means nothing without `map`")
    if one.zone is not None and (reason := column.zone(one.zone)):
        yield Fault(("zone",), reason)
    if one.format is not None and not _shows(one.format):
        what = f'{quoted(one.format)} is no date pattern; write one like "%d.%m.%Y" or "%H:%M"'
        yield Fault(("format",), what)


def _nested(
    nests: Sequence[Nested],
    around: Kind,
    catalogue: Catalogue,
    unsure: Collection[str],
    below: Path,
) -> Iterator[Fault]:
    for position, nest in enumerate(nests):
        at: Path = (*below, "nested", position)
        child = catalogue.get(nest.entity)
        if child is None:
            if nest.entity not in unsure:
                what = f"there is no entity {quoted(nest.entity)}" + near(nest.entity, catalogue)
                yield Fault((*at, "entity"), what)
            continue
        try:
            selection.pointing(child, around, nest.by)
        except ValueError as error:
            yield Fault(
                (*at, "by" if nest.by else "entity"), f"{quoted(nest.by or nest.entity)} {error}"
            )
        if not nest.column:
            yield Fault(at, "needs at least one [[nested.column]]")
        yield from _columns(nest.column, child, catalogue, at)
        if len(at) > 2 * DEEPEST and nest.nested:
            yield Fault((*at, "nested"), f"records go at most {DEEPEST} levels inside each other")
        else:
            yield from _nested(nest.nested, child, catalogue, unsure, at)


def _holding(descriptor: ExportDescriptor, kind: Kind) -> Iterator[Fault]:
    """What is wrong with a descriptor as one whose records hold others."""
    if not descriptor.nested:
        return
    if descriptor.query.order:
        yield Fault(("query", "order"), "records with [[nested]] ones go out by their key")
    if descriptor.query.changed_since is not None:
        for position, nest in enumerate(descriptor.nested):
            if nest.nested:
                what = "changes two levels below are not followed; leave `changed_since` out"
                yield Fault(("nested", position, "nested"), what)
    if len(kind.key) == 1 and kind.fields[kind.key[0]].type not in (Type.TEXT, Type.INTEGER):
        what = f"the key of {kind.name} is no text and no whole number, so nothing can be nested"
        yield Fault(("nested",), what)


def _resolved(name: str, kind: Kind, catalogue: Catalogue, *, plain: bool = False) -> Found | str:
    """Give the field that is named, or why it is none; `plain`: what is ours does not count."""
    try:
        found = selection.resolve(name, kind, catalogue)
    except ValueError as error:
        hint = near(name.partition("@")[0], kind.fields) if "." not in name else ""
        return f"{quoted(name)} {error}{hint}"
    if found.own and plain:
        return f"{quoted(name)} is no field"
    return found


def _shows(pattern: str) -> bool:
    """Pure: can a moment be written by this pattern?"""
    try:
        return column.DAY.strftime(pattern) != pattern
    except ValueError:
        return False


def _day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
