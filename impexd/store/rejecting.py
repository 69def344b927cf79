"""Take planned rows out of the plan, with their reason; part of `plan`."""

from impexd.model.problem import Code
from impexd.store.dialect import Names, quoted
from impexd.store.plan import Database, Drop
from impexd.store.stage import Sheet, noting


def reject(
    db: Database, sheet: Sheet, code: Code, told: str, where: str, *, n: int = -1, join: str = ""
) -> int:
    """
    Move planned rows `p`, `s` that meet `where` to the rejects; gives how many.

    `told` is SQL for the message, `n` the target whose cell is shown (else the key's first).
    """
    return tell(db, sheet, code, told, where, n=n, join=join) and take_told(db, sheet, code)


def tell(
    db: Database, sheet: Sheet, code: Code, told: str, where: str, *, n: int = -1, join: str = ""
) -> int:
    """Note a problem for planned rows, and leave them in the plan for now; gives how many."""
    names = db.names
    s, p = sheet.table("s", names), sheet.table("p", names)
    rows = f"{p} p JOIN {s} s ON s.n = p.r {join}"
    cell = f"c{n}" if n >= 0 else sheet.keys[0]
    return db.execute(problem(sheet, names, code, told, rows, cell, where))


def take_told(db: Database, sheet: Sheet, code: Code) -> int:
    """Take the rows out of the plan that a problem was noted for."""
    names = db.names
    noted = f"SELECT n FROM {names.stage}problem WHERE sheet = {sheet.k} AND code = '{code}'"
    return take_out(db, sheet, noted)


def take_out(db: Database, sheet: Sheet, rows: str) -> int:
    """Move the stage rows that a query names out of the plan; gives how many are new there."""
    names = db.names
    b, p = sheet.table("b", names), sheet.table("p", names)
    count = db.execute(
        f"INSERT INTO {b} (n) SELECT DISTINCT q.n FROM ({rows}) q"
        f" WHERE q.n NOT IN (SELECT n FROM {b})"
    )
    db.execute(f"DELETE FROM {p} WHERE r IN (SELECT n FROM {b})")
    return count


def problem(
    sheet: Sheet, names: Names, code: Code, told: str, rows: str, cell: str, where: str = "1 = 1"
) -> str:
    """Pure: the statement that records a problem for each of some stage rows `s`."""
    column = sheet.targets[int(cell[1:])].source.replace("'", "''")
    return (
        f"INSERT INTO {names.stage}problem (part, line, code, col, message, cell, sheet, n)"
        f" SELECT s._part, s._line, '{code}', '{column}', {told},"
        f" SUBSTR({names.as_text('s.' + cell)}, 1, 200), {sheet.k}, s.n FROM {rows} WHERE {where}"
    )


def fallen(db: Database, drop: Drop) -> list[int]:
    """Give the parts that a problem takes with it: of its file, or all, if the group says so."""
    if drop.on_problem == "reject-row":
        return []
    found = db.rows(f"SELECT DISTINCT part FROM {db.names.stage}problem")
    files = {drop.members[int(str(part))] for (part,) in found}
    whole = drop.on_problem == "reject-drop" and bool(files)
    return [part for part, file in drop.members.items() if whole or file in files]


def escalate(db: Database, drop: Drop) -> int:
    """Let a problem take its whole file, or the drop, with it; gives how many rows fell."""
    doomed = fallen(db, drop)
    if not doomed:
        return 0
    names, within = db.names, ", ".join(map(str, doomed))
    count = 0
    for sheet in drop.sheets:
        rows = f"FROM {sheet.table('s', names)} WHERE _part IN ({within})"
        standing = f"{rows} AND n NOT IN (SELECT n FROM {sheet.table('b', names)})"
        if drop.on_problem == "reject-file":
            for (part,) in db.rows(f"SELECT DISTINCT _part {standing}"):
                db.execute(noting(sheet, int(str(part)), Code.FILE_REJECTED.value, WHOLE, names))
        count += take_out(db, sheet, f"SELECT n {rows}")
    return count


WHOLE = "something is wrong with this file, and the group takes a file as a whole or not at all"


def whole(db: Database, sheet: Sheet) -> None:
    """
    Take the other rows of an order out that has lost one: half an order is none.

    Rows that could not be converted are known by their keys; where not even that could be read,
    nobody knows which order it was, and all rows of the file go.
    """
    names = db.names
    s, b, q = (sheet.table(letter, names) for letter in "sbq")
    first = sheet.keys[0]
    torn = f"SELECT x.{first} FROM {s} x JOIN {b} y ON y.n = x.n UNION SELECT k0 FROM {q}"
    told = "'another line of this order has a problem, and an order is taken whole or not at all'"
    lost = "'a line of this file could not be read, and nobody knows of which order'"
    unread = f"SELECT n FROM {names.stage}part WHERE unknown > 0"
    for where, why in ((f"s.{first} IN ({torn})", told), (f"s._part IN ({unread})", lost)):
        left = f"{where} AND s.n NOT IN (SELECT n FROM {b})"
        db.execute(problem(sheet, names, Code.ORDER_REJECTED, why, f"{s} s", first, left))
        take_told(db, sheet, Code.ORDER_REJECTED)


def spare(db: Database, sheet: Sheet) -> None:
    """Of an order that is not taken nothing is lacking either: leave its lines alone."""
    names = db.names
    s, b, p = (sheet.table(letter, names) for letter in "sbp")
    first = sheet.keys[0]
    torn = f"SELECT x.{first} FROM {s} x JOIN {b} y ON y.n = x.n"
    kept = (
        f"SELECT t.{names.id} FROM {names.table(sheet.kind)} t"
        f" WHERE t.{quoted(sheet.kind.key[0])} IN ({torn})"
    )
    db.execute(f"DELETE FROM {p} WHERE r IS NULL AND t IN ({kept})")
