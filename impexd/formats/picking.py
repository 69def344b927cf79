"""Pick the rejected rows of a file out of all its rows, in one pass over both."""

from collections.abc import Iterator


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
