"""
Stage a drop: parse, convert, and load every file into the run's own tables.

Runs in a worker process.  Takes files and descriptors; leaves sheets of converted records and
a table of problems.  A file that is wrong as a whole leaves none of its records; what is wrong
with the drop as a whole (an archive whose checksums do not hold) goes up as `DataError`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from impexd.core.errors import DataError
from impexd.imports import convert, fast, match, sheets
from impexd.imports.cell import Value
from impexd.imports.convert import Lane, Record
from impexd.imports.fast import Fast, Slow
from impexd.imports.meter import Meter, Told
from impexd.imports.pictures import read as pictures
from impexd.imports.pictures.keep import Shelf
from impexd.imports.sheets import Form
from impexd.imports.unpack import File
from impexd.model.descriptor import Descriptor, Format, Mode
from impexd.model.entity import Catalogue
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem, about
from impexd.ports import Batch, Reader, Row, Table
from impexd.store import stage as tables
from impexd.store.staging import Staging

Key = tuple[Value, ...]

ARCHIVE_BROKEN = frozenset({Code.BAD_CRC, Code.INCONSISTENT_ARCHIVE, Code.TYPE_MISMATCH})
"""Problems of one file that say the archive as a whole cannot be trusted."""

NOBODYS = -1
"""The number of a part that is none: a file that no descriptor takes."""


@dataclass(slots=True)
class Part:
    """One file under one form, while it is being read."""

    n: int
    member: int
    name: str
    form: Form
    read: int = 0
    rejected: int = 0
    failed: bool = False
    unknown: int = 0
    """Rows of which not even the key could be read."""


@dataclass(slots=True)
class Staged:
    """What was staged."""

    forms: list[Form]
    parts: list[Part] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    origins: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """(part, line) -> since when, until when and from which run a row waits that did so before."""


async def fill(
    db: Staging,
    files: Sequence[File],
    descriptors: Mapping[str, Descriptor],
    forms: list[Form],
    matched: match.Matched,
    limits: Limits,
    told: Told,
    shelf: Shelf,
) -> Staged:
    """Load every matched file into the stage; pictures are put on the shelf."""
    staged = Staged(forms, unmatched=[files[n].name for n in matched.unmatched])
    meter = Meter(told, sum(files[one.member].size for one in matched.taken))
    begin(db, forms)
    db.begin()
    for one in matched.taken:
        mine = [
            form
            for form in forms
            if form.descriptor == one.descriptor and form.record < sheets.CREATED
        ]
        file = files[one.member]
        first = len(staged.parts)
        parts = [Part(first + n, one.member, file.name, form) for n, form in enumerate(mine)]
        staged.parts += parts
        descriptor = descriptors[one.descriptor]
        reader = pictures.reader(descriptor.file, file.name, shelf)
        if descriptor.file.format is not Format.IMAGE:  # of which there may be a thousand
            db.commit()
            db.begin()
        await _file(db, file, reader, descriptor, parts, limits, meter)
    db.commit()
    for form in forms:
        if form.record >= sheets.CREATED:
            staged.parts.append(Part(len(staged.parts), -1, "", form))
    keep(db, staged)
    return staged


def begin(db: Staging, forms: Sequence[Form]) -> None:
    """Make the empty tables of a stage."""
    db.execute(tables.problems_creation(db.names))
    for form in forms:
        for statement in tables.creation(form.sheet, db.names):
            db.execute(statement)


def keep(db: Staging, staged: Staged) -> None:
    """Note in the stage what planning it again, or writing its rejects, has to know."""
    db.execute(tables.parts_creation(db.names))
    for part in staged.parts:
        where = (part.n, part.member, part.name, part.form.descriptor, part.form.record)
        what = (part.read, part.rejected, int(part.failed), part.unknown)
        db.execute(tables.part_noting(db.names, (*where, *what)))
    for name in staged.unmatched:
        db.execute(tables.part_noting(db.names, (NOBODYS, NOBODYS, name, "", 0, 0, 0, 0, 0)))


def kept(db: Staging, descriptors: Mapping[str, Descriptor], catalogue: Catalogue) -> Staged:
    """Read back what `fill` has staged."""
    noted = db.rows(tables.parts_noted(db.names))
    rows = [row for row in noted if row[0] != NOBODYS]
    names = dict.fromkeys(str(row[3]) for row in rows)
    forms = sheets.forms(names, descriptors, catalogue)
    by_part = {(form.descriptor, form.record): form for form in forms}
    parts = []
    for n, member, name, descriptor, record, read, rejected, failed, unknown in rows:
        form = by_part[str(descriptor), int(str(record))]
        part = Part(int(str(n)), int(str(member)), str(name), form)
        part.read, part.rejected = int(str(read)), int(str(rejected))
        part.failed, part.unknown = bool(failed), int(str(unknown))
        parts.append(part)
    return Staged(forms, parts, [str(row[2]) for row in noted if row[0] == NOBODYS])


async def _file(
    db: Staging,
    file: File,
    reader: Reader,
    descriptor: Descriptor,
    parts: list[Part],
    limits: Limits,
    meter: Meter,
) -> None:
    try:
        wanted, layout = sheets.wanted(descriptor), match.layout(descriptor, file.name)
        table = await reader(meter.counting(file), layout, wanted, limits)
        await _rows(db, table, parts, meter, guard=descriptor.file.guard)
    except DataError as error:
        if error.code in ARCHIVE_BROKEN:
            raise
        _give_up(db, parts, error)


async def _rows(db: Staging, table: Table, parts: list[Part], meter: Meter, *, guard: bool) -> None:
    lanes = []
    for part in parts:
        form = part.form
        lane = convert.lane(
            form.sheet.kind,
            form.columns,
            table.positions,
            when=form.when,
            mode_column=form.mode_column,
            guard=guard,
        )
        lanes.append((part, lane, fast.compiled(lane, table.positions)))
    pending = 0
    async for batch in table.batches:
        _unreadable(db, parts, batch)
        for part, lane, quick in lanes:
            records, problems, keys = _converted(part, lane, quick, batch.rows)
            if records:
                db.load(part.form.sheet, part.n, records)
            if keys:
                db.keys(part.form.sheet, keys)
            if problems:
                db.problems([_noted(part, problem) for problem in problems])
        pending += len(batch.rows)
        meter.rows(len(batch.rows))
        if pending >= 50_000:  # commits of this size fit the cache (libraries' measurements)
            db.commit()
            db.begin()
            pending = 0


def _converted(
    part: Part, lane: Lane, quick: Fast | None, rows: Sequence[Row]
) -> tuple[list[Record], list[Problem], list[Key]]:
    """Convert a batch: what can be loaded, what is wrong with the rest, and the rest's keys."""
    records: list[Record] = []
    problems: list[Problem] = []
    keys: list[Key] = []
    bad = 0
    for line, cells in rows:
        if quick is not None:
            try:
                records.append(quick(line, cells))
                continue
            except Slow:
                pass
        for found in convert.records(lane, line, cells):
            if isinstance(found, tuple):
                records.append(found)
                continue
            bad += 1
            problems += found
            if part.form.sheet.mode is Mode.REPLACE or part.form.sheet.together:
                key = convert.key(lane, cells)
                part.unknown += key is None
                keys += [key] if key else []
    part.read += len(records) + bad
    part.rejected += bad
    return records, problems, keys


def _unreadable(db: Staging, parts: Sequence[Part], batch: Batch) -> None:
    """Rows the format itself could not make cells of; told of the first part alone."""
    if batch.problems:
        parts[0].read += len(batch.problems)
        parts[0].rejected += len(batch.problems)
        for part in parts:
            part.unknown += len(batch.problems)
        db.problems([_noted(parts[0], problem) for problem in batch.problems])


def _give_up(db: Staging, parts: list[Part], error: DataError) -> None:
    """Take back everything of a file that is wrong as a whole."""
    for part in parts:
        for statement in tables.withdrawal(part.form.sheet, part.n, db.names):
            db.execute(statement)
        part.failed, part.rejected = True, part.read
    code = Code(error.code)
    told = about(code, str(error), line=error.line, column=error.column, cell=error.cell)
    db.problems([_noted(part, told) for part in parts])


def _noted(part: Part, problem: Problem) -> tuple[object, ...]:
    return (
        part.n,
        problem.line,
        problem.code,
        problem.column,
        problem.message,
        problem.cell,
    )
