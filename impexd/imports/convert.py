"""
Turn rows into records: typed values in the order of the stage's columns.

A plain row goes through the generated function of `imports.fast`; whatever that one is not
certain about comes here and is done cell by cell, all problems of the row at once.  The two are
held to each other by a property test.
"""

import marshal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import xxhash

from impexd.imports import cell
from impexd.imports.cell import Cells, Positions, Reading, Value
from impexd.imports.values import Bad
from impexd.model.descriptor import Column, Mode
from impexd.model.entity import Kind
from impexd.model.problem import Code, Problem, about

Record = tuple[Value, ...]
"""`(line, hash, [mode,] values...)`: a row of the stage without its part."""

ROW_MODES = (Mode.MERGE.value, Mode.INSERT.value, Mode.UPDATE.value, Mode.DELETE.value)
"""What a `mode_column` cell may say."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One part of a descriptor made ready for a file."""

    kind: Kind
    readings: tuple[Reading, ...]
    seed: int
    when: int | None = None
    """The cell that must not be empty for this record to be made."""
    split: int | None = None
    """Which reading is split, by index."""
    mode_at: int | None = None
    mode_name: str = ""
    """How the sender knows the cell that names the mode of its row."""


def seed_of(columns: Sequence[Column]) -> int:
    """Pure: what makes the hashes of different column sets differ, 64 bits."""
    fills = (f"{column.target} {column.only or ''}" for column in columns)
    return xxhash.xxh3_64_intdigest("\0".join(fills).encode())


def digest(values: tuple[Value, ...], seed: int) -> int:
    """Pure: 64-bit hash of a record's values, signed as SQL wants it.

    marshal's version 2 writes str, int and None the same way in every Python and every run.
    """
    return xxhash.xxh3_64_intdigest(marshal.dumps(values, 2), seed) - (1 << 63)


def lane(
    kind: Kind,
    columns: Sequence[Column],
    positions: Positions,
    *,
    when: str | int | None = None,
    mode_column: str | int | None = None,
    guard: bool = False,
) -> Lane:
    """Make a part of a descriptor ready for a file whose cells stand at `positions`."""
    return Lane(
        kind,
        tuple(
            cell.reading(
                column, kind.fields[column.target.partition("@")[0]], positions, guard=guard
            )
            for column in columns
        ),
        seed_of(columns),
        None if when is None else positions[when],
        next((n for n, column in enumerate(columns) if column.split), None),
        None if mode_column is None else positions[mode_column],
        str(mode_column),
    )


def records(lane: Lane, line: int, cells: Cells) -> Iterator[Record | list[Problem]]:
    """Convert one row: for each record it becomes, the record or all that is wrong with it."""
    if lane.when is not None and not (cells[lane.when] or "").strip():
        return
    head: tuple[Value, ...] = ()
    if lane.mode_at is not None:
        word = (cells[lane.mode_at] or "").strip().lower()
        if word and word not in ROW_MODES:
            said = f"one of {', '.join(ROW_MODES)} is wanted here"
            cell = cells[lane.mode_at]
            yield [about(Code.BAD_VALUE, said, line=line, column=lane.mode_name, cell=cell)]
            return
        head = (word or None,)
    if lane.split is None:
        yield _record(lane, line, [reading.raw(cells) for reading in lane.readings], head)
        return
    texts = [reading.raw(cells) for reading in lane.readings]
    column = lane.readings[lane.split].column
    pieces = [piece for piece in (texts[lane.split] or "").split(column.split) if piece.strip()]
    for piece in pieces or ([""] if column.required else []):
        texts[lane.split] = piece
        yield _record(lane, line, texts, head)


def key(lane: Lane, cells: Cells) -> tuple[Value, ...] | None:
    """Give the key of a row that cannot be converted; None if that cannot be read either."""
    if lane.split is not None:
        return None  # of which of its records?
    named = {reading.column.target: reading for reading in lane.readings}
    try:
        return tuple(named[name].finish(named[name].raw(cells)) for name in lane.kind.key)
    except Bad:
        return None


def _record(
    lane: Lane, line: int, texts: Sequence[str | None], head: tuple[Value, ...]
) -> Record | list[Problem]:
    found: list[Value] = []
    problems: list[Problem] = []
    bare = head == (Mode.DELETE.value,)  # nothing but the key of such a row is looked at
    for reading, text in zip(lane.readings, texts, strict=True):
        if bare and reading.column.target not in lane.kind.key:
            found.append(None)
            continue
        try:
            found.append(reading.finish(text))
        except Bad as bad:
            name = _named(reading.column)
            problems.append(about(bad.code, str(bad), line=line, column=name, cell=text))
    if problems:
        return problems
    values = tuple(found)
    return (line, digest(head + values, lane.seed), *head, *values)


def _named(column: Column) -> str:
    """Name a column as the sender knows it."""
    return str(column.source) if column.source is not None else column.target


def careful(lane: Lane) -> Callable[[int, Cells], Record | list[Problem]]:
    """Give the one-record form of `records`, to compare the fast path with."""
    return lambda line, cells: next(iter(records(lane, line, cells)))
