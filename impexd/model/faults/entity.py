"""What is wrong with an entity, by itself and among the others."""

import re
from collections.abc import Collection, Iterator
from decimal import Decimal

from impexd.model import patterns
from impexd.model.descriptor import Column
from impexd.model.entity import NUMBERS, Catalogue, Field, Kind, Type
from impexd.model.faults import Fault, Judge, near, picture, quoted
from impexd.model.toml import Path

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
# fmt: off
OURS = frozenset({
    "alembic_version", "audit", "config", "config_log", "counter", "delivery",
    "delivery_line", "feed", "followup", "invitation", "message", "notice", "notice_post",
    "occurrence", "order_audit", "order_flag", "order_input", "order_line", "orders",
    "parked", "part", "passed_over", "person", "problem", "repeat", "run", "run_log",
    "sending", "session", "stock_movement", "task", "task_event", "task_partner",
    "timetable", "token", "tombstone", "upload", "watermark",
})
# fmt: on
"""Tables of impexd itself; a test holds them against the schema."""
BEGINNINGS = ("procrastinate_", "sqlite_", "pg_", "impexd_")
COLUMNS = frozenset({"rowid", "oid", "ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"})
"""Columns that a database gives every table itself."""
MOST = 1500
"""Fields of an entity: PostgreSQL gives a table 1,600 columns, and some of them are ours."""
LONGEST = 50
"""A table's name leaves room for ours: `<table>__undo` and names of indexes within 63."""

APPLIES: dict[str, frozenset[Type]] = {
    "max": frozenset({Type.TEXT}),
    "pattern": frozenset({Type.TEXT}),
    "values": frozenset({Type.TEXT}),
    "localized": frozenset({Type.TEXT}),
    "picture": frozenset({Type.TEXT}),
    "scale": frozenset({Type.DECIMAL}),
    "min": NUMBERS,
    "most": NUMBERS,
}
"""The types a key of a field means something to."""


def faults(
    kind: Kind,
    catalogue: Catalogue,
    *,
    unsure: Collection[str] = (),
    judge: Judge,
) -> Iterator[Fault]:
    """
    Pure: all that is wrong with one entity; paths start below `[entity.NAME]`.

    `unsure` are entities that are declared, but wrong themselves: nothing is said about pointing at them.
    """
    yield from _table(kind)
    yield from _key(kind)
    for name, field in kind.fields.items():
        at: Path = ("field", name)
        yield from _keys(field, at)
        if name in COLUMNS:
            yield Fault(
                at, f"{quoted(name)} is a name that databases keep for themselves; choose another"
            )
        faulty = [*_bounds(field, at), *_words(field, at)]
        faulty += [Fault((*at, *one.path), one.what) for one in picture.field(field)]
        yield from faulty or _default(field, at, judge)
        if field.ref is not None and field.ref not in unsure:
            yield from _ref(field, at, catalogue)


def reserved(table: str) -> bool:
    """Pure: is this the name of a table of ours, or of the database?"""
    table = table.casefold()  # as SQLite does
    return table in OURS or table.startswith(BEGINNINGS) or table.endswith("__undo")


def _table(kind: Kind) -> Iterator[Fault]:
    at: Path = () if kind.table == kind.name else ("table",)
    if reserved(kind.table):
        other = 'another entity, or say `table = "..."`' if not at else "another table"
        yield Fault(
            at, f"the table {quoted(kind.table)} belongs to impexd or its database; name {other}"
        )
    elif len(kind.table) > LONGEST:
        yield Fault(at, f"the name of a table may have {LONGEST} characters, not {len(kind.table)}")


def _key(kind: Kind) -> Iterator[Fault]:
    if not kind.fields:
        yield Fault(("field",), "an entity needs fields")
    if len(kind.fields) > MOST:
        what = f"an entity has {MOST:,} fields at most, not {len(kind.fields):,}"
        yield Fault(("field",), f"{what}; split it into two with the same key")
    for position, name in enumerate(kind.key):
        at: Path = ("key", position)
        field = kind.fields.get(name)
        if field is None:
            yield Fault(at, f"there is no field {quoted(name)}" + near(name, kind.fields))
        elif name in kind.key[:position]:
            yield Fault(at, f"{quoted(name)} stands in the key twice")
        elif field.null:
            yield Fault(
                at, f"{quoted(name)} may be empty (null = true), so it cannot be in the key"
            )
        elif field.localized or field.type is Type.JSON:
            what = "in several languages" if field.localized else "JSON"
            yield Fault(at, f"{quoted(name)} is {what}, so it cannot be in the key")


def _keys(field: Field, at: Path) -> Iterator[Fault]:
    for key, kinds in APPLIES.items():
        if getattr(field, key) not in (None, False) and field.type not in kinds:
            means = " or ".join(f'"{kind}"' for kind in sorted(kinds))
            yield Fault((*at, key), f"means nothing to type {field.type}; it is for {means}")
    if field.localized and field.ref is not None:
        yield Fault((*at, "ref"), "a field in several languages cannot point at an entity")
    if field.localized and field.default is not None:
        yield Fault((*at, "default"), "a field in several languages has no default")


def _bounds(field: Field, at: Path) -> Iterator[Fault]:
    for key in ("min", "most"):
        written = getattr(field, key)
        if written is not None and bound(written) is None:
            yield Fault(
                (*at, key),
                f'a number is wanted here, like 10 or "0.01", not {quoted(str(written))}',
            )
    least, most = bound(field.min), bound(field.most)
    if least is not None and most is not None and least > most:
        yield Fault((*at, "most"), f"{most} is less than `min`, which is {least}")


def bound(written: str | int | None) -> Decimal | None:
    """Pure: the number of `min` or `most`; None if there is none, or it is no number."""
    if written is None or not NUMBER.fullmatch(str(written)):
        return None
    return Decimal(written)


def _words(field: Field, at: Path) -> Iterator[Fault]:
    if field.pattern is not None and (reason := patterns.faults(field.pattern)):
        yield Fault((*at, "pattern"), f"{quoted(field.pattern)} {reason}")
    if field.values is not None and len(set(field.values)) != max(1, len(field.values)):
        yield Fault((*at, "values"), "a list of different words is wanted here")


def _default(field: Field, at: Path, judge: Judge) -> Iterator[Fault]:
    if field.default is None or field.localized:
        return
    if reason := judge(None, field, Column(target="x", default=field.default)):
        yield Fault((*at, "default"), reason)


def _ref(field: Field, at: Path, catalogue: Catalogue) -> Iterator[Fault]:
    at = (*at, "ref")
    target = catalogue.get(field.ref or "")
    if target is None:
        yield Fault(
            at, f"there is no entity {quoted(field.ref or '')}" + near(field.ref or "", catalogue)
        )
    elif len(target.key) != 1:
        names = ", ".join(target.key)
        yield Fault(
            at,
            f"the key of `{target.name}` is several fields ({names}); only a single one can be pointed at",
        )
    elif (pointed := target.fields.get(target.key[0])) and pointed.type is not field.type:
        yield Fault(
            at, f"the key of `{target.name}` is of type {pointed.type}, this field is {field.type}"
        )
