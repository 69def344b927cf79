"""
Write the rejected rows of a drop: each file's in its own layout, with `_line` and `_problem`.

Runs in a worker process, once a drop is planned.  Reads the files a second time and picks the
lines that the stage's problems name, so memory holds neither.  The file is named so that the
same descriptor takes it when it is mended and dropped again: `products.csv` of run 12 gives
`products.rejects-12.csv`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from impexd.formats.registry import REJECTERS
from impexd.imports import match
from impexd.imports.stage import Part
from impexd.imports.unpack import File
from impexd.model.descriptor import Descriptor, Format
from impexd.model.limits import Limits
from impexd.store import stage as tables
from impexd.store.staging import Staging

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
        layout = match.layout(descriptors[name], files[member].name)
        if first is None or layout.format not in REJECTERS:
            continue
        target = place.folder / _named(files[member].name, place.run, written, layout.format)
        with target.open("wb") as out:
            rejecter = REJECTERS[layout.format]
            await rejecter(files[member].open, layout, _chained(first, lines), out, limits)
            os.fsync(out.fileno())
        written.append(target.name)
    return written


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def source(name: str) -> str:
    """Pure: what the name of a file of rejects says of its source's name."""
    stem, suffix = _parted(name)
    return f"{stem}.{suffix}" if suffix else stem


def _parted(name: str) -> tuple[str, str]:
    stem, dot, suffix = match.original(match.bare(name)).rpartition(".")
    stem = (stem if dot else name).encode()[:LONGEST].decode("utf-8", "ignore")
    return stem, suffix if dot else ""


def _named(name: str, run: int, taken: Sequence[str], form: Format) -> str:
    """Pure: the rejects file's name; a second descriptor of one file gets a number."""
    stem, suffix = _parted(name)
    suffix = suffix or form.value
    wanted = f"{stem}.rejects-{run}.{suffix}"
    n = 2
    while wanted in taken:
        wanted = f"{stem}.rejects-{run}.{n}.{suffix}"
        n += 1
    return wanted
