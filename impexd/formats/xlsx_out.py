"""Records as an XLSX workbook of one sheet, row by row."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from impexd.core.errors import DataError
from impexd.formats.shape import Records, Shape, header, unwritable
from impexd.model.export import Output
from impexd.model.problem import Code

ROWS = 1_048_576
"""Rows of a sheet, by the format."""
CHARACTERS = 32_767
"""Characters of a cell, by the format."""
EXACT = 15
"""Digits of a number that a spreadsheet keeps; longer ones are written as text."""

_OPTIONS = {
    "constant_memory": True,
    "strings_to_numbers": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "tmpdir": ".",
}


def write(
    out: BinaryIO,
    shape: Shape,
    layout: Output,
    records: Iterator[Records],
    _about: Mapping[str, Any],
    /,
) -> None:
    """Write all records."""
    import xlsxwriter

    book = xlsxwriter.Workbook(out, _OPTIONS)
    sheet = book.add_worksheet(layout.sheet)
    at = 0
    if layout.header:
        for n, name in enumerate(header(shape.cells)):
            sheet.write_string(at, n, name)
        at += 1
    numbers = [cell.kind == "number" for cell in shape.cells]
    for some in records:
        if at + len(some) > ROWS:
            what = f"a sheet has {ROWS:,} rows, and there are more records"
            raise DataError(Code.TOO_MANY_ROWS, what, hint="filter them, or write CSV")
        for record in some:
            for n, value in enumerate(record):
                if value is None:
                    continue
                if numbers[n] and _exact(str(value)):
                    sheet.write_number(at, n, float(value))
                else:
                    sheet.write_string(at, n, _fitting(str(value)))
            at += 1
    book.close()


def _exact(text: str) -> bool:
    """Pure: does a spreadsheet keep this number as it is?"""
    return sum(map(str.isdigit, text)) <= EXACT


def _fitting(text: str) -> str:
    if len(text) > CHARACTERS:
        raise unwritable(f"a cell holds {CHARACTERS:,} characters, and a text has more", text)
    return text
