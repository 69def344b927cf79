"""
The last row of a file, where it is no data but says that the file is whole.

Takes pages of rows and the descriptor's `trailer`, an RE2 expression that the first cell of the
last row has to match as a whole; gives the pages without that row.  A `rows` group of the
expression says how many rows there were, those that are rejected included.
"""

from contextlib import aclosing

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats.page import Malformed, Page, Pages
from impexd.model import patterns
from impexd.model.problem import Code
from impexd.ports import Row


async def without(pages: Pages, pattern: str) -> Pages:
    """Hold the last row back and check it; raises `DataError` at the end if it is no trailer."""
    held: list[Row] = []
    count, suspect = 0, False
    async with aclosing(pages):
        async for page in pages:
            if isinstance(page, Malformed):
                yield Page(held, suspect)
                yield page
                count, held = count + len(held) + 1, []
                continue
            rows = held + page.rows
            held = [rows.pop()]
            count += len(rows)
            yield Page(rows, suspect or page.suspect)
            suspect = page.suspect
    _check(held, pattern, count)


def _check(last: list[Row], pattern: str, count: int) -> None:
    """Pure: is this row a trailer, and does it count right?  A malformed row is none."""
    line, cells = last[0] if last else (None, [])
    text = (cells[0] or "").strip() if cells else ""
    expression = patterns.compiled(pattern)
    found = expression.fullmatch(text)
    if not found:
        what = f"the last row is no trailer: {shown(pattern)} does not match it"
        raise DataError(Code.BAD_TRAILER, what, line=line, cell=shown(text))
    said = found.group("rows") if "rows" in expression.groupindex else None
    if said is not None and said.strip().lstrip("0") != str(count).lstrip("0"):
        what = f"the trailer says {shown(said, limit=40)} rows, there are {count}"
        raise DataError(Code.BAD_TRAILER, what, line=line, cell=shown(text))
