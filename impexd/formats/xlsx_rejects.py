"""
Write rejected rows of a sheet as a workbook with a sheet at the same place, and two columns more.

Cells are written as text, which is what they are read as.  A cell that was an error stays one, so
that it is not taken for text when it comes back as it was.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from impexd.core.errors import DataError
from impexd.formats.picking import Own, Picking
from impexd.formats.xlsx_book import Book
from impexd.formats.xlsx_cells import Wrong
from impexd.formats.xlsx_package import Package
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import EXTRA, Opener

LONGEST = 32_767
"""Most characters of a cell that spreadsheets take."""


async def write(
    opener: Opener,
    layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of a workbook; a `ports.Rejecter`."""
    picking = Picking(lines)
    import xlsxwriter  # heavy, and a daemon needs it never

    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        sheet = _sheet(book, layout.sheet)
        try:
            with Package(opener, limits) as package:
                for at, cells in enumerate(_picked(package, layout, picking, limits), layout.skip):
                    _write_row(sheet, at, cells)
        except DataError:
            return  # the file ended badly; what could be read of it is written


def _sheet(book: Any, wanted: str | int | None) -> Any:
    """Add the sheet, at its place or under its name, which may be longer than others take."""
    for _ in range((wanted if isinstance(wanted, int) else 1) - 1):
        book.add_worksheet()
    sheet = book.add_worksheet()
    if isinstance(wanted, str):
        sheet.name = wanted
    return sheet


def _picked(
    package: Package, layout: Layout, picking: Picking, limits: Limits
) -> Iterator[list[str]]:
    """Give the header and the rows that are picked, with the two columns."""
    own: Own | None = None
    for number, cells in Book(package, limits).rows(layout.sheet):
        if number <= layout.skip or not any(cells):
            continue
        if own is None:
            own, width = Own(cells, layout), len(cells)
            if layout.header:
                yield [*own.of(cells), *EXTRA]
                continue
        if (problem := picking.problem(number)) is not None:
            full = [*cells, *[""] * (width - len(cells))]  # a sheet keeps no empty cells
            yield [*own.of(full), str(number), problem]
        if picking.done:
            return


def _write_row(sheet: Any, at: int, cells: Sequence[str]) -> None:
    cut = False
    for column, cell in enumerate(cells):
        if isinstance(cell, Wrong) and not _is_number(cell):
            sheet.write_formula(at, column, "=NA()", None, "#N/A")
        elif cell:
            cut = cut or len(cell) > LONGEST
            more = "; a longer cell is cut off" if cut and column == len(cells) - 1 else ""
            sheet.write_string(at, column, cell[: LONGEST - len(more)] + more)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
