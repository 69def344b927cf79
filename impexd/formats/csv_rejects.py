"""
Write rejected rows of CSV as CSV of the same dialect, with two columns more.

In UTF-8 whatever the source was in; a byte order mark says so where the descriptor has another
encoding.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import TextIOWrapper
from typing import BinaryIO, TextIO

from impexd.core.errors import DataError
from impexd.formats import csv as source
from impexd.formats.picking import Picking
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import EXTRA, Opener

Write = Callable[[Sequence[str]], object]


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
    kept = [at for at, name in enumerate(table.names) if not layout.header or name not in EXTRA]
    encoding = "utf-8" if layout.encoding is None else "utf-8-sig"
    text = TextIOWrapper(out, encoding, newline="", write_through=True)
    try:
        text.write("\n" * layout.skip)
        row = _writer(text, layout)
        if layout.header:
            row([*(table.names[at] for at in kept), *EXTRA])
        picking = Picking(lines)
        async for batch in table.batches:
            for line, cells in sorted([*batch.rows, *batch.broken], key=lambda row: row[0]):
                if (problem := picking.problem(line)) is not None:
                    mine = [cells[at] or "" if at < len(cells) else "" for at in kept]
                    row([*mine, str(line), problem])
    except DataError:
        return  # the file ended badly; what could be read of it is written
    finally:
        text.flush()
        text.detach()


def _writer(text: TextIO, layout: Layout) -> Write:
    """Give a function that writes a row as the reader takes it."""
    if not layout.quote:
        return lambda cells: text.write(layout.delimiter.join(_bare(cells, layout)) + "\n")
    backslash = layout.escape == "backslash"
    writer = csv.writer(
        text,
        delimiter=layout.delimiter,
        quotechar=layout.quote,
        doublequote=not backslash,
        escapechar="\\" if backslash else None,
        lineterminator="\n",
    )
    return writer.writerow


def _bare(cells: Sequence[str], layout: Layout) -> Iterator[str]:
    """Pure: cells that nothing can quote; only what we have added can need it."""
    for cell in cells:
        yield " ".join(cell.replace(layout.delimiter, " ").splitlines())
