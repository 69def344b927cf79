"""
The records of a descriptor, read from a snapshot: as the file shows them, some at a time.

Three kinds, one after the other: records; with tombstones also records that changed and do not
fit the filter any more, and records that were deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.exports import cells, inside
from impexd.exports.cells import Written
from impexd.exports.inside import Level
from impexd.formats.shape import Records, Shape, Values
from impexd.model import ordered
from impexd.model.entity import Catalogue, Kind
from impexd.model.export import ExportColumn, ExportDescriptor
from impexd.model.problem import Code
from impexd.store import selecting
from impexd.store.selecting import Statement
from impexd.store.snapshot import Snapshot


@dataclass(slots=True)
class Tally:
    """How many records went out."""

    rows: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """A descriptor made ready for a snapshot."""

    shape: Shape
    records: Iterator[Records]
    tally: Tally = field(default_factory=Tally)


def read(
    descriptor: ExportDescriptor, catalogue: Catalogue, snapshot: Snapshot, since: int | None
) -> Reading:
    """
    Make a descriptor ready; nothing is read before its records are asked for, but for `sql`.

    `since`: only what changed after this change number.  DataError if `sql` is wrong.
    """
    if descriptor.query.sql is not None:
        return _statement(descriptor, descriptor.query.sql, snapshot)
    catalogue = ordered.whole(catalogue)
    kind = catalogue[descriptor.query.entity or ""]
    tally = Tally()
    said, engine = descriptor.file, snapshot.names.engine
    columns = inside.written(said, descriptor.column, kind, catalogue, engine)
    inner = inside.levels(descriptor.nested, kind, catalogue, said, engine)
    shape = Shape(tuple(map(cells.cell, columns)), tuple(one.shape for one in inner))
    records = _entity(descriptor, kind, catalogue, snapshot, since, tally, columns, inner)
    return Reading(shape, records, tally)


def _entity(
    descriptor: ExportDescriptor,
    kind: Kind,
    catalogue: Catalogue,
    snapshot: Snapshot,
    since: int | None,
    tally: Tally,
    columns: list[Written],
    inner: list[Level],
) -> Iterator[Records]:
    query, names = descriptor.query, snapshot.names
    sources = inside.sources_of(descriptor.column)
    made = cells.function(columns, rest=len(inner))
    children = [(one.kind, one.by) for one in inner]
    wanted = [*sources, kind.key[0]] if children else sources
    statement = selecting.rows(
        query, kind, catalogue, names, sources=wanted, nested=children, since=since
    )
    rows = snapshot.each(statement)
    if children:
        rows = inside.filled(rows, inner, catalogue, snapshot)
    for some in rows:
        tally.rows += len(some)
        yield made(some)
    if not query.tombstones or (since is None and query.changed_since == "last"):
        return
    for gone in _gone(descriptor, kind, catalogue, snapshot, since):
        for some in snapshot.each(gone):
            tally.deleted += len(some)
            empty: list[list[Values]] = [[] for _ in descriptor.nested]
            yield made([(*row, *empty) for row in some] if empty else some)


def _gone(
    descriptor: ExportDescriptor,
    kind: Kind,
    catalogue: Catalogue,
    snapshot: Snapshot,
    since: int | None,
) -> Iterator[Statement]:
    """The queries for records that are there no more, or do not fit any more."""
    query, names, sources = descriptor.query, snapshot.names, inside.sources_of(descriptor.column)
    if query.filter:
        yield selecting.rows(
            query, kind, catalogue, names, sources=sources, since=since, side="left"
        )
    yield selecting.gone(query, kind, catalogue, names, sources=sources, since=since)


def _statement(descriptor: ExportDescriptor, sql: str, snapshot: Snapshot) -> Reading:
    """The rows of a statement; its columns by name, or all of them."""
    names, rows = snapshot.foreign(sql.strip().rstrip(";"))
    columns = descriptor.column or tuple(
        ExportColumn.model_validate({"from": name, "to": name}) for name in names
    )
    guard = descriptor.file.guarded
    found = [Written(one, None, guard if one.guard is None else one.guard) for one in columns]
    missing = [name for name in inside.sources_of(columns) if name not in names]
    if missing:
        what = f"the statement has no column {shown(missing[0])}, it has {', '.join(names)}"
        raise DataError(Code.BAD_QUERY, what, hint="correct `from` or `sql` in the descriptor")
    places = [names.index(name) for name in inside.sources_of(columns)]
    made = cells.function(found)
    tally = Tally()

    def records() -> Iterator[Records]:
        for some in rows:
            tally.rows += len(some)
            yield made([tuple(row[place] for place in places) for row in some])

    return Reading(Shape(tuple(map(cells.cell, found))), records(), tally)
