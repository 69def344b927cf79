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
    _create(db, drop, [check for check in _checks(drop) if check[2].missing is Missing.CREATE])
    again(db, drop)


def again(db: Database, drop: Drop) -> None:
    """Do so once more, when other rows have fallen."""
    checks = _checks(drop)
    while _round(db, drop, checks):
        pass
    _unwanted(db, drop)


def _checks(drop: Drop) -> list[Check]:
    """Pure: the targets that are to point at something."""
    return [
        (sheet, n, target)
        for sheet in drop.sheets
        if sheet.mode is not Mode.DELETE
        for n, target in enumerate(sheet.targets)
        if target.ref and target.missing is not Missing.KEEP
    ]


def _round(db: Database, drop: Drop, checks: list[Check]) -> int:
    """Look at all references once; gives how many rows fell, which may be what others point at."""
    fallen = rejecting.escalate(db, drop)
    told: dict[int, Sheet] = {}
    for sheet, n, target in checks:
        if target.missing in (Missing.REJECT, Missing.CREATE):
            what = f"'there is no {target.ref} with this key, neither here nor in the tables'"
            where = _dangling(drop, sheet, n, target, db.names)
            if rejecting.tell(db, sheet, Code.MISSING_REFERENCE, what, where, n=n):
                told[sheet.k] = sheet
    for sheet in told.values():  # only now, so that all that is wrong with a row is told
        fallen += rejecting.take_told(db, sheet, Code.MISSING_REFERENCE)
    for sheet, n, target in checks:
        if target.missing is Missing.NULL:
            _empty(db, drop, sheet, n, target)
        elif target.missing is Missing.PARK:
            fallen += _park(db, drop, sheet, n, target)
    return fallen


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


def _unwanted(db: Database, drop: Drop) -> None:
    """Take out of the plan the parents made for rows that are not loaded after all."""
    for k, _ in drop.created:
        parent = next(sheet for sheet in drop.sheets if sheet.k == k)
        s, p = parent.table("s", db.names), parent.table("p", db.names)
        wanted = " UNION ".join(
            f"SELECT o.c{n} FROM {sheet.table('p', db.names)} op"
            f" JOIN {sheet.table('s', db.names)} o ON o.n = op.r WHERE o.c{n} IS NOT NULL"
            for sheet in drop.sheets
            for n, target in enumerate(sheet.targets)
            if target.ref == parent.kind.name
        )
        db.execute(f"DELETE FROM {p} WHERE r IN (SELECT n FROM {s} WHERE c0 NOT IN ({wanted}))")


def _dangling(drop: Drop, sheet: Sheet, n: int, target: Target, names: Names) -> str:
    """Pure: does a planned row `p`, `s` point at nothing?"""
    missing = nowhere(drop, sheet, n, target, names)
    return f"p.act NOT IN ('d', 'k') AND s.c{n} IN (SELECT v FROM ({missing}) m)"


def _rows(drop: Drop, sheet: Sheet, n: int, target: Target, names: Names) -> str:
    s, p = sheet.table("s", names), sheet.table("p", names)
    return f"FROM {p} p JOIN {s} s ON s.n = p.r WHERE {_dangling(drop, sheet, n, target, names)}"


def _empty(db: Database, drop: Drop, sheet: Sheet, n: int, target: Target) -> None:
    """Let rows point at nothing, and keep where they pointed for the next plan."""
    rows = _rows(drop, sheet, n, target, db.names)
    db.execute(
        f"UPDATE {sheet.table('s', db.names)} SET o{n} = c{n}, c{n} = NULL,"
        f" _was = COALESCE(_was, _hash), _hash = NULL WHERE n IN (SELECT s.n {rows})"
    )


def _park(db: Database, drop: Drop, sheet: Sheet, n: int, target: Target) -> int:
    """Let rows wait; gives how many that are."""
    names, w = db.names, sheet.table("w", db.names)
    rows = _rows(drop, sheet, n, target, names)
    key = names.as_text(f"s.c{n}")
    if not db.execute(f"INSERT INTO {w} SELECT s.n, '{target.ref}', {key} {rows}"):
        return 0
    return rejecting.take_out(db, sheet, f"SELECT n FROM {w}")


def nowhere(drop: Drop, sheet: Sheet, n: int, target: Target, names: Names) -> str:
    """Pure: a query for the values `v` of a reference that neither tables nor drop know."""
    parent = drop.catalogue[target.ref]
    s, p = sheet.table("s", names), sheet.table("p", names)
    values = (
        f"SELECT DISTINCT s.c{n} AS v FROM {p} p JOIN {s} s ON s.n = p.r WHERE s.c{n} IS NOT NULL"
    )
    live = f"SELECT 1 FROM {names.table(parent)} l WHERE l.{quoted(parent.key[0])} = v.v"
    found = []
    for other in drop.sheets:
        if other.kind.name != parent.name:
            continue
        if other.mode is Mode.DELETE or other.row_modes:
            op = other.table("p", names)
            live += f" AND l.{names.id} NOT IN (SELECT t FROM {op} WHERE act = 'd')"
        if other.mode is not Mode.DELETE:
            o, ob = other.table("s", names), other.table("b", names)
            here = f"SELECT 1 FROM {o} o WHERE o.{other.keys[0]} = v.v"
            kept = " AND o._mode IS DISTINCT FROM 'delete'" if other.row_modes else ""
            found.append(f"{here} AND o.n NOT IN (SELECT n FROM {ob}){kept}")
    found.insert(0, live)
    absent = " AND ".join(f"NOT EXISTS ({query})" for query in found)
    return f"SELECT v.v AS v FROM ({values}) v WHERE {absent}"
