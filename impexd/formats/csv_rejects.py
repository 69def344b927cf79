"""
Write rejected rows of CSV as CSV of the same dialect, with two columns more.

In UTF-8 whatever the source was in; a byte order mark says so where the descriptor has another
encoding.  A row that is not as wide as the header stays so, and one that no cells could be made of
is one cell: nothing of them is lost, and they are rejected again until they are mended.
"""

from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.formats import csv as source
from impexd.formats import csv_line
from impexd.formats.picking import Own, Picking
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import EXTRA, Batch, Opener


async def write(
    opener: Opener,
    layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of a CSV file; a `ports.Rejecter`."""
    table = await source.read(opener, layout, (), limits)
    own = Own(table.names, layout)
    encoding = "utf-8" if layout.encoding is None else "utf-8-sig"
    text = TextIOWrapper(out, encoding, newline="", write_through=True)
    try:
        text.write("\n" * layout.skip)
        row = csv_line.writer(text, layout)
        if layout.header:
            row([*own.of(table.names), *EXTRA])
        wanted = Picking(lines)
        async for batch in table.batches:
            for line, cells in _all(batch):
                if (problem := wanted.problem(line)) is not None:
                    mine = [cells] if isinstance(cells, str) else own.of(cells)
                    row([*_fitted(mine, own, layout), str(line), problem])
    except DataError:
        return  # the file ended badly; what could be read of it is written
    finally:
        text.flush()
        text.detach()


def _all(batch: Batch) -> list[tuple[int, list[str | None] | str]]:
    """Pure: everything of a batch in the order of the file; text where there are no cells."""
    found: list[tuple[int, list[str | None] | str]] = [*batch.rows, *batch.broken, *batch.torn]
    return sorted(found, key=lambda row: row[0])


def _fitted(cells: list[str], own: Own, layout: Layout) -> list[str]:
    """
    Pure: a row as it may stand in a file whose first row says how wide all are to be.

    Where there is no header, a row that is not as wide as the others becomes one cell.
    """
    if layout.header or not layout.quote or len(cells) == own.width:
        return cells
    text = csv_line.line(cells, layout) if len(cells) > 1 else cells[0]
    return [text, *[""] * (own.width - 1)]
