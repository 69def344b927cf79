"""
What each staged row would do to its record: insert, update, delete, nothing; part of `plan`.

A row whose hash is the one its record was last loaded with is unchanged: no value of it is
compared, no reference of it is looked up.  Acts: `i` insert, `u` update, `d` delete, `l` (late)
a record that an earlier sheet of the drop changes, too, so that it is looked up when that is
done, `m` a record the files lack that gets the values of `missing_rows`.
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
        told = "'the key stands already in line ' || " + names.as_text("f._line")
        rows = f"{twice} JOIN {s} f ON f.n = d.kept"
        code = Code.DUPLICATE_KEY
        db.execute(rejecting.problem(sheet, names, code, told, rows, sheet.keys[0]))


def acting(sheet: Sheet, drop: Drop, names: Names) -> Iterator[str]:
    """Pure: the statements that say what each row would do, unchanged ones (by hash) left out."""
    s, b, p = (sheet.table(letter, names) for letter in "sbp")
    late = " OR ".join(_also(sheet, other, names) for other in drop.earlier(sheet)) or "1 = 0"
    mode = _mode(sheet)
    known = f"t.{names.id} IS NOT NULL"
    writes = f"{mode} IN ('merge', 'update', 'replace')"
    same = f"(t._hash IS NOT DISTINCT FROM s._hash AND {writes} AND NOT ({late}))"
    act = (
        f"CASE WHEN {mode} = 'delete' THEN 'd' WHEN ({late}) THEN 'l'"
        f" WHEN {known} THEN 'u' ELSE 'i' END"
    )
    order = ", ".join(f"s.{c}" for c in sheet.keys)
    yield (
        f"INSERT INTO {p} (r, t, part, act) SELECT s.n, t.{names.id}, s._part, {act} FROM {s} s"
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


def modes(db: Database, drop: Drop, sheet: Sheet) -> None:
    """Reject what its mode does not allow: inserts of known records, updates of unknown ones."""
    mode = _mode(sheet)
    live = f"JOIN {db.names.table(sheet.kind)} t ON t.{db.names.id} = p.t"
    if sheet.row_modes or sheet.mode is Mode.INSERT:
        # A record this very run has inserted before it was cut short is not in its own way.
        theirs = f"{mode} = 'insert' AND COALESCE(t._changed, 0) <> {drop.run:d}"
        told = "'there is such a record already'"
        rejecting.reject(db, sheet, Code.EXISTS, told, theirs, join=live)
    if sheet.row_modes or sheet.mode is Mode.UPDATE:
        unknown = f"{mode} = 'update' AND p.act = 'i'"
        rejecting.reject(db, sheet, Code.NOT_FOUND, "'there is no such record to update'", unknown)
    if needed := _needed(sheet):
        told = f"'a new {sheet.kind.name} needs {', '.join(needed)}, which this file lacks'"
        rejecting.reject(db, sheet, Code.REQUIRED, told, "p.act = 'i'")


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
    ours = " AND ".join(f"q.k{n} = t.{quoted(name)}" for n, name in enumerate(sheet.kind.key))
    place = {target.field: f"c{n}" for n, target in enumerate(sheet.targets)}
    scope = "".join(
        f" AND t.{quoted(name)} IN (SELECT {place[name]} FROM {s})" for name in sheet.scope
    )
    act = "m" if sheet.missing_rows else "d"
    return (
        f"INSERT INTO {p} (r, t, act) SELECT NULL, t.{names.id}, '{act}'"
        f" FROM {names.table(sheet.kind)} t"
        f" WHERE NOT EXISTS (SELECT 1 FROM {s} s WHERE {sheet.same_key('s', 't')})"
        f" AND NOT EXISTS (SELECT 1 FROM {q} q WHERE {ours}){scope}{_different(sheet, names)}"
    )


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
    differ = [
        f"{live(names, target)} IS DISTINCT FROM s.c{n}"
        for n, target in enumerate(sheet.targets)
        if target.field not in sheet.kind.key and target.only != "insert"
    ]
    same = f"NOT ({' OR '.join(differ)})" if differ else "1 = 1"
    return (
        f"DELETE FROM {p} WHERE act = 'u' AND n IN (SELECT p.n FROM {p} p"
        f" JOIN {s} s ON s.n = p.r JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t"
        f" WHERE p.act = 'u' AND {same})"
    )


def live(names: Names, target: Target) -> str:
    """Pure: SQL for the live value `t` of a target."""
    column = f"t.{quoted(target.field)}"
    return names.language(column, target.language) if target.language else column
