"""
Which format is a file, and how is it laid out?

Told from its bytes, as the import does it: a name that says otherwise is no help.
"""

import codecs
import re
from collections.abc import Awaitable, Callable

from impexd.core.errors import DataError
from impexd.formats import gzip, magic
from impexd.formats.magic import Kind
from impexd.imports.describe import grid, json_tree, sheet, workbook, xml_tree
from impexd.imports.describe.form import File, Form
from impexd.imports.describe.sheet import Sheet
from impexd.model.limits import Limits
from impexd.model.problem import Code
from impexd.ports import Opener

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

_JSON = re.compile(rb"\{\s*[\"}]|\[\s*[\[{\]]")

Look = Callable[[File, Limits], Awaitable[Form]]


def opened(name: str, size: int, opener: Opener, limits: Limits) -> File:
    """Give a file of a sample, unpacked if it is packed by gzip."""
    with opener() as stream:
        packed = magic.sniff(stream.read(64)) is Kind.GZIP
    if not packed:
        return File(name, size, opener)
    bare = name[:-3] if name.lower().endswith(".gz") else name
    return File(bare, size, gzip.unpacked(opener, limits))


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
    match magic.sniff(head):
        case Kind.ZIP:
            return workbook.look
        case Kind.XML:
            return xml_tree.look
        case _:
            return json_tree.look if _begins_json(head) else grid.look


def _begins_json(head: bytes) -> bool:
    """Pure: does it begin with an object or a list?  A header of CSV may begin with neither."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return _begins_json(head[2:].decode(name, "ignore").encode())
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    return bool(_JSON.match(text))
