"""
Cells from proven CSV text, by aiocsv.

Takes segments of whole, well-formed records; gives pages of numbered rows, blank lines left out.

Each segment gets a parser of its own and is handed to it in one piece.  Lines are counted here
and not by the parser, which counts a blank line after a lone CR twice.
"""

import csv
import sys
from collections.abc import Iterator
from typing import Any

from aiocsv import AsyncReader

from impexd.formats import records
from impexd.formats.encoding import lines
from impexd.formats.page import Malformed, Page, Pages
from impexd.formats.records import Segment
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import Row


async def pages(pieces: Iterator[Segment | Malformed], layout: Layout, limits: Limits) -> Pages:
    """Parse segments into pages; malformed rows are passed on as they come."""
    for piece in pieces:
        if isinstance(piece, Malformed):
            yield piece
            continue
        cells = [row async for row in _parser(piece.text, layout)]
        if records.QUOTE in piece.text or records.BACKSLASH in piece.text:
            cells = [[records.unmarked(cell, layout.quote) for cell in row] for row in cells]
        rows = _numbered(cells, piece)
        if min(map(len, cells)) < 2:
            rows = [row for row in rows if not _blank(row[1])]
        if rows:
            yield Page(rows, suspect="\0" in piece.text or len(piece.text) > limits.field)


class _Text:
    """A file that gives all it has at the first read."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def read(self, _size: int) -> str:
        text, self._text = self._text, ""
        return text


class _Rows(AsyncReader):
    """An `AsyncReader` that is iterated in C: its own `__anext__` costs a coroutine for each row."""

    def __aiter__(self) -> Any:
        return self._parser.__aiter__()


def _parser(text: str, layout: Layout) -> _Rows:
    """Make a strict parser; cells of any length, `rows` judges that."""
    limit = csv.field_size_limit(sys.maxsize)  # of the whole process, so it is put back at once
    try:
        return _Rows(
            _Text(text),
            delimiter=layout.delimiter,
            quotechar=layout.quote or None,
            quoting=csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
            doublequote=True,
            strict=True,
        )
    finally:
        csv.field_size_limit(limit)


def _numbered(cells: list[list[Any]], segment: Segment) -> list[Row]:
    """Pure: give each row the physical line it starts on."""
    if len(cells) == segment.lines:  # each row ends a line, so no cell can
        return list(zip(range(segment.line, segment.line + segment.lines), cells, strict=True))
    rows: list[Row] = []
    line = segment.line
    for row in cells:
        rows.append((line, row))
        line += 1
        whole = "".join(row)
        if "\n" in whole or "\r" in whole:
            line += sum(map(lines, row))  # cell by cell: CR and LF of two cells are no CR LF
    return rows


def _blank(row: list[str | None]) -> bool:
    """Pure: is this a line with nothing but white space on it?"""
    return not row or (len(row) == 1 and not (row[0] or "").strip())
