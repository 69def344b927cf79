"""A page: some rows as a format found them, before they are held against the header."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from impexd.model.problem import Problem
from impexd.ports import Row

NULS = "a row is nothing but NUL characters, as a crash leaves them at the end of an upload"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of the file."""

    rows: list[Row]
    suspect: bool
    """May a cell hold a NUL or be over the limit?  If not, nobody needs to look at each."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that no cells could be made of."""

    problem: Problem
    text: str
    """All of it, as it stands in the file."""


Pages = AsyncGenerator[Page | Malformed, None]
"""What a format makes of a file: pages, and rows it could make no cells of."""
