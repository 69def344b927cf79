"""Rows as lines of CSV, in the dialect of a layout: what `csv` reads back as the same cells."""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import TextIO

from impexd.model.descriptor import Layout

Write = Callable[[Sequence[str]], object]


def writer(text: TextIO, layout: Layout) -> Write:
    """Give a function that writes a row as the reader takes it."""
    if not layout.quote:
        return lambda cells: text.write(layout.delimiter.join(_bare(cells, layout)) + "\n")
    backslash = layout.escape == "backslash"
    writing = csv.writer(
        text,
        delimiter=layout.delimiter,
        quotechar=layout.quote,
        doublequote=not backslash,
        escapechar="\\" if backslash else None,
        lineterminator="\n",
    )
    return writing.writerow


def line(cells: Sequence[str | None], layout: Layout) -> str:
    """Pure: a row as the text it may have stood as in its file."""
    text = StringIO()
    writer(text, layout)([cell or "" for cell in cells])
    return text.getvalue().removesuffix("\n")


def _bare(cells: Sequence[str], layout: Layout) -> Iterator[str]:
    """Pure: cells that nothing can quote; only what we have added can need it."""
    for cell in cells:
        yield " ".join(cell.replace(layout.delimiter, " ").splitlines())
