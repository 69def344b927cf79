"""
What each staged row would do to its record: insert, update, delete, nothing; part of `plan`.

A row whose hash is the one its record was last loaded with is unchanged: no value of it is
compared, no reference of it is looked up.  Acts: `i` insert, `u` update, `d` delete; `l` (late)
and `k` the same for a record that an earlier sheet of the drop changes, too, so that it is looked
up when that is done: `l` inserts or updates, `k` deletes; `m` a record the files lack that gets
the values of `missing_rows`.
"""

from collections.abc import Iterator

from impexd.model.descriptor import Mode
from impexd.model.problem import Code
from impexd.store import rejecting
from impexd.store.dialect import Names, quoted
from impexd.store.plan import Database, Drop
from impexd.store.stage import Sheet, Target


def decide(db: Database, drop: Drop, sheet: Sheet) -> None:
    """Fill a sheet's plan, references not yet looked at."""
    duplicates(db, sheet)
    for sql in acting(sheet, drop, db.names):
        db.execute(sql)
    modes(db, drop, sheet)


def duplicates(db: Database, sheet: Sheet) -> None:
    """The same key twice: reject the later row, or let the last one win."""
    names, keys = db.names, ", ".join(sheet.keys)
    s, b = sheet.table("s", names), sheet.table("b", names)
    same = " AND ".join(f"s.{c} = d.{c}" for c in sheet.keys)
    last = sheet.duplicates == "last"
    kept, beside = ("MAX(n)", "<") if last else ("MIN(n)", ">")
    twice = (
        f"(SELECT {keys}, {kept} AS kept FROM {s} GROUP BY {keys} HAVING COUNT(*) > 1) d"
        f" JOIN {s} s ON {same} AND s.n {beside} d.kept"
    )
    if last:
        db.execute(f"DELETE FROM {s} WHERE n IN (SELECT s.n FROM {twice})")
        return
    if db.execute(f"INSERT INTO {b} (n) SELECT s.n FROM {twice}"):
        told = f"'the key stands already in line ' || {names.as_text('f._line')}"
        other = "CASE WHEN f._part = s._part THEN '' ELSE ' of ' || m.name END"
        told = f"{told} || COALESCE({other}, '')"
        rows = f"{twice} JOIN {s} f ON f.n = d.kept LEFT JOIN {names.stage}part m ON m.n = f._part"
        code = Code.DUPLICATE_KEY
        db.execute(rejecting.problem(sheet, names, code, told, rows, sheet.keys[0]))


def acting(sheet: Sheet, drop: Drop, names: Names) -> Iterator[str]:
    """Pure: the statements that say what each row would do, unchanged ones (by hash) left out."""
    s, b, p = (sheet.table(letter, names) for letter in "sbp")
    late = _late(sheet, drop, names)
    mode = _mode(sheet)
    known = f"t.{names.id} IS NOT NULL"
    writes = f"{mode} IN ('merge', 'update', 'replace')"
    same = f"(t._hash IS NOT DISTINCT FROM s._hash AND {writes} AND NOT ({late}))"
    act = (
        f"CASE WHEN {mode} = 'delete' THEN CASE WHEN ({late}) THEN 'k' ELSE 'd' END"
        f" WHEN ({late}) THEN 'l' WHEN {known} THEN 'u' ELSE 'i' END"
    )
    order = ", ".join(f"s.{c}" for c in sheet.keys)
    yield (
        f"INSERT INTO {p} (r, t, part, act) SELECT s.n, t.{names.id}, s._part, {act} FROM {s} s"
        f" LEFT JOIN {names.table(sheet.kind)} t ON {sheet.same_key('s', 't')}"
        f" WHERE NOT ({known} AND {same})"
        f" AND NOT ({mode} = 'delete' AND NOT {known} AND NOT ({late}))"
        f" AND s.n NOT IN (SELECT n FROM {b}) ORDER BY {order}"
    )


def _mode(sheet: Sheet) -> str:
    return f"COALESCE(s._mode, '{sheet.mode}')" if sheet.row_modes else f"'{sheet.mode}'"


def _late(sheet: Sheet, drop: Drop, names: Names, acts: str = "") -> str:
    """Pure: does an earlier sheet of the same entity change this record, too (with such an act)?"""
    ours = ", ".join(f"s.{c}" for c in sheet.keys)
    found = []
    for other in drop.earlier(sheet):
        theirs = ", ".join(f"o.{c}" for c in other.keys)
        found.append(
            f"({ours}) IN (SELECT {theirs} FROM {other.table('p', names)} op"
            f" JOIN {other.table('s', names)} o ON o.n = op.r{acts and f' WHERE op.act IN {acts}'})"
        )
    return " OR ".join(found) or "1 = 0"


def relate(db: Database, drop: Drop, sheet: Sheet) -> int:
    """Let rows be judged by themselves again that were to follow one that has fallen; how many."""
    if not drop.earlier(sheet):
        return 0
    s, p = sheet.table("s", db.names), sheet.table("p", db.names)
    late = f"SELECT s.n FROM {s} s WHERE {_late(sheet, drop, db.names)}"
    own = "CASE WHEN act = 'k' THEN 'd' WHEN t IS NULL THEN 'i' ELSE 'u' END"
    alone = f"act IN ('l', 'k') AND r NOT IN ({late})"
    count = db.execute(f"UPDATE {p} SET act = {own} WHERE {alone}")
    if count:
        db.execute(f"DELETE FROM {p} WHERE act = 'd' AND t IS NULL")
        modes(db, drop, sheet)
    return count


def modes(db: Database, drop: Drop, sheet: Sheet) -> None:
    """Reject what its mode does not allow: inserts of known records, updates of unknown ones."""
    mode, there = _mode(sheet), _there(sheet, drop, db.names)
    if sheet.row_modes or sheet.mode is Mode.INSERT:
        live = f"LEFT JOIN {db.names.table(sheet.kind)} t ON t.{db.names.id} = p.t"
        # A record this very run has inserted before it was cut short is not in its own way.
        ours = f"p.act = 'u' AND COALESCE(t._changed, 0) = {drop.run:d}"
        known = f"{mode} = 'insert' AND {there} AND NOT ({ours})"
        told = "'there is such a record already'"
        rejecting.reject(db, sheet, Code.EXISTS, told, known, join=live)
    if sheet.row_modes or sheet.mode is Mode.UPDATE:
        unknown = f"{mode} = 'update' AND NOT {there}"
        rejecting.reject(db, sheet, Code.NOT_FOUND, "'there is no such record to update'", unknown)
    if needed := _needed(sheet):
        told = f"'a new {sheet.kind.name} needs {', '.join(needed)}, which this file lacks'"
        fresh = f"p.act IN ('i', 'l') AND NOT {there}"
        rejecting.reject(db, sheet, Code.REQUIRED, told, fresh)


def _there(sheet: Sheet, drop: Drop, names: Names) -> str:
    """Pure: will there be a record when the turn of a planned row `p`, `s` comes?"""
    if not drop.earlier(sheet):
        return "(p.t IS NOT NULL)"
    gone = _late(sheet, drop, names, "('d', 'k')")
    made = _late(sheet, drop, names, "('i', 'u', 'l')")
    return f"(CASE WHEN p.act IN ('i', 'u') OR NOT ({gone}) THEN p.t IS NOT NULL OR ({made}) ELSE ({made}) END)"


def _needed(sheet: Sheet) -> list[str]:
    """Pure: fields a new record must have that this sheet does not bring."""
    brought = {target.field for target in sheet.targets if target.only != "update"}
    return [
        name
        for name, field in sheet.kind.fields.items()
        if not field.null and field.default is None and name not in brought
    ]


def lacking(sheet: Sheet, names: Names) -> str:
    """Pure: the statement that plans for records that a complete list (replace) lacks."""
    s, q, p = (sheet.table(letter, names) for letter in "sqp")
    key = ", ".join(f"t.{quoted(name)}" for name in sheet.kind.key)
    unread = ", ".join(f"k{n}" for n in range(len(sheet.keys)))
    act = "m" if sheet.missing_rows else "d"
    return (
        f"INSERT INTO {p} (r, t, act) SELECT NULL, t.{names.id}, '{act}'"
        f" FROM {names.table(sheet.kind)} t"
        f" WHERE NOT EXISTS (SELECT 1 FROM {s} s WHERE {sheet.same_key('s', 't')})"
        f" AND ({key}) NOT IN (SELECT {unread} FROM {q}){_scope(sheet, names)}"
        f"{_different(sheet, names)}"
    )


def _scope(sheet: Sheet, names: Names) -> str:
    """Pure: only records that share these values, all of them at once, with a row of the files."""
    if not sheet.scope:
        return ""
    place = {target.field: f"c{n}" for n, target in enumerate(sheet.targets)}
    theirs = ", ".join(f"t.{quoted(name)}" for name in sheet.scope)
    ours = ", ".join(place[name] for name in sheet.scope)
    return f" AND ({theirs}) IN (SELECT {ours} FROM {sheet.table('s', names)})"


def _different(sheet: Sheet, names: Names) -> str:
    """Pure: leave alone the lacking records that have their values already."""
    if not sheet.missing_rows:
        return ""
    same = " AND ".join(
        f"t.{quoted(name)} IS NOT DISTINCT FROM {names.literal(sheet.kind.fields[name], value)}"
        for name, value in sheet.missing_rows
    )
    return f" AND NOT ({same})"


def unchanged(sheet: Sheet, names: Names) -> str:
    """Pure: the statement that takes rows out of the plan that would change nothing."""
    s, p = sheet.table("s", names), sheet.table("p", names)
    compared = [
        (live(names, target), f"s.c{n}")
        for n, target in enumerate(sheet.targets)
        if target.field not in sheet.kind.key and target.only != "insert"
    ]
    same = "1 = 1"
    if compared:  # as rows: an OR for each field is too deep a tree for SQLite from 500 fields on
        there, here = (", ".join(side) for side in zip(*compared, strict=True))
        same = f"({there}) IS NOT DISTINCT FROM ({here})"
    return (
        f"DELETE FROM {p} WHERE act = 'u' AND n IN (SELECT p.n FROM {p} p"
        f" JOIN {s} s ON s.n = p.r JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t"
        f" WHERE p.act = 'u' AND {same})"
    )


def live(names: Names, target: Target) -> str:
    """Pure: SQL for the live value `t` of a target."""
    column = f"t.{quoted(target.field)}"
    return names.language(column, target.language) if target.language else column
