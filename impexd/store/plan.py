"""
The plan: what applying the stage would do, decided by set-based SQL.

Takes the sheets of a loaded stage and the live tables, read in one snapshot; leaves in
`p<k>` one row for each record that would be inserted, updated or deleted (in key order), in
`b<k>` those that are rejected, and their reasons in `problem`.  Live tables are only read.

A row whose hash is the one its record was last loaded with is unchanged: no value of it is
compared, no reference of it is looked up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from impexd.model.descriptor import Missing, Mode
from impexd.model.entity import Catalogue, Kind
from impexd.model.problem import Code
from impexd.store.dialect import Names, quoted
from impexd.store.stage import Sheet, Target

OnProblem = Literal["reject-row", "reject-file", "reject-drop"]


class Database(Protocol):
    """A connection that sees the stage and the live tables, inside one transaction."""

    names: Names

    def execute(self, sql: str) -> int:
        """Run a statement; the number of rows it touched."""
        ...

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Run a query that gives few rows."""
        ...


@dataclass(frozen=True, slots=True)
class Drop:
    """What is planned: the sheets, which part belongs to which file, and the group's policy."""

    run: int
    sheets: tuple[Sheet, ...]
    members: dict[int, int]
    """Part -> number of the file it came from."""
    catalogue: Catalogue
    on_problem: OnProblem


def decide(db: Database, drop: Drop) -> None:
    """Fill `p<k>`, `b<k>` and `problem` for all sheets."""
    for sheet in drop.sheets:
        _duplicates(db, sheet)
        for sql in acting(sheet, drop, db.names):
            db.execute(sql)
        _modes(db, sheet, drop)
    _references(db, drop)
    for sheet in drop.sheets:
        db.execute(unchanged(sheet, db.names))


def _duplicates(db: Database, sheet: Sheet) -> None:
    names, keys = db.names, ", ".join(sheet.keys)
    s, b = sheet.table("s", names), sheet.table("b", names)
    same = " AND ".join(f"s.{c} = d.{c}" for c in sheet.keys)
    last = sheet.duplicates == "last"
    kept, beside = ("MAX(n)", "<") if last else ("MIN(n)", ">")
    twice = (
        f"(SELECT {keys}, {kept} AS kept FROM {s} GROUP BY {keys} HAVING COUNT(*) > 1) d"
        f" JOIN {s} s ON {same} AND s.n {beside} d.kept"
    )
    if not db.execute(f"INSERT INTO {b} (n) SELECT s.n FROM {twice}") or last:
        return
    first = f"JOIN {s} f ON f.n = d.kept"
    told = "'the key stands already in line ' || " + names.as_text("f._line")
    db.execute(_problem(sheet, names, Code.DUPLICATE_KEY, told, f"{twice} {first}", sheet.keys[0]))


def acting(sheet: Sheet, drop: Drop, names: Names) -> Iterator[str]:
    """Pure: the statements that say what each row would do, unchanged ones (by hash) left out."""
    s, b, p = (sheet.table(letter, names) for letter in "sbp")
    earlier = [
        other for other in drop.sheets if other.k < sheet.k and other.kind.name == sheet.kind.name
    ]
    late = " OR ".join(_also(sheet, other, names) for other in earlier) or "1 = 0"
    mode = _mode(sheet)
    known = f"t.{names.id} IS NOT NULL"
    same = f"(t._hash IS NOT DISTINCT FROM s._hash AND {mode} IN ('merge', 'update', 'replace') AND NOT ({late}))"
    act = (
        f"CASE WHEN {mode} = 'delete' THEN 'd' WHEN ({late}) THEN 'l'"
        f" WHEN {known} THEN 'u' ELSE 'i' END"
    )
    order = ", ".join(f"s.{c}" for c in sheet.keys)
    yield (
        f"INSERT INTO {p} (r, t, act) SELECT s.n, t.{names.id}, {act} FROM {s} s"
        f" LEFT JOIN {names.table(sheet.kind)} t ON {sheet.same_key('s', 't')}"
        f" WHERE NOT ({known} AND {same}) AND NOT ({mode} = 'delete' AND t.{names.id} IS NULL)"
        f" AND s.n NOT IN (SELECT n FROM {b}) ORDER BY {order}"
    )


def _mode(sheet: Sheet) -> str:
    return f"COALESCE(s._mode, '{sheet.mode}')" if sheet.row_modes else f"'{sheet.mode}'"


def _also(sheet: Sheet, other: Sheet, names: Names) -> str:
    """Pure: does an earlier sheet of the same entity change this record, too?"""
    pairs = zip(sheet.keys, other.keys, strict=True)
    same = " AND ".join(f"o.{theirs} = s.{ours}" for ours, theirs in pairs)
    return (
        f"EXISTS (SELECT 1 FROM {other.table('s', names)} o"
        f" JOIN {other.table('p', names)} op ON op.r = o.n WHERE {same} AND op.act <> 'd')"
    )


def _modes(db: Database, sheet: Sheet, drop: Drop) -> None:
    """Reject what its mode does not allow: inserts of known records, updates of unknown ones."""
    names, mode = db.names, _mode(sheet)
    live = f"JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t"
    if sheet.row_modes or sheet.mode is Mode.INSERT:
        # A record this very run has inserted before it was cut short is not in its own way.
        theirs = f"{mode} = 'insert' AND t._changed <> {drop.run:d}"
        _reject(db, sheet, Code.EXISTS, "'there is such a record already'", theirs, join=live)
    if sheet.row_modes or sheet.mode is Mode.UPDATE:
        unknown = f"{mode} = 'update' AND p.act = 'i'"
        _reject(db, sheet, Code.NOT_FOUND, "'there is no such record to update'", unknown)
    lacking = _lacking(sheet)
    if lacking:
        told = f"'a new {sheet.kind.name} needs {', '.join(lacking)}, which this file lacks'"
        _reject(db, sheet, Code.REQUIRED, told, "p.act = 'i'")


def _lacking(sheet: Sheet) -> list[str]:
    """Pure: fields a new record must have that this sheet does not bring."""
    brought = {target.field for target in sheet.targets if target.only != "update"}
    return [
        name
        for name, field in sheet.kind.fields.items()
        if not field.null and field.default is None and name not in brought
    ]


def _references(db: Database, drop: Drop) -> None:
    """
    Reject or empty what points at nothing, until nothing more falls.

    A parent counts if it is in the live table or comes in this drop and is not itself
    rejected; so each round may take the ground from under another one.
    """
    checks = [
        (sheet, n, target)
        for sheet in drop.sheets
        if sheet.mode is not Mode.DELETE
        for n, target in enumerate(sheet.targets)
        if target.ref and target.missing in (Missing.REJECT, Missing.NULL)
    ]
    while True:
        fallen = _escalated(db, drop)
        for sheet, n, target in checks:
            fallen += _dangling(db, drop, sheet, n, target)
        if not fallen:
            return


def _dangling(db: Database, drop: Drop, sheet: Sheet, n: int, target: Target) -> int:
    names = db.names
    nowhere = f"s.c{n} IN (SELECT v FROM ({_nowhere(drop, sheet, n, target, names)}) m)"
    if target.missing is Missing.REJECT:
        told = f"'there is no {target.ref} with this key, neither here nor in the tables'"
        return _reject(db, sheet, Code.MISSING_REFERENCE, told, f"p.act <> 'd' AND {nowhere}", n)
    s, p = sheet.table("s", names), sheet.table("p", names)
    rows = f"SELECT s.n FROM {p} p JOIN {s} s ON s.n = p.r WHERE p.act <> 'd' AND {nowhere}"
    db.execute(f"UPDATE {s} SET c{n} = NULL, _hash = NULL WHERE n IN ({rows})")
    return 0


def _nowhere(drop: Drop, sheet: Sheet, n: int, target: Target, names: Names) -> str:
    """Pure: a query for the values of a reference that neither tables nor drop know."""
    parent = drop.catalogue[target.ref]
    s, p = sheet.table("s", names), sheet.table("p", names)
    values = (
        f"SELECT DISTINCT s.c{n} AS v FROM {p} p JOIN {s} s ON s.n = p.r WHERE s.c{n} IS NOT NULL"
    )
    found = [f"SELECT 1 FROM {names.table(parent)} l WHERE l.{quoted(parent.key[0])} = v.v"]
    for other in drop.sheets:
        if other.kind.name == parent.name and other.mode is not Mode.DELETE:
            o, ob = other.table("s", names), other.table("b", names)
            here = f"SELECT 1 FROM {o} o WHERE o.{other.keys[0]} = v.v"
            found.append(f"{here} AND o.n NOT IN (SELECT n FROM {ob})")
    absent = " AND ".join(f"NOT EXISTS ({query})" for query in found)
    return f"SELECT v.v AS v FROM ({values}) v WHERE {absent}"


def _escalated(db: Database, drop: Drop) -> int:
    """Let a problem take its whole file with it, where the group says so."""
    if drop.on_problem == "reject-row":
        return 0
    names = db.names
    parts = [
        int(str(part)) for (part,) in db.rows(f"SELECT DISTINCT part FROM {names.stage}problem")
    ]
    if not parts:
        return 0
    files = {drop.members[part] for part in parts}
    whole = drop.on_problem == "reject-drop"
    doomed = [part for part, file in drop.members.items() if whole or file in files]
    within = ", ".join(map(str, doomed))
    fallen = 0
    for sheet in drop.sheets:
        s, b, p = (sheet.table(letter, names) for letter in "sbp")
        fallen += db.execute(
            f"INSERT INTO {b} (n) SELECT s.n FROM {s} s WHERE s._part IN ({within})"
            f" AND s.n NOT IN (SELECT n FROM {b})"
        )
        db.execute(f"DELETE FROM {p} WHERE r IN (SELECT n FROM {b})")
    return fallen


def _reject(
    db: Database, sheet: Sheet, code: Code, told: str, where: str, n: int = -1, join: str = ""
) -> int:
    """Move planned rows to the rejects, with their reason; gives how many."""
    names = db.names
    s, b, p = (sheet.table(letter, names) for letter in "sbp")
    rows = f"{p} p JOIN {s} s ON s.n = p.r {join}"
    cell = f"c{n}" if n >= 0 else sheet.keys[0]
    if not db.execute(_problem(sheet, names, code, told, rows, cell, where)):
        return 0
    told_of = f"SELECT n FROM {names.stage}problem WHERE sheet = {sheet.k} AND code = '{code}'"
    count = db.execute(
        f"INSERT INTO {b} (n) SELECT DISTINCT q.n FROM ({told_of}) q"
        f" WHERE q.n NOT IN (SELECT n FROM {b})"
    )
    db.execute(f"DELETE FROM {p} WHERE r IN (SELECT n FROM {b})")
    return count


def _problem(
    sheet: Sheet, names: Names, code: Code, told: str, rows: str, cell: str, where: str = "1 = 1"
) -> str:
    """Pure: the statement that records a problem for each of some stage rows `s`."""
    column = sheet.targets[int(cell[1:])].source.replace("'", "''")
    return (
        f"INSERT INTO {names.stage}problem (part, line, code, col, message, cell, sheet, n)"
        f" SELECT s._part, s._line, '{code}', '{column}', {told},"
        f" SUBSTR({names.as_text('s.' + cell)}, 1, 200), {sheet.k}, s.n FROM {rows} WHERE {where}"
    )


def unchanged(sheet: Sheet, names: Names) -> str:
    """Pure: the statement that takes rows out of the plan that would change nothing."""
    s, p = sheet.table("s", names), sheet.table("p", names)
    differ = [
        f"{_live(names, target)} IS DISTINCT FROM s.c{n}"
        for n, target in enumerate(sheet.targets)
        if target.field not in sheet.kind.key and target.only != "insert"
    ]
    same = f"NOT ({' OR '.join(differ)})" if differ else "1 = 1"
    return (
        f"DELETE FROM {p} WHERE act = 'u' AND n IN (SELECT p.n FROM {p} p"
        f" JOIN {s} s ON s.n = p.r JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t"
        f" WHERE p.act = 'u' AND {same})"
    )


def _live(names: Names, target: Target) -> str:
    column = f"t.{quoted(target.field)}"
    return names.language(column, target.language) if target.language else column


def counted(sheet: Sheet, names: Names) -> str:
    """Pure: a query for (part, staged, rejected, inserted, updated, deleted) of a sheet."""
    s, b, p = (sheet.table(letter, names) for letter in "sbp")
    acts = ", ".join(
        f"SUM(CASE WHEN p.act IN ({which}) THEN 1 ELSE 0 END)"
        for which in ("'i'", "'u', 'l'", "'d'")
    )
    return (
        f"SELECT s._part, COUNT(*), SUM(CASE WHEN b.n IS NULL THEN 0 ELSE 1 END), {acts}"
        f" FROM {s} s LEFT JOIN {p} p ON p.r = s.n LEFT JOIN {b} b ON b.n = s.n GROUP BY s._part"
    )


def touched(sheets: Sequence[Sheet], catalogue: Catalogue) -> list[Kind]:
    """Pure: the entities a plan depends on: those it changes and those they point at."""
    kinds = {sheet.kind.name: sheet.kind for sheet in sheets}
    for sheet in sheets:
        kinds |= {target.ref: catalogue[target.ref] for target in sheet.targets if target.ref}
    return list(kinds.values())
