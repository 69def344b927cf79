"""
Read CSV: bytes to text, text to proven records, records to cells, cells held against the header.

Takes an opener, because a file that turns out not to be UTF-8 is read from its start again.
"""

from collections.abc import Sequence

from impexd.formats import cells, encoding, records, rows
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import Opener, Table


async def read(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
) -> Table:
    """Read a CSV file as `layout` describes it; a `ports.Reader`."""
    texts = encoding.texts(opener, encoding=layout.encoding, fallback=layout.fallback)
    pieces = records.pieces(texts, layout, limits)
    pages = cells.pages(pieces, layout, limits)
    return await rows.table(pages, layout, wanted, limits)
