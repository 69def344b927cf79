"""
Descriptors in the group's order x files of the drop, by name.

Pure.  One file may feed several descriptors; a file nobody takes is told, never passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import re2

from impexd.model.descriptor import Descriptor, Format

SUFFIXES: Mapping[Format, tuple[str, ...]] = {
    Format.CSV: (".csv", ".tsv", ".txt"),
    Format.XML: (".xml",),
    Format.JSON: (".json",),
    Format.JSONL: (".jsonl", ".ndjson"),
    Format.XLSX: (".xlsx",),
    Format.IMAGE: (".png", ".jpg", ".jpeg", ".gif", ".webp"),
}
"""What a descriptor without `match` takes: every file of its format, by suffix."""


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
    """Pure: does a descriptor take a file of this name?  A packed file counts without its `.gz`."""
    name = file[:-3] if file.lower().endswith(".gz") else file
    layout = descriptor.file
    if layout.match is None:
        return name.lower().endswith(SUFFIXES[layout.format])
    expression = re2.compile(f"(?i:{layout.match})")
    return bool(expression.fullmatch(name) or expression.fullmatch(file))
