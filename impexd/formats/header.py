"""
Find the wanted columns in a header.

Takes the header's cells and the `from` values of a descriptor; gives where each one stands.

Names are compared without the white space around them: first as they are, then without regard to
capitals.  `NAME#2` is the second column so named.  A name that the header has more than once is
not to be guessed at, so wanting it is a fault, unless the descriptor shows that it knows, by
wanting a `NAME#k` too: then plain `NAME` is `NAME#1`.  Columns nobody wants are passed over.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.limits import Limits
from impexd.model.problem import Code

LISTED = 20
"""Most names of a header that are shown."""

_NTH = re.compile(r"(.*)#([1-9][0-9]{0,3})", re.DOTALL)


def positions(
    cells: Sequence[str | None], wanted: Sequence[str | int], limits: Limits, *, line: int
) -> dict[str | int, int]:
    """Pure: index each wanted source; `DataError` lists all that are missing or ambiguous."""
    _refuse_wide(len(cells), limits, line)
    header = _Header.of(cells, wanted)
    found: dict[str | int, int] = {}
    faults: list[str] = []
    for source in wanted:
        where = header.find(source)
        if isinstance(where, int):
            found[source] = where
        elif where not in faults:
            faults.append(where)
    if faults:
        what = "; ".join(faults) + "; " + _told(header.names)
        raise DataError(Code.BAD_HEADER, what, line=line, hint=_hint(header.names))
    return found


def counted(
    width: int, wanted: Sequence[str | int], limits: Limits, *, line: int
) -> dict[str | int, int]:
    """Pure: index each wanted position in a file without a header, by the width of its first row."""
    _refuse_wide(width, limits, line)
    missing = [str(one) for one in wanted if not isinstance(one, int) or not 0 < one <= width]
    if missing:
        places = ", ".join(shown(one, limit=60) for one in missing)
        what = f"there is no column {places}: the file has no header, and {width} columns"
        raise DataError(Code.BAD_HEADER, what, line=line)
    return {one: one - 1 for one in wanted if isinstance(one, int)}


def _refuse_wide(width: int, limits: Limits, line: int) -> None:
    if width > limits.columns:
        what = f"the file has {width} columns, {limits.columns} are taken"
        raise DataError(Code.BAD_HEADER, what, line=line)


@dataclass(frozen=True, slots=True)
class _Header:
    names: list[str]
    exact: dict[str, list[int]]
    folded: dict[str, list[int]]
    counted: frozenset[str]
    """Folded names of which the descriptor wants one by number."""

    @staticmethod
    def of(cells: Sequence[str | None], wanted: Sequence[str | int]) -> "_Header":
        names = [(cell or "").strip() for cell in cells]
        exact: dict[str, list[int]] = {}
        folded: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            exact.setdefault(name, []).append(index)
            folded.setdefault(name.casefold(), []).append(index)
        numbered = (_NTH.fullmatch(one.strip()) for one in wanted if isinstance(one, str))
        known = frozenset(one[1].casefold() for one in numbered if one)
        return _Header(names, exact, folded, known)

    def find(self, source: str | int) -> int | str:
        """Give the index of a source, or say what is wrong with it."""
        if isinstance(source, int):
            if 0 < source <= len(self.names):
                return source - 1
            return f"there is no column {source}"
        name = source.strip()
        number = None
        nth = _NTH.fullmatch(name)
        if nth and name not in self.exact:
            name, number = nth[1], int(nth[2])
        places = self.exact.get(name) or self.folded.get(name.casefold()) or []
        if number is None and len(places) > 1 and name.casefold() in self.counted:
            number = 1
        if number is None and len(places) > 1:
            quoted = shown(name, limit=60)
            return f'there are {len(places)} columns "{quoted}", say which by "{quoted}#1"'
        if len(places) < (number or 1):
            return f'there is no column "{shown(source, limit=60)}"'
        return places[(number or 1) - 1]


def _told(names: Sequence[str]) -> str:
    listed = ", ".join(shown(name, limit=40) or '""' for name in names[:LISTED])
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"the header has {listed}{more}"


def _hint(names: Sequence[str]) -> str:
    """Pure: a header of one column that holds a usual delimiter was cut at the wrong one."""
    for mark, name in ((";", ";"), ("\t", r"\t"), (",", ","), ("|", "|")):
        if len(names) == 1 and mark in names[0]:
            return f'is the delimiter of the file "{name}"?'
    return ""
