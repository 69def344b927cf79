"""
Write what a plan would change, value by value: `changes.csv`, for people and spreadsheets.

Runs in a worker process, for plans that somebody is to look at: dry runs and held runs.  One
line for each new or deleted record, and for each changed field of a known one.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from impexd.imports.stage import Staged
from impexd.imports.waiting import plain
from impexd.store import differences
from impexd.store.stage import Sheet
from impexd.store.staging import Staging

NAME = "changes.csv"
HEADER = ("entity", "key", "change", "field", "old", "new", "file", "line")

_WORDS = {
    "i": "insert",
    "u": "update",
    "l": "update",
    "m": "update",
    "d": "delete",
    "k": "delete",
}


def write(db: Staging, staged: Staged, target: Path) -> None:
    """Write the file anew."""
    files = {part.n: part.name for part in staged.parts}
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        db.begin()
        for form in staged.forms:
            for n, some in enumerate(differences.shown(form.sheet)):
                writer.writerows(_lines(db, form.sheet, some, files, more=n > 0))
        db.commit()


def _lines(
    db: Staging, sheet: Sheet, some: Sequence[int], files: dict[int, str], *, more: bool
) -> Iterator[tuple[Any, ...]]:
    """Give the lines of some targets; `more` of a sheet whose records have been named before."""
    targets = [sheet.targets[n] for n in some]
    for act, part, line, key, *pairs in db.each(differences.query(sheet, some, db.names)):
        head, tail = (sheet.kind.name, key, _WORDS[act]), (files.get(part, ""), line)
        if act in ("i", "d", "k", "m") and more:
            continue
        if act in ("i", "d", "k"):
            yield (*head, "", "", "", *tail)
            continue
        if act == "m":
            olds = pairs[2 * len(targets) :]
            for (name, value), old in zip(sheet.missing_rows, olds, strict=True):
                if plain(old) != value:
                    yield (*head, name, safe(plain(old)), safe(value), *tail)
            continue
        for n, target in enumerate(targets):
            old, new = plain(pairs[2 * n]), plain(pairs[2 * n + 1])
            if old != new and target.only != "insert":
                name = target.field + (f"@{target.language}" if target.language else "")
                yield (*head, name, safe(old), safe(new), *tail)


def safe(value: object) -> object:
    """Pure: text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
