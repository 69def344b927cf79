"""
The plan: what applying the stage would do, decided by set-based SQL.

Takes the sheets of a loaded stage and the live tables, read in one snapshot; leaves in
`p<k>` one row for each record that would be inserted, updated or deleted (in key order), in
`b<k>` those that are rejected or wait, and the reasons in `problem`.  Live tables are only read.

`decide` is the sentence; the steps are `acts`, `references` and `rejecting`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from impexd.model.entity import Catalogue, Kind
from impexd.store.dialect import Names
from impexd.store.stage import Sheet

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
    whole: frozenset[int] = frozenset()
    """Sheets (replace) of which every row could be read, so that lacking ones may go."""
    created: tuple[tuple[int, int], ...] = ()
    """(sheet, part) for parents that are to be created."""
    feeds: Mapping[int, int] = field(default_factory=dict)
    """Part -> the sheet it feeds."""

    def earlier(self, sheet: Sheet) -> list[Sheet]:
        """The sheets before this one that feed the same entity."""
        return [s for s in self.sheets if s.k < sheet.k and s.kind.name == sheet.kind.name]


def touched(sheets: Sequence[Sheet], catalogue: Catalogue) -> list[Kind]:
    """Pure: the entities a plan depends on: those it changes and those they point at."""
    kinds = {sheet.kind.name: sheet.kind for sheet in sheets}
    for sheet in sheets:
        kinds |= {target.ref: catalogue[target.ref] for target in sheet.targets if target.ref}
    return list(kinds.values())


def counted(sheet: Sheet, names: Names) -> str:
    """Pure: a query for (part, act, rows) of what a sheet's plan holds."""
    return (
        f"SELECT part, act, COUNT(*) FROM {sheet.table('p', names)} WHERE r IS NOT NULL"
        " GROUP BY part, act"
    )


def left_out(sheet: Sheet, names: Names) -> str:
    """Pure: a query for (part, rows out of the plan, of them waiting) of a sheet."""
    s, b, w = (sheet.table(letter, names) for letter in "sbw")
    return (
        f"SELECT s._part, COUNT(*), COUNT(w.n) FROM {b} b JOIN {s} s ON s.n = b.n"
        f" LEFT JOIN {w} w ON w.n = b.n GROUP BY s._part"
    )


def lacking_count(sheet: Sheet, names: Names) -> str:
    """Pure: a query for the number of records that the files lack and the plan touches."""
    return f"SELECT COUNT(*) FROM {sheet.table('p', names)} WHERE r IS NULL"


def live_count(kind: Kind, names: Names) -> str:
    """Pure: a query for the number of records of an entity."""
    return f"SELECT COUNT(*) FROM {names.table(kind)}"
