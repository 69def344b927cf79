"""Read bytes as CSV and collect everything, for the tests of this room."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from impexd.formats import csv
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Problem
from impexd.ports import BATCH, Row


@dataclass
class Read:
    """All that came of a file."""

    names: tuple[str, ...]
    positions: dict[Any, int]
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    broken: list[Row] = field(default_factory=list)

    @property
    def cells(self) -> list[list[str | None]]:
        """The cells alone."""
        return [cells for _, cells in self.rows]

    @property
    def faults(self) -> list[tuple[int | None, str]]:
        """Line and code of each problem."""
        return [(problem.line, problem.code) for problem in self.problems]


class Drips(io.BytesIO):
    """A stream that gives at most so many bytes a read."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


async def read(
    data: bytes | str,
    wanted: Sequence[str | int] = (),
    *,
    limits: Limits | None = None,
    drips: int = 1 << 30,
    **layout: Any,
) -> Read:
    """Read a file whole; lines rise from batch to batch."""
    raw = data.encode() if isinstance(data, str) else data
    table = await csv.read(lambda: Drips(raw, drips), Layout(**layout), wanted, limits or Limits())
    out = Read(table.names, dict(table.positions))
    last = 0
    async for batch in table.batches:
        assert len(batch.rows) <= BATCH and len(batch.problems) <= BATCH
        lines = [line for line, _ in batch.rows] + [one.line or 0 for one in batch.problems]
        assert not lines or min(lines) > last
        last = max(lines, default=last)
        out.rows += batch.rows
        out.problems += batch.problems
        out.broken += batch.broken
    return out
