"""
The stage: a run's own tables of converted records, before anything is decided.

One table `s<k>` for each part of a descriptor (columns `c0`, `c1` ... in the descriptor's
order), fed by every file of the drop that the descriptor takes; `b<k>` holds what the plan
rejects, `p<k>` what it would do, `a<k>` the piece of that which is being applied, `q<k>` the keys
of rows that could not be converted, `w<k>` the rows that wait for a parent, `problem` what is
wrong.  Where a plan empties a reference, `o<n>` keeps what stood in `c<n>` and `_was` the row's
hash, for the next plan.  Disposable: made again after a crash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from impexd.model.descriptor import Missing, Mode
from impexd.model.entity import Kind
from impexd.store.dialect import Engine, Names, column_type, quoted


@dataclass(frozen=True)
class Target:
    """One column of a stage table: the field it feeds."""

    field: str
    language: str
    """The language of a localized field, else ""."""
    only: str
    """"insert", "update" or "": when the field is written."""
    missing: Missing
    ref: str
    """The entity the field points at, or ""."""
    source: str
    """The column's name in the file, for problems."""


@dataclass(frozen=True)
class Sheet:
    """A stage table: what comes from one part of a descriptor, whatever the file."""

    k: int
    descriptor: str
    kind: Kind
    mode: Mode
    targets: tuple[Target, ...]
    duplicates: str = "reject"
    row_modes: bool = False
    """Does every row bring its own mode?"""
    missing_rows: tuple[tuple[str, str | int | None], ...] = ()
    """replace: field -> value that records the file lacks get, instead of being deleted."""
    scope: tuple[str, ...] = ()
    """replace: fields whose values the file and a record must share for it to be lacking."""
    together: bool = False
    """Rows that share the first field of the key are taken together or not at all: those of an order."""
    record: int = 0
    """Which part of the descriptor: 0 is the nameless one."""
    plan: str = "p"
    """The letter of the table that holds the plan: `a` for a piece of it."""

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The stage columns that hold the key, in the key's order."""
        place = {target.field: n for n, target in enumerate(self.targets)}
        return tuple(f"c{place[name]}" for name in self.kind.key)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns that `load` fills, in its order, but the part."""
        cells = tuple(f"c{n}" for n in range(len(self.targets)))
        return ("_line", "_hash", *(("_mode",) if self.row_modes else ()), *cells)

    def table(self, letter: str, names: Names) -> str:
        """Qualified name of one of the sheet's tables."""
        return f"{names.stage}{self.plan if letter == 'p' else letter}{self.k}"

    @property
    def emptied(self) -> tuple[int, ...]:
        """The targets that a plan may empty, by number."""
        return tuple(n for n, t in enumerate(self.targets) if t.missing is Missing.NULL)

    def same_key(self, stage: str, live: str) -> str:
        """Pure: SQL that joins stage rows with live rows by their key."""
        pairs = zip(self.keys, self.kind.key, strict=True)
        return " AND ".join(f"{live}.{quoted(name)} = {stage}.{c}" for c, name in pairs)


def creation(sheet: Sheet, names: Names) -> list[str]:
    """Pure: the statements that make a sheet's tables."""
    engine = names.engine
    unlogged = "UNLOGGED " if engine == "postgresql" else ""
    serial = "INTEGER PRIMARY KEY" if engine == "sqlite" else "BIGSERIAL PRIMARY KEY"
    cells = [f"n {serial}", "_part BIGINT", "_line BIGINT", "_hash BIGINT"]
    if sheet.row_modes:
        cells.append("_mode TEXT")
    cells += [f"c{n} {_type(engine, sheet.kind, t)}" for n, t in enumerate(sheet.targets)]
    cells += [f"o{n} {_type(engine, sheet.kind, sheet.targets[n])}" for n in sheet.emptied]
    cells += ["_was BIGINT"] if sheet.emptied else []
    plan = f"n {serial}, r BIGINT, t BIGINT, part BIGINT, act TEXT"
    keys = [
        f"k{n} {_type(engine, sheet.kind, sheet.targets[int(c[1:])])}"
        for n, c in enumerate(sheet.keys)
    ]
    made = f"CREATE {unlogged}TABLE"
    return [
        f"{made} {sheet.table('s', names)} ({', '.join(cells)})",
        f"{made} {sheet.table('b', names)} (n BIGINT PRIMARY KEY)",
        f"{made} {sheet.table('p', names)} ({plan})",
        f"{made} {sheet.table('a', names)} ({plan})",
        f"{made} {sheet.table('q', names)} ({', '.join(keys)})",
        f"{made} {sheet.table('w', names)} (n BIGINT PRIMARY KEY, entity TEXT, key TEXT)",
    ]


PROBLEMS = (
    "part BIGINT, line BIGINT, code TEXT, col TEXT, message TEXT, cell TEXT, sheet BIGINT, n BIGINT"
)
"""Columns of the stage's `problem` table; `sheet`, `n` name the record where there is one."""


def problems_creation(names: Names) -> str:
    """Pure: the statement that makes the stage's table of problems."""
    unlogged = "UNLOGGED " if names.engine == "postgresql" else ""
    return f"CREATE {unlogged}TABLE {names.stage}problem ({PROBLEMS})"


PARTS = (
    "n BIGINT, member BIGINT, name TEXT, descriptor TEXT, record BIGINT,"
    " read BIGINT, rejected BIGINT, failed BIGINT, unknown BIGINT"
)
"""Columns of the stage's `part` table: what the plan must know of each file."""


def parts_creation(names: Names) -> str:
    """Pure: the statement that makes the stage's table of parts."""
    return f"CREATE TABLE {names.stage}part ({PARTS})"


def part_noting(names: Names, row: tuple[object, ...]) -> str:
    """Pure: the statement that notes one part; texts are quoted here."""
    cells = ", ".join(_literal(value) for value in row)
    return f"INSERT INTO {names.stage}part VALUES ({cells})"


def bundle_noting(runs: Sequence[int], names: Names) -> Iterator[str]:
    """Pure: the statements that note the run of each part of a bundle, part 0 first."""
    yield f"CREATE TABLE {names.stage}bundle (n BIGINT PRIMARY KEY, run BIGINT)"
    rows = ", ".join(f"({n}, {run:d})" for n, run in enumerate(runs))
    yield f"INSERT INTO {names.stage}bundle VALUES {rows}"


def run_of_part(names: Names) -> Names:
    """Pure: names under which each row of a bundle's plan belongs to the run of its part."""
    run = f"(SELECT o.run FROM {names.stage}bundle o WHERE o.n = p.part)"
    return replace(names, run=run)


def repeated(sheet: Sheet, names: Names) -> str:
    """Pure: the query for the first part that says again what an earlier part has said; NULL if none."""
    keys = ", ".join(sheet.keys)
    first = f"SELECT {keys}, MIN(_part) AS first FROM {sheet.table('s', names)} GROUP BY {keys}"
    same = " AND ".join(f"s.{c} = d.{c}" for c in sheet.keys)
    return (
        f"SELECT MIN(s._part) FROM {sheet.table('s', names)} s JOIN ({first}) d ON {same}"
        " WHERE s._part > d.first"
    )


def rows_in(sheet: Sheet, names: Names) -> str:
    """Pure: the query for how many rows a sheet holds."""
    return f"SELECT COUNT(*) FROM {sheet.table('s', names)}"


def parts_noted(names: Names) -> str:
    """Pure: the query for the parts of a stage, in order."""
    return f"SELECT * FROM {names.stage}part ORDER BY n"


def _literal(value: object) -> str:
    return (
        str(int(str(value)))
        if isinstance(value, int)
        else "'" + str(value).replace("'", "''") + "'"
    )


def withdrawal(sheet: Sheet, part: int, names: Names) -> Iterator[str]:
    """Pure: the statements that take everything of one part out of the stage."""
    yield f"DELETE FROM {sheet.table('s', names)} WHERE _part = {part:d}"
    yield f"DELETE FROM {names.stage}problem WHERE part = {part:d}"


def unplanning(sheet: Sheet, names: Names) -> Iterator[str]:
    """Pure: the statements that forget a sheet's plan."""
    yield f"DELETE FROM {sheet.table('p', names)}"
    yield f"DELETE FROM {sheet.table('b', names)}"
    yield f"DELETE FROM {sheet.table('w', names)}"
    yield f"DELETE FROM {names.stage}problem WHERE sheet = {sheet.k}"
    if sheet.emptied:
        back = "".join(f", c{n} = COALESCE(c{n}, o{n})" for n in sheet.emptied)
        yield f"UPDATE {sheet.table('s', names)} SET _hash = _was{back} WHERE _was IS NOT NULL"


def noting(sheet: Sheet, part: int, code: str, message: str, names: Names) -> str:
    """Pure: the statement that notes what a plan has to say of a file as a whole."""
    return (
        f"INSERT INTO {names.stage}problem (part, code, message, sheet)"
        f" VALUES ({part:d}, '{code}', {_literal(message)}, {sheet.k})"
    )


def told(names: Names) -> str:
    """Pure: the query for the number of problems of each part."""
    return f"SELECT part, COUNT(*) FROM {names.stage}problem GROUP BY part"


def problems_of(part: int, limit: int, names: Names) -> str:
    """Pure: the query for the first problems of a part."""
    by = 'col COLLATE "C"' if names.engine == "postgresql" else "col"
    return (
        f"SELECT line, code, col, message, cell FROM {names.stage}problem"
        f" WHERE part = {part:d} ORDER BY COALESCE(line, 0), {by} LIMIT {limit:d}"
    )


def rejected_lines(parts: Sequence[int], names: Names) -> str:
    """Pure: the query for (line, what is wrong) of the rejected rows of some parts, by line."""
    within = ", ".join(f"{part:d}" for part in parts)
    said = "code || CASE WHEN col IS NULL THEN '' ELSE ' ' || col END || ': ' || message"
    joined = (
        "GROUP_CONCAT(DISTINCT {})" if names.engine == "sqlite" else "STRING_AGG(DISTINCT {}, ',')"
    )
    return (
        f"SELECT line, {joined.format(said)} FROM {names.stage}problem"
        f" WHERE part IN ({within}) AND line IS NOT NULL GROUP BY line ORDER BY line"
    )


def ready(sheet: Sheet, names: Names) -> Iterator[str]:
    """Pure: the statements that make a loaded sheet ready to be planned."""
    yield indexing(sheet, names)
    if names.engine == "postgresql":
        yield f"ANALYZE {sheet.table('s', names)}"


def changes_of(kinds: Sequence[Kind], names: Names) -> str:
    """Pure: the query for (counter, change number) of some entities."""
    wanted = ", ".join(f"'entity.{kind.name}'" for kind in kinds)
    return f"SELECT name, value FROM {names.live}counter WHERE name IN ({wanted})"


def loading(sheet: Sheet, part: int, names: Names) -> str:
    """Pure: SQLite's statement that loads records of one part of the run."""
    cells = ", ".join(("_part", *sheet.columns))
    holes = ", ".join("?" for _ in sheet.columns)
    return f"INSERT INTO {sheet.table('s', names)} ({cells}) VALUES ({part:d}, {holes})"


def key_noting(sheet: Sheet, names: Names) -> str:
    """Pure: SQLite's statement that notes the key of a row that could not be converted."""
    holes = ", ".join("?" for _ in sheet.keys)
    return f"INSERT INTO {sheet.table('q', names)} VALUES ({holes})"


def indexing(sheet: Sheet, names: Names) -> str:
    """Pure: the statement that sorts a sheet by key once it is loaded."""
    where = names.stage if names.engine == "sqlite" else ""
    table = f"s{sheet.k}" if names.engine == "sqlite" else sheet.table("s", names)
    return f"CREATE INDEX {where}k{sheet.k} ON {table} ({', '.join(sheet.keys)}, _hash, _part)"


def _type(engine: Engine, kind: Kind, target: Target) -> str:
    field = kind.fields[target.field]
    if target.language:
        return "TEXT"
    return column_type(engine, field)
