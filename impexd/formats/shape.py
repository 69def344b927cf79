"""
What a file is to be written from: the cells of a record, and the records inside it.

A writer gets an open file, a shape, the layout and the records, some at a time; each is a tuple of
texts, whole numbers and None in the order of the shape's cells, followed by a list of such tuples
for each nest.  It raises `DataError` for what its format cannot hold.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, Protocol

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.export import Output
from impexd.model.problem import Code

Values = tuple[Any, ...]
Records = list[Values]


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a record."""

    to: str
    kind: Literal["text", "number", "boolean", "json"] = "text"
    """What formats that tell one from another take it for; numbers may come as canonical text."""


@dataclass(frozen=True, slots=True)
class Nest:
    """Records inside a record."""

    to: str
    cells: tuple[Cell, ...]
    nests: "tuple[Nest, ...]" = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A record."""

    cells: tuple[Cell, ...]
    nests: tuple[Nest, ...] = ()


class Writer(Protocol):
    """Writes one format; it MUST NOT hold more than some records in memory."""

    def __call__(
        self,
        out: BinaryIO,
        shape: Shape,
        layout: Output,
        records: Iterator[Records],
        about: Mapping[str, Any],
        /,
    ) -> None:
        """Write all records; `about` says of the export what a template may want to know."""
        ...


_NTH = re.compile(r"(.+)#([2-9]|[1-9][0-9]{1,3})", re.DOTALL)


def header(cells: Sequence[Cell]) -> list[str]:
    """
    Pure: what stands above the cells of a grid.

    `EN#2` is the second column called `EN`, as in the descriptor that reads such a file; where
    there is no first one it is a name like any other.
    """
    names: list[str] = []
    for cell in cells:
        nth = _NTH.fullmatch(cell.to)
        again = nth is not None and names.count(nth[1]) == int(nth[2]) - 1
        names.append(nth[1] if nth is not None and again else cell.to)
    return names


def unwritable(what: str, sample: str) -> DataError:
    """Pure: say that a value cannot be written."""
    hint = 'unwritable = "replace" under [file] writes `?` instead'
    return DataError(Code.UNWRITABLE, f"{what}: {shown(sample, limit=80)}", hint=hint)
