"""Pick the rejected rows of a file out of all its rows, in one pass over both."""

from collections.abc import Iterator, Sequence

from impexd.model.descriptor import Layout
from impexd.ports import EXTRA


class Own:
    """Which cells are a row's own, where a file of rejects is read to write another."""

    def __init__(self, names: Sequence[str | None], layout: Layout) -> None:
        named = [(name or "").strip() if layout.header else "" for name in names]
        self._all = len(named)
        self._kept = [at for at, name in enumerate(named) if name not in EXTRA]
        self.width = len(self._kept)

    def of(self, cells: Sequence[str | None]) -> list[str]:
        """
        Give the cells of a row but for line and problem; all it has, if it is too short or long.

        Such a row of a file of rejects has them at its end.
        """
        if len(cells) == self._all:
            return ["" if (cell := cells[at]) is None else cell for at in self._kept]
        added = self.width < self._all and len(cells) > len(EXTRA)
        if added and (cells[-len(EXTRA)] or "").isdecimal():
            cells = cells[: -len(EXTRA)]
        return ["" if cell is None else cell for cell in cells]


class Picking:
    """Lines that are wanted, each with the problem of its row; both rise."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self._next = next(lines, None)

    @property
    def done(self) -> bool:
        """Are there no more of them?"""
        return self._next is None

    def problem(self, line: int) -> str | None:
        """Give the problem of the row on this line, None if it is not wanted."""
        while self._next is not None and self._next[0] < line:
            self._next = next(self._lines, None)
        if self._next is None or self._next[0] != line:
            return None
        _, problem = self._next
        self._next = next(self._lines, None)
        return problem
