"""What a plan would change, value by value: for people to look at, and for guards."""

from collections.abc import Sequence
from decimal import Decimal

from impexd.model.entity import Field, Type
from impexd.store.acts import live
from impexd.store.dialect import Names, quoted
from impexd.store.stage import Sheet

WIDEST = 500
"""Targets of one query: engines give 1,664 (PostgreSQL) or 2,000 columns (SQLite) at most."""


def shown(sheet: Sheet) -> list[list[int]]:
    """Pure: the targets that a change may be seen in, by number, as many at a time as one query gives."""
    seen = [n for n, target in enumerate(sheet.targets) if target.field not in sheet.kind.key]
    return [seen[at : at + WIDEST] for at in range(0, len(seen) or 1, WIDEST)]


def query(sheet: Sheet, targets: Sequence[int], names: Names) -> str:
    """
    Pure: a query for (act, part, line, key as JSON, old, new, old, new ...) of planned rows.

    The pairs follow `targets`; of a deletion, old values stand there and the new ones are NULL.
    Behind them stand the old values of the fields of `missing_rows`.
    """
    s, p = sheet.table("s", names), sheet.table("p", names)
    pairs = "".join(f", {live(names, sheet.targets[n])}, s.c{n}" for n in targets)
    pairs += "".join(f", t.{quoted(name)}" for name, _ in sheet.missing_rows)
    ours = names.key_json("t", sheet.kind.key)
    theirs = names.key_json("s", sheet.kind.key, sheet.keys)
    return (
        f"SELECT p.act, s._part, s._line, CASE WHEN s.n IS NULL THEN {ours} ELSE {theirs} END{pairs}"
        f" FROM {p} p LEFT JOIN {s} s ON s.n = p.r"
        f" LEFT JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t ORDER BY p.n"
    )


def moved(sheet: Sheet, n: int, bound: int | str, names: Names) -> str:
    """
    Pure: a query for (count, key, old, new) of updates that move a number too far.

    `bound` is a difference, or a share of the old value (`"30 %"`); from 0 every move is too far.
    """
    old, new = (number(names, value) for value in (live(names, sheet.targets[n]), f"s.c{n}"))
    share = isinstance(bound, str) and "%" in bound
    amount = Decimal(str(bound).rstrip(" %"))
    most = f"{amount / 100} * ABS({old})" if share else f"{amount}"
    if names.engine == "sqlite":  # 0.13 - 0.1 is a little more than 0.03 there
        most = f"{most} + 1e-9 * ABS({old})"
    text = names.as_text
    key = names.key_json("s", sheet.kind.key, sheet.keys)
    s, p = sheet.table("s", names), sheet.table("p", names)
    return (
        f"SELECT COUNT(*) OVER (), {key}, {text(live(names, sheet.targets[n]))},"
        f" {text(f's.c{n}')} FROM {p} p JOIN {s} s ON s.n = p.r"
        f" JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t"
        f" WHERE p.act IN ('u', 'l') AND ABS({new} - {old}) > {most} ORDER BY p.n LIMIT 1"
    )


def number(names: Names, value: str) -> str:
    """Pure: SQL for a decimal as something to reckon with; exact where the engine can."""
    return f"CAST({value} AS {'REAL' if names.engine == 'sqlite' else 'NUMERIC'})"


def numeric(field: Field) -> bool:
    """Pure: can a field move by an amount?"""
    return field.type in (Type.DECIMAL, Type.INTEGER)


def waiting(sheet: Sheet, names: Names) -> str:
    """Pure: a query for (part, line, own key, entity, key, values...) of the rows that wait."""
    cells = "".join(f", {_whole(sheet, n, names)}" for n in range(len(sheet.targets)))
    key = names.key_json("s", sheet.kind.key, sheet.keys)
    return (
        f"SELECT s._part, s._line, {key}, w.entity, w.key{cells} FROM {sheet.table('w', names)} w"
        f" JOIN {sheet.table('s', names)} s ON s.n = w.n ORDER BY s._part, s._line"
    )


def _whole(sheet: Sheet, n: int, names: Names) -> str:
    """Pure: SQL for a staged value; JSON as text, for a driver makes something else of it."""
    target = sheet.targets[n]
    json = sheet.kind.fields[target.field].type is Type.JSON and not target.language
    return names.as_text(f"s.c{n}") if json else f"s.c{n}"
