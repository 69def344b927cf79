"""
Is the first row of a grid its header?

Pure.  A header names things: it has no numbers and no dates, its words are those of the trade,
and what stands in it does not stand below it.
"""

from collections.abc import Sequence

from impexd.imports.describe import kinds, names
from impexd.imports.describe.vocabulary import SPELLINGS
from impexd.model.entity import Type

ROWS = 200
"""Rows that are looked at."""

UNSURE = "nothing speaks against it; say header = false if the first row is data"

PLAIN = (Type.INTEGER, Type.DECIMAL, Type.DATE, Type.DATETIME)
"""Types of which no name of a column is; "no" may be one."""


def is_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> tuple[bool, str]:
    """Pure: say whether the first row is the header, and why."""
    said = [cell for cell in first if cell]
    if not said:
        return False, "the first row is empty"
    typed = next((cell for cell in said if _plain(cell)), None)
    if typed is not None:
        return False, f"the first row has {kinds.told([typed])} in it, which names no column"
    known = [cell for cell in said if _known(cell)]
    languages = [cell for cell in said if names.language(cell)]
    if len(set(languages)) > 1:
        known = list(dict.fromkeys([*known, *languages]))
    if len(known) * 3 >= len(said):
        return True, f"the first row has names: {kinds.told(known)}"
    repeated = next(
        (cell for n, cell in enumerate(first) if cell and cell in _column(below, n)), None
    )
    if repeated is not None:
        return False, f"{kinds.told([repeated])} of the first row stands below it, too"
    contrast = next((n for n in range(len(first)) if _all_plain(_column(below, n))), None)
    if contrast is not None:
        return True, f"{kinds.told([first[contrast]])} stands above numbers or dates"
    return True, UNSURE


def _column(rows: Sequence[Sequence[str]], n: int) -> list[str]:
    return [row[n] for row in rows if n < len(row) and row[n]]


def _plain(cell: str) -> bool:
    """Pure: is this a number or a date?"""
    return kinds.kind([cell], ()).type in PLAIN


def _all_plain(cells: Sequence[str]) -> bool:
    found = set(cells[:20])
    return bool(found) and kinds.kind(found, ()).type in (*PLAIN, Type.BOOLEAN)


def _known(cell: str) -> bool:
    """Pure: is one of its words a word of the trade?"""
    return any(word in SPELLINGS for word in names.words(cell))
