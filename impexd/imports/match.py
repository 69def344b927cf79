"""
Descriptors in the group's order x files of the drop, by name.

Pure.  One file may feed several descriptors; a file nobody takes is told, never passed over.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from impexd.model import patterns
from impexd.model.descriptor import Descriptor, Format, Layout

SUFFIXES: Mapping[Format, tuple[str, ...]] = {
    Format.CSV: (".csv", ".tsv", ".txt"),
    Format.XML: (".xml",),
    Format.JSON: (".json",),
    Format.JSONL: (".jsonl", ".ndjson"),
    Format.XLSX: (".xlsx",),
    Format.IMAGE: (".png", ".jpg", ".jpeg", ".gif", ".webp"),
}
"""What a descriptor without `match` takes: every file of its format, by suffix."""

REJECTS = re.compile(r"\.rejects-(\d{1,18})(?:\.\d+)?(?=\.[^.]+(?:\.gz)?$)", re.IGNORECASE)
"""What the name of a file of rejects has more than that of its source."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One file under one descriptor."""

    member: int
    descriptor: str


@dataclass(frozen=True, slots=True)
class Matched:
    """What goes where."""

    taken: tuple[Taken, ...]
    """In the order of loading: descriptor by descriptor, file by file."""
    unmatched: tuple[int, ...]
    """Files that no descriptor takes."""


def plan(files: Sequence[str], descriptors: Mapping[str, Descriptor]) -> Matched:
    """Pure: match file names (of a drop) with descriptors (of a group, in its order)."""
    taken = tuple(
        Taken(member, name)
        for name, descriptor in descriptors.items()
        for member, file in enumerate(files)
        if takes(descriptor, file)
    )
    left = set(range(len(files))) - {one.member for one in taken}
    return Matched(taken, tuple(sorted(left)))


def takes(descriptor: Descriptor, file: str) -> bool:
    """
    Pure: does a descriptor take a file of this name?

    A packed file counts without its `.gz`, and one of rejects as its source.
    """
    layout = descriptor.file
    if layout.match is None:
        return bare(file).lower().endswith(SUFFIXES[layout.format])
    return _found(layout.match, file) is not None


def mended(file: str) -> tuple[str, int] | None:
    """Pure: of a file of rejects that comes back, the name of its source and the run it is from."""
    found = REJECTS.search(file)
    return (file[: found.start()] + file[found.end() :], int(found[1])) if found else None


def layout(descriptor: Descriptor, file: str) -> Layout:
    """Pure: how a file of this name is laid out; one of rejects has no trailer that proves it whole."""
    own = descriptor.file
    if own.trailer is None or mended(file) is None:
        return own
    return own.model_copy(update={"trailer": None})


def original(file: str) -> str:
    """Pure: the name that a file had before it, or those it came from, were rejected."""
    while found := mended(file):
        file = found[0]
    return file


def named(layout: Layout, file: str) -> dict[str, str | None]:
    """Pure: what the named groups of `match` hold of a file's name; None where one is not there."""
    found = None if layout.match is None else _found(layout.match, file)
    return {} if found is None else dict(found.groupdict())


def bare(file: str) -> str:
    """Pure: the name of a file without the `.gz` that packing it has added."""
    return file[:-3] if file.lower().endswith(".gz") else file


def _found(pattern: str, file: str) -> Any:
    expression = patterns.compiled(pattern, case=False)
    names = (bare(file), file, original(file), bare(original(file)))
    return next(filter(None, map(expression.fullmatch, names)), None)
