"""
Which format is a file, and how is it laid out?

Told from its bytes, as the import does it: a name that says otherwise is no help.
"""

import codecs
from collections.abc import Awaitable, Callable

from impexd.core.errors import DataError
from impexd.formats import magic
from impexd.formats.magic import Kind
from impexd.imports.describe import grid, sheet
from impexd.imports.describe.form import File, Form
from impexd.imports.describe.sheet import Sheet
from impexd.model.limits import Limits
from impexd.model.problem import Code

FOREIGN = (
    (b"%PDF", "a PDF", "PDF is for people; ask for the table as CSV or XLSX"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "save it as .xlsx or .csv"),
    (b"\x89PNG", "a picture", "pictures need no descriptor of rows"),
    (b"\xff\xd8\xff", "a picture", "pictures need no descriptor of rows"),
    (b"GIF8", "a picture", "pictures need no descriptor of rows"),
    (b"SQLite format 3", "a database", "export its tables as CSV"),
    (b"7z\xbc\xaf", "a 7z archive", "pack it as zip"),
    (b"Rar!", "a RAR archive", "pack it as zip"),
)
"""First bytes of what people send instead of a table."""

Look = Callable[[File, Limits], Awaitable[Form]]


async def sampled(file: File, limits: Limits) -> Sheet:
    """Sample a file; `DataError` if it cannot be read, or nobody could."""
    with file.open() as stream:
        head = stream.read(4096)
    if not head:
        raise DataError(Code.EMPTY_FILE, "the file is empty")
    for mark, what, hint in FOREIGN:
        if head.startswith(mark):
            raise DataError(Code.TYPE_MISMATCH, f"the file is {what}", hint=hint)
    form = await _looker(head)(file, limits)
    return await sheet.read(file, form, limits)


def _looker(head: bytes) -> Look:
    return grid.look
