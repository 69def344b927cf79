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


Pages = AsyncGenerator[Page | Problem, None]
"""What a format makes of a file: pages, and problems of rows it could make no cells of."""
