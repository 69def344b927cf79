"""
Which sheet of a workbook is the table, and where its header stands.

Takes an XLSX file; gives a `Form`.  Rows are read as the import reads them.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from impexd.core.errors import DataError
from impexd.formats.xlsx_book import Book
from impexd.formats.xlsx_package import Package
from impexd.imports.describe import heads
from impexd.imports.describe.form import File, Form
from impexd.model.descriptor import Format
from impexd.model.limits import Limits
from impexd.model.problem import Code

SHEETS = 20
"""Sheets that are looked at for the first one with a table."""

Rows = list[tuple[int, list[str]]]


async def look(file: File, limits: Limits) -> Form:
    """Guess where the table of a workbook is; `DataError` if there is none."""
    for number in range(1, SHEETS + 1):
        try:
            with Package(file.open, limits) as package:
                rows = _first(Book(package, limits), number)
        except DataError as error:
            if number > 1 and error.code == Code.BAD_STRUCTURE:
                break  # there are no more sheets
            raise
        if rows:
            return _form(rows, number)
    raise DataError(Code.EMPTY_FILE, "no sheet of the workbook has a row")


def _first(book: Book, number: int) -> Rows:
    filled = ((line, cells) for line, cells in book.rows(number) if any(cells))
    return list(islice(filled, heads.ROWS))


def _form(rows: Rows, number: int) -> Form:
    form = Form(Format.XLSX)
    if number > 1:
        form = form.saying("sheet", number, "the sheets before it are empty")
    titles = _titles([cells for _, cells in rows])
    if titles:
        why = "these rows stand before the table and have one cell"
        form = form.saying("skip", rows[titles][0] - 1, why)
    (_, first), *below = rows[titles:]
    named, why = heads.is_header([cell.strip() for cell in first], [cells for _, cells in below])
    if named:
        return form.because("header", why)
    return form.saying("header", False, why)


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """Pure: how many rows stand before the table."""
    counts = [sum(map(bool, cells)) for cells in rows]
    usual = Counter(counts).most_common(1)[0][0]
    if usual < 2:
        return 0
    return next((n for n, count in enumerate(counts) if count > 1), 0)
