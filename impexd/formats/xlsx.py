"""
Read XLSX: one sheet of a workbook, as a file of rows.

Lines are the row numbers of the sheet.  Empty rows are passed over, and cells that are empty at
the end of a row are as wide as the header: a sheet does not keep them.  `skip` counts rows.
"""

from collections.abc import AsyncGenerator, Sequence

from impexd.formats import rows
from impexd.formats.page import Page, Pages
from impexd.formats.xlsx_book import Book
from impexd.formats.xlsx_cells import Wrong, letters
from impexd.formats.xlsx_package import Package
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem, about
from impexd.ports import BATCH, Batch, Opener, Row, Table


async def read(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
) -> Table:
    """Read a sheet as `layout` describes it; a `ports.Reader`."""
    pages = _pages(opener, layout, wanted, limits)
    table = await rows.table(pages, layout, wanted, limits)
    names = table.names if layout.header else tuple(map(letters, range(len(table.names))))
    return Table(table.names, table.positions, _judged(table, names))


async def _pages(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits
) -> Pages:
    width = 0
    if not layout.header:
        width = max((one for one in wanted if isinstance(one, int)), default=0)
    page: list[Row] = []
    size = 0
    with Package(opener, limits) as package:
        for number, cells in Book(package, limits).rows(layout.sheet):
            if number <= layout.skip or not any(cells):
                continue
            width = width or len(cells)
            if len(cells) < width:
                cells = cells + [""] * (width - len(cells))
            page.append((number, list(cells)))
            size += sum(map(len, cells))
            if len(page) == BATCH or size > limits.field:
                yield Page(page, suspect=size > limits.field)
                page, size = [], 0
    if page:
        yield Page(page, suspect=False)


async def _judged(table: Table, names: Sequence[str]) -> AsyncGenerator[Batch, None]:
    """Reject rows of which a cell that is wanted has no value."""
    wanted = sorted(set(table.positions.values()))
    async for batch in table.batches:
        kept = []
        problems = list(batch.problems)
        for row in batch.rows:
            problem = _problem(row, wanted, names)
            if problem is None:
                kept.append(row)
            else:
                problems.append(problem)
        yield Batch(kept, problems, batch.broken, batch.torn)


def _problem(row: Row, wanted: Sequence[int], names: Sequence[str]) -> Problem | None:
    line, cells = row
    for at in wanted:
        cell = cells[at]
        if isinstance(cell, Wrong):
            return about(Code.BAD_VALUE, cell.why, line=line, column=names[at].strip(), cell=cell)
    return None
