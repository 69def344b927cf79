"""
Look at what rows point at: reject, empty, create or park what points at nothing; part of `plan`.

A parent counts if it is in the live table or comes in this drop and is not itself rejected; so
each round may take the ground from under another row, until nothing more falls.
"""

from impexd.model.descriptor import Missing, Mode
from impexd.model.problem import Code
from impexd.store import acts, rejecting
from impexd.store.dialect import Names, quoted
from impexd.store.plan import Database, Drop
from impexd.store.stage import Sheet, Target

Check = tuple[Sheet, int, Target]


def settle(db: Database, drop: Drop) -> None:
    """Leave only rows in the plan whose references hold."""
    checks = [
        (sheet, n, target)
        for sheet in drop.sheets
        if sheet.mode is not Mode.DELETE
        for n, target in enumerate(sheet.targets)
        if target.ref and target.missing is not Missing.KEEP
    ]
    _create(db, drop, [check for check in checks if check[2].missing is Missing.CREATE])
    while True:
        fallen = rejecting.escalate(db, drop)
        for sheet, n, target in checks:
            fallen += _dangling(db, drop, sheet, n, target)
        if not fallen:
            return


def _create(db: Database, drop: Drop, checks: list[Check]) -> None:
    """Stage a parent with nothing but its key for each that is missing and wanted."""
    names = db.names
    for k, part in drop.created:
        parent = next(sheet for sheet in drop.sheets if sheet.k == k)
        s, b, p = (parent.table(letter, names) for letter in "sbp")
        for table in (s, b, p):
            db.execute(f"DELETE FROM {table}")
        for sheet, n, target in checks:
            if target.ref == parent.kind.name:
                missing = nowhere(drop, sheet, n, target, names)
                db.execute(
                    f"INSERT INTO {s} (_part, _line, _hash, c0)"
                    f" SELECT {part:d}, NULL, 0, m.v FROM ({missing}) m"
                )
        acts.decide(db, drop, parent)


def _dangling(db: Database, drop: Drop, sheet: Sheet, n: int, target: Target) -> int:
    names = db.names
    missing = f"s.c{n} IN (SELECT v FROM ({nowhere(drop, sheet, n, target, names)}) m)"
    where = f"p.act <> 'd' AND {missing}"
    s, p = sheet.table("s", names), sheet.table("p", names)
    rows = f"FROM {p} p JOIN {s} s ON s.n = p.r WHERE {where}"
    if target.missing is Missing.NULL:
        db.execute(f"UPDATE {s} SET c{n} = NULL, _hash = NULL WHERE n IN (SELECT s.n {rows})")
        return 0
    if target.missing is Missing.PARK:
        w, key = sheet.table("w", names), names.as_text(f"s.c{n}")
        if not db.execute(f"INSERT INTO {w} SELECT s.n, '{target.ref}', {key} {rows}"):
            return 0
        return rejecting.take_out(db, sheet, f"SELECT n FROM {w}")
    told = f"'there is no {target.ref} with this key, neither here nor in the tables'"
    return rejecting.reject(db, sheet, Code.MISSING_REFERENCE, told, where, n=n)


def nowhere(drop: Drop, sheet: Sheet, n: int, target: Target, names: Names) -> str:
    """Pure: a query for the values `v` of a reference that neither tables nor drop know."""
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
