"""What was logged about runs: written in batches, read on from an id, let go when it is old."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.store.schema import run_log

SLICE = 5000
"""Lines that are removed at once."""


async def put(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Write lines: run, at, level, event, body."""
    if rows:
        await tx.execute(insert(run_log), list(rows))


async def read(
    conn: AsyncConnection, run: int, *, after: int = 0, limit: int = 1000
) -> list[dict[str, Any]]:
    """Read the lines of a run that come after an id, in order."""
    mine = select(run_log).where(run_log.c.run == run, run_log.c.id > after)
    query = mine.order_by(run_log.c.id).limit(limit)
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def purge(tx: AsyncConnection, before: datetime) -> int:
    """Remove a slice of what is older than a moment; gives how many lines."""
    old = select(run_log.c.id).where(run_log.c.at < stamp(before)).limit(SLICE)
    gone = delete(run_log).where(run_log.c.id.in_(old)).returning(run_log.c.id)
    return len((await tx.execute(gone)).all())
