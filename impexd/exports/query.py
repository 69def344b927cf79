"""
The records of a descriptor, read from a snapshot: as the file shows them, some at a time.

Three kinds, one after the other: records; with tombstones also records that changed and do not
fit the filter any more, and records that were deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.exports import cells
from impexd.exports.cells import Written
from impexd.formats.shape import Nest, Records, Shape, Values
from impexd.model import selection
from impexd.model.entity import Catalogue, Kind, Type
from impexd.model.export import ExportColumn, ExportDescriptor, ExportFormat
from impexd.model.problem import Code
from impexd.store import selecting
from impexd.store.selecting import Statement
from impexd.store.snapshot import Rows, Snapshot


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
    kind = catalogue[descriptor.query.entity or ""]
    tally = Tally()
    columns = written(descriptor, descriptor.column, kind, catalogue, snapshot.names.engine)
    nests = tuple(
        Nest(
            nest.target,
            tuple(cells.cell(one) for one in _nested(descriptor, n, catalogue, snapshot)),
        )
        for n, nest in enumerate(descriptor.nested)
    )
    shape = Shape(tuple(map(cells.cell, columns)), nests)
    return Reading(shape, _entity(descriptor, kind, catalogue, snapshot, since, tally), tally)


def written(
    descriptor: ExportDescriptor,
    columns: tuple[ExportColumn, ...],
    kind: Kind,
    catalogue: Catalogue,
    engine: str,
) -> list[Written]:
    """Pure: what the columns of an entity are made of."""
    said = descriptor.file
    found = []
    for one in columns:
        guarded = said.guarded if one.guard is None else one.guard
        if one.source is None:
            found.append(Written(one, None, guarded))
            continue
        type = selection.resolve(one.source, kind, catalogue).type
        inside = type is Type.JSON and said.format in (ExportFormat.JSON, ExportFormat.JSONL)
        found.append(Written(one, type, guarded and not inside, engine == "postgresql"))
    return found


def _entity(
    descriptor: ExportDescriptor,
    kind: Kind,
    catalogue: Catalogue,
    snapshot: Snapshot,
    since: int | None,
    tally: Tally,
) -> Iterator[Records]:
    query, names = descriptor.query, snapshot.names
    sources = _sources(descriptor.column)
    columns = written(descriptor, descriptor.column, kind, catalogue, names.engine)
    made = cells.function(columns, rest=len(descriptor.nested))
    children = [
        (catalogue[nest.entity], selection.pointing(catalogue[nest.entity], kind, nest.by))
        for nest in descriptor.nested
    ]
    wanted = [*sources, kind.key[0]] if children else sources
    statement = selecting.rows(
        query, kind, catalogue, names, sources=wanted, nested=children, since=since
    )
    rows = snapshot.each(statement)
    if children:
        rows = _filled(rows, descriptor, catalogue, snapshot)
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
    query, names, sources = descriptor.query, snapshot.names, _sources(descriptor.column)
    if query.filter:
        yield selecting.rows(
            query, kind, catalogue, names, sources=sources, since=since, side="left"
        )
    yield selecting.gone(query, kind, catalogue, names, sources=sources, since=since)


def _filled(
    rows: Iterator[Rows], descriptor: ExportDescriptor, catalogue: Catalogue, snapshot: Snapshot
) -> Iterator[Rows]:
    """Give each record the lists of those inside it; the key, its last value, goes."""
    insides = [
        _Inside(_nested_records(descriptor, n, catalogue, snapshot))
        for n in range(len(descriptor.nested))
    ]
    for some in rows:
        yield [(*row[:-1], *(inside.of(row[-1]) for inside in insides)) for row in some]


class _Inside:
    """Records sorted by what they point at, taken one parent after the other."""

    def __init__(self, records: Iterator[tuple[str | int, Values]]) -> None:
        self._records = records
        self._next = next(records, None)

    def of(self, key: str | int) -> list[Values]:
        """Give those that point at `key`; keys must be asked for as they are sorted."""
        found: list[Values] = []
        while self._next is not None and self._next[0] <= key:  # type: ignore[operator]
            if self._next[0] == key:
                found.append(self._next[1])
            self._next = next(self._records, None)
        return found


def _nested_records(
    descriptor: ExportDescriptor, n: int, catalogue: Catalogue, snapshot: Snapshot
) -> Iterator[tuple[str | int, Values]]:
    nest = descriptor.nested[n]
    child = catalogue[nest.entity]
    by = selection.pointing(child, catalogue[descriptor.query.entity or ""], nest.by)
    sources = _sources(nest.column)
    made = cells.function(_nested(descriptor, n, catalogue, snapshot))
    statement = selecting.nested(child, by, catalogue, snapshot.names, sources=sources)
    for some in snapshot.each(statement):
        inside = made([row[1:] for row in some])
        yield from zip((row[0] for row in some), inside, strict=True)


def _nested(
    descriptor: ExportDescriptor, n: int, catalogue: Catalogue, snapshot: Snapshot
) -> list[Written]:
    nest = descriptor.nested[n]
    kind = catalogue[nest.entity]
    return written(descriptor, nest.column, kind, catalogue, snapshot.names.engine)


def _sources(columns: tuple[ExportColumn, ...]) -> list[str]:
    return [one.source for one in columns if one.source is not None]


def _statement(descriptor: ExportDescriptor, sql: str, snapshot: Snapshot) -> Reading:
    """The rows of a statement; its columns by name, or all of them."""
    names, rows = snapshot.foreign(sql.strip().rstrip(";"))
    columns = descriptor.column or tuple(
        ExportColumn.model_validate({"from": name, "to": name}) for name in names
    )
    guard = descriptor.file.guarded
    found = [Written(one, None, guard if one.guard is None else one.guard) for one in columns]
    missing = [name for name in _sources(columns) if name not in names]
    if missing:
        what = f"the statement has no column {shown(missing[0])}, it has {', '.join(names)}"
        raise DataError(Code.BAD_QUERY, what, hint="correct `from` or `sql` in the descriptor")
    places = [names.index(name) for name in _sources(columns)]
    made = cells.function(found)
    tally = Tally()

    def records() -> Iterator[Records]:
        for some in rows:
            tally.rows += len(some)
            yield made([tuple(row[place] for place in places) for row in some])

    return Reading(Shape(tuple(map(cells.cell, found))), records(), tally)
