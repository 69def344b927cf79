"""
Records inside records: read beside those that hold them, in one pass, whatever there are of them.

Each level is one query, sorted as the level above goes by: by all the keys on the way down to it.
So what belongs inside a record is always what comes next, and nothing is looked up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from impexd.exports import cells
from impexd.exports.cells import Written
from impexd.formats.shape import Nest, Values
from impexd.model import ordered, selection
from impexd.model.entity import Catalogue, Kind, Type
from impexd.model.export import ExportColumn, ExportFormat, Nested, Output
from impexd.store import selecting
from impexd.store.snapshot import Rows, Snapshot

Way = tuple[Any, ...]
"""The keys of the records that hold one, from the outermost on."""


@dataclass(frozen=True, slots=True)
class Level:
    """Records of one entity inside those of another."""

    nest: Nested
    kind: Kind
    way: tuple[str, ...]
    """The fields that say inside which records one goes."""
    columns: Sequence[Written]
    levels: Sequence["Level"]

    @property
    def by(self) -> str:
        """The field that points at the record around it."""
        return self.way[-1]

    @property
    def shape(self) -> Nest:
        """What it is to be written from."""
        inner = tuple(one.shape for one in self.levels)
        return Nest(self.nest.target, tuple(map(cells.cell, self.columns)), inner)


def levels(
    nests: Sequence[Nested],
    around: Kind,
    catalogue: Catalogue,
    said: Output,
    engine: str,
    above: tuple[str, ...] = (),
) -> list[Level]:
    """Pure: make ready what goes inside the records of an entity."""
    found = []
    for nest in nests:
        kind = catalogue[nest.entity]
        by = selection.pointing(kind, around, nest.by)
        way = (*(f"{by}.{step}" for step in above), by)
        columns = written(said, nest.column, kind, catalogue, engine)
        inner = levels(nest.nested, kind, catalogue, said, engine, way)
        found.append(Level(nest, kind, way, columns, inner))
    return found


def written(
    said: Output,
    columns: Sequence[ExportColumn],
    kind: Kind,
    catalogue: Catalogue,
    engine: str,
) -> list[Written]:
    """Pure: what the columns of an entity are made of."""
    found = []
    for one in columns:
        guarded = said.guarded if one.guard is None else one.guard
        if one.source is None:
            found.append(Written(one, None, guarded))
            continue
        type = selection.resolve(one.source, kind, catalogue).type
        nested = type is Type.JSON and said.format in (ExportFormat.JSON, ExportFormat.JSONL)
        # Documents of our own tables are written by a library, not in our form.
        loose = engine == "postgresql" or ordered.ours(kind)
        found.append(Written(one, type, guarded and not nested, loose))
    return found


def filled(
    rows: Iterator[Rows], inner: Sequence[Level], catalogue: Catalogue, snapshot: Snapshot
) -> Iterator[Rows]:
    """Give each record the lists of those inside it; the key, its last value, goes."""
    queues = [_Queue(_records(one, catalogue, snapshot)) for one in inner]
    for some in rows:
        yield [(*row[:-1], *(queue.of(row[-1:]) for queue in queues)) for row in some]


class _Queue:
    """Records sorted by what is around them, taken one holder after the other."""

    def __init__(self, records: Iterator[tuple[Way, Values]]) -> None:
        self._records = records
        self._next = next(records, None)

    def of(self, way: Way) -> list[Values]:
        """Give those at the end of a way; ways must be asked for as they are sorted."""
        found: list[Values] = []
        while self._next is not None and self._next[0] <= way:
            if self._next[0] == way:
                found.append(self._next[1])
            self._next = next(self._records, None)
        return found


def _records(
    level: Level, catalogue: Catalogue, snapshot: Snapshot
) -> Iterator[tuple[Way, Values]]:
    """Read the records of a level, each with its way."""
    sources = sources_of(level.nest.column)
    keys = [level.kind.key[0]] if level.levels else []
    made = cells.function(level.columns, rest=len(level.levels))
    queues = [_Queue(_records(one, catalogue, snapshot)) for one in level.levels]
    statement = selecting.nested(
        level.kind, level.way, catalogue, snapshot.names, sources=[*keys, *sources]
    )
    deep = len(level.way)
    for some in snapshot.each(statement):
        if queues:
            rows = [
                (*row[deep + 1 :], *(queue.of(row[: deep + 1]) for queue in queues)) for row in some
            ]
        else:
            rows = [row[deep:] for row in some]
        yield from zip((row[:deep] for row in some), made(rows), strict=True)


def sources_of(columns: Sequence[ExportColumn]) -> list[str]:
    """Pure: the fields that columns are made of."""
    return [one.source for one in columns if one.source is not None]
