"""
Which sheet of a workbook is the table, and where its header stands.

Takes an XLSX file; gives a `Form`.  Rows are read as the import reads them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats.xlsx_book import Book
from impexd.formats.xlsx_package import Package
from impexd.imports.describe import heads
from impexd.imports.describe.form import File, Form
from impexd.model.descriptor import Format
from impexd.model.limits import Limits
from impexd.model.problem import Code

SHEETS = 20
"""Sheets that are looked at for the one with the table."""

FAR = 3
"""How many times as many rows make another sheet than the first one the table."""

Rows = list[tuple[int, list[str]]]


async def look(file: File, limits: Limits) -> Form:
    """Guess where the table of a workbook is; `DataError` if there is none."""
    with Package(file.open, limits) as package:
        names = Book(package, limits).names()[:SHEETS]
    sheets: dict[int, Rows] = {}
    for number in range(1, len(names) + 1):
        with Package(file.open, limits) as package:
            if rows := _first(Book(package, limits), number):
                sheets[number] = rows
    if not sheets:
        raise DataError(Code.EMPTY_FILE, "no sheet of the workbook has a row")
    number = _table(sheets)
    form = _form(sheets[number], number, why=_why(sheets, number))
    for other, rows in sheets.items():
        if other != number and _size(rows) > 1:
            name = shown(names[other - 1], limit=40)
            told = f'sheet {other}, "{name}", has a table as well: a descriptor of its own'
            form = form.noting(told)
    return form


def _table(sheets: Mapping[int, Rows]) -> int:
    """Pure: the first sheet, unless another one has far more of a table in its head."""
    first, best = min(sheets), max(sheets, key=lambda number: _size(sheets[number]))
    return best if _size(sheets[best]) > FAR * _size(sheets[first]) else first


def _size(rows: Rows) -> int:
    """Pure: how many rows have as many cells as most have, if those are several."""
    counts = Counter(sum(map(bool, cells)) for _, cells in rows)
    usual, count = counts.most_common(1)[0]
    return count if usual > 1 else 0


def _why(sheets: Mapping[int, Rows], number: int) -> str:
    before = [one for one in sheets if one < number]
    return "the sheets before it hold no such table" if before else "the sheets before it are empty"


def _first(book: Book, number: int) -> Rows:
    filled = ((line, cells) for line, cells in book.rows(number) if any(cells))
    return list(islice(filled, heads.ROWS))


def _form(rows: Rows, number: int, *, why: str) -> Form:
    form = Form(Format.XLSX)
    if number > 1:
        form = form.saying("sheet", number, why)
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
