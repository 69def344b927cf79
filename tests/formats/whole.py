"""Read a file of any format whole, and write its rejects, for the tests of this room."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from impexd.core.errors import DataError
from impexd.formats.registry import READERS, REJECTERS
from impexd.model.descriptor import Format, Layout
from impexd.model.limits import Limits
from impexd.ports import BATCH
from tests.formats.reading import Drips, Read

FRONT = 5000
"""More bytes than are looked at before a file is read in drips."""


async def read(
    form: Format,
    data: bytes | str,
    wanted: Sequence[str | int] = (),
    *,
    limits: Limits | None = None,
    drips: int = 1 << 30,
    **layout: Any,
) -> Read:
    """Read all rows; lines rise from row to row, and from batch to batch."""
    raw = data.encode() if isinstance(data, str) else data
    table = await READERS[form](
        lambda: Drips(raw, drips), Layout(format=form, **layout), wanted, limits or Limits()
    )
    out = Read(table.names, dict(table.positions))
    last = 0
    async for batch in table.batches:
        assert len(batch.rows) <= BATCH and len(batch.problems) <= BATCH
        lines = [line for line, _ in batch.rows] + [one.line or 0 for one in batch.problems]
        assert len(set(lines)) == len(lines)
        assert not lines or min(lines) > last
        last = max(lines, default=last)
        assert all(
            type(cell) is str or cell is None
            for _, cells in batch.rows
            for cell in (cells[at] for at in table.positions.values())
        )
        out.rows += batch.rows
        out.problems += batch.problems
    return out


def picked(read: Read, wanted: Sequence[str | int]) -> list[list[str | None]]:
    """The wanted cells of each row, in the order wanted."""
    return [[cells[read.positions[one]] for one in wanted] for _, cells in read.rows]


async def fault(
    form: Format, data: bytes | str, wanted: Sequence[str] = ("a",), **more: Any
) -> str:
    """Give the code a file is refused with; "" if it is read."""
    try:
        await read(form, data, wanted, **more)
    except DataError as error:
        told = str(error)
        assert told.isprintable() and len(told) < 1000
        return str(error.code)
    return ""


async def rejects(
    form: Format, data: bytes | str, lines: Iterable[tuple[int, str]], **layout: Any
) -> bytes:
    """Write the rejects of a file."""
    raw = data.encode() if isinstance(data, str) else data
    out = io.BytesIO()
    await REJECTERS[form](
        lambda: io.BytesIO(raw), Layout(format=form, **layout), iter(lines), out, Limits()
    )
    return out.getvalue()
