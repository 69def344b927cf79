"""
Rows held against their header: the common end of every format of rows.

Takes pages of numbered rows; gives a `Table`: the wanted columns found, and batches of rows that
are as wide as the header.  A row that is not, or that holds what is no text, becomes one problem.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from impexd.core.errors import DataError
from impexd.formats import csv_line, header, trailer
from impexd.formats.page import NULS, Malformed, Page, Pages
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem, about
from impexd.ports import BATCH, EXTRA, Batch, Row, Table


async def table(pages: Pages, layout: Layout, wanted: Sequence[str | int], limits: Limits) -> Table:
    """
    Read as far as the header, or the first row of a file without one, and find what is wanted.

    Raises `DataError`: `missing_header`, `bad_header`; the iteration: `too_many_rows`,
    `bad_trailer`, `bad_data` for a row of NULs, and whatever the pages raise.
    """
    try:
        start, first = await _start(pages, layout)
        line, cells = first.rows[0]
        _refuse_nuls(line, cells)
        if layout.header:
            names = tuple(cell or "" for cell in cells)
            positions = header.positions(cells, wanted, limits, line=line)
            below = first.rows[1:]
            start = [Page(below, first.suspect)] if below else []
        else:
            names = tuple(map(str, range(1, len(cells) + 1)))
            positions = header.counted(len(cells), wanted, limits, line=line)
    except BaseException:
        await pages.aclose()
        raise
    rest = _chained(start, pages)
    if layout.trailer is not None:
        rest = trailer.without(rest, layout.trailer)
    return Table(names, positions, _batches(rest, _Judge(names, layout, limits)))


async def _start(pages: Pages, layout: Layout) -> tuple[list[Page | Malformed], Page]:
    """Read up to the first page that has rows; a header that is malformed is none."""
    start: list[Page | Malformed] = []
    async for page in pages:
        start.append(page)
        if isinstance(page, Page):
            return start, page
        if layout.header:
            told = page.problem
            what = f"the header cannot be read: {told.message}"
            raise DataError(Code.BAD_HEADER, what, line=told.line, cell=told.cell)
    if layout.header:
        raise DataError(Code.MISSING_HEADER, "the file has no header, nor any other row")
    for page in start:
        if isinstance(page, Malformed):
            told = page.problem
            raise DataError(Code.MALFORMED, told.message, line=told.line, cell=told.cell)
    raise DataError(Code.EMPTY_FILE, "there is not one row in the file")


async def _chained(start: list[Page | Malformed], pages: Pages) -> Pages:
    async with aclosing(pages):
        for page in start:
            yield page
        start.clear()
        async for page in pages:
            yield page


async def _batches(pages: Pages, judge: "_Judge") -> AsyncGenerator[Batch, None]:
    async with aclosing(pages):
        async for page in pages:
            for batch in judge.batches(page):
                yield batch


class _Judge:
    """Says of each row whether it is as the header promises."""

    def __init__(self, names: Sequence[str], layout: Layout, limits: Limits) -> None:
        self._names = names
        self._width = len(names)
        self._fair = {self._width}
        # A row of rejects that is not as wide as its header has not been mended yet.
        exact = layout.header and set(EXTRA) <= {name.strip() for name in names}
        self._short: str = "reject" if exact else layout.short
        self._long: str = "reject" if exact else layout.long
        self._layout = layout
        self._limits = limits
        self._count = 0

    def batches(self, page: Page | Malformed) -> Iterator[Batch]:
        """Judge a page, in batches."""
        if isinstance(page, Malformed):
            told = page.problem
            self._counted(1, told.line)
            yield Batch([], [told], torn=[(told.line or 0, page.text)])
            return
        for at in range(0, len(page.rows), BATCH):
            rows = page.rows[at : at + BATCH]
            self._counted(len(rows), rows[-1][0])
            if not page.suspect and {len(cells) for _, cells in rows} == self._fair:
                yield Batch(rows, [])
            else:
                yield self._judged(rows)

    def _counted(self, rows: int, line: int | None) -> None:
        self._count += rows
        if self._count > self._limits.rows:
            what = f"the file has more than {self._limits.rows} rows"
            raise DataError(Code.TOO_MANY_ROWS, what, line=line)

    def _judged(self, rows: list[Row]) -> Batch:
        batch = Batch([], [])
        for line, cells in rows:
            if (problem := self._problem(line, cells)) is None:
                batch.rows.append((line, self._fitted(cells)))
                continue
            batch.problems.append(problem)
            if len(cells) <= self._limits.columns:
                batch.broken.append((line, cells))
            else:  # a million cells are a hundred times as large as their text
                batch.torn.append((line, csv_line.line(cells, self._layout)))
        return batch

    def _problem(self, line: int, cells: list[str | None]) -> Problem | None:
        """Say the first thing that is wrong with a row, None if nothing is."""
        _refuse_nuls(line, cells)
        width, layout = len(cells), self._layout
        if width > self._limits.columns:
            what = f"this row has {width} cells, {self._limits.columns} are taken"
            return about(Code.RAGGED_ROW, what, line=line)
        if (width < self._width and self._short == "reject") or (
            width > self._width and self._long == "reject"
        ):
            other = "the header" if layout.header else "the first row"
            what = f"this row has {width} cells, {other} {self._width}"
            return about(Code.RAGGED_ROW, what, line=line)
        for name, cell in zip(self._names, cells, strict=False):
            if cell and "\0" in cell:
                what = "a NUL character is no text"
                return about(Code.BAD_VALUE, what, line=line, column=name.strip(), cell=cell)
            if cell and len(cell) > self._limits.field:
                what = f"the cell has {len(cell)} characters, {self._limits.field} are taken"
                return about(Code.VALUE_TOO_LONG, what, line=line, column=name.strip(), cell=cell)
        return None

    def _fitted(self, cells: list[str | None]) -> list[str | None]:
        """Pad or cut a row to the width of the header."""
        if len(cells) == self._width:
            return cells
        return cells[: self._width] + [""] * (self._width - len(cells))


def _refuse_nuls(line: int, cells: list[str | None]) -> None:
    if any(cells) and not "".join(cell or "" for cell in cells).strip("\0"):
        raise DataError(Code.BAD_DATA, NULS, line=line)
