"""
Write the rejected rows of a drop: each file's in its own layout, with `_line` and `_problem`.

Runs in a worker process, once a drop is planned.  Reads the files a second time and picks the
lines that the stage's problems name, so memory holds neither.  The file is named so that the
same descriptor takes it when it is mended and dropped again: `products.csv` of run 12 gives
`products.rejects-12.csv`.
"""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import groupby
from pathlib import Path
from typing import Any

from impexd.core.errors import DataError
from impexd.formats.registry import READERS
from impexd.imports.stage import Part
from impexd.imports.unpack import File
from impexd.model.descriptor import Descriptor, Format
from impexd.model.limits import Limits
from impexd.store import stage as tables
from impexd.store.staging import Staging

EXTRA = ("_line", "_problem")
"""Columns a rejects file has more than its source; known, and passed over, when it comes back."""

LONGEST = 180
"""Most bytes of a source's stem that a rejects file keeps of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where rejects files are written."""

    folder: Path
    run: int


async def write(
    db: Staging,
    files: Sequence[File],
    parts: Sequence[Part],
    descriptors: Mapping[str, Descriptor],
    limits: Limits,
    place: Place,
) -> list[str]:
    """Write all rejects files, durably; gives their names."""
    written: list[str] = []
    mine = [part for part in parts if not part.failed]
    for (member, name), group in groupby(mine, lambda p: (p.member, p.form.descriptor)):
        numbers = [part.n for part in group]
        lines = db.each(tables.rejected_lines(numbers, db.names))
        first = next(lines, None)
        descriptor = descriptors[name]
        if first is None or descriptor.file.format is not Format.CSV:
            continue
        target = place.folder / _named(files[member].name, place.run, written)
        with target.open("wb") as out:
            await _copy(files[member], descriptor, limits, _chained(first, lines), out)
            os.fsync(out.fileno())
        written.append(target.name)
    return written


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _named(name: str, run: int, taken: Sequence[str]) -> str:
    """Pure: the rejects file's name; a second descriptor of one file gets a number."""
    stem, dot, suffix = name.rpartition(".")
    stem = (stem if dot else name).encode()[:LONGEST].decode("utf-8", "ignore")
    suffix = suffix if dot else "csv"
    wanted = f"{stem}.rejects-{run}.{suffix}"
    n = 2
    while wanted in taken:
        wanted = f"{stem}.rejects-{run}.{n}.{suffix}"
        n += 1
    return wanted


async def _copy(
    file: File,
    descriptor: Descriptor,
    limits: Limits,
    lines: Iterator[tuple[int, str]],
    out: Any,
) -> None:
    layout = descriptor.file
    table = await READERS[layout.format](file.open, layout, (), limits)
    text = TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.writer(
        text,
        delimiter=layout.delimiter,
        quotechar=layout.quote or None,
        quoting=csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
        escapechar=None if layout.quote else "\\",
        lineterminator="\n",
    )
    if layout.header:
        writer.writerow([*table.names, *EXTRA])
    wanted = next(lines, None)
    try:
        async for batch in table.batches:
            for line, cells in sorted([*batch.rows, *batch.broken], key=lambda row: row[0]):
                while wanted is not None and wanted[0] < line:
                    wanted = next(lines, None)
                if wanted is not None and wanted[0] == line:
                    padded = [*cells, *[""] * (len(table.names) - len(cells))]
                    writer.writerow([*padded, line, wanted[1]])
                    wanted = next(lines, None)
    except DataError:
        return  # the file ended badly; what could be read of it is written
    finally:
        text.flush()
        text.detach()
