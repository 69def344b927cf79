"""What can be counted in the tables, for those who watch over an instance."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.schema import notice, run

MOST = 5000
"""Ended runs that are looked at, at once."""

_RUN = run.c


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended, as far as figures need it."""

    id: int
    kind: str
    group: str
    state: str
    started: str | None
    finished: str
    counts: dict[str, dict[str, int]]


async def runs(conn: AsyncConnection) -> list[tuple[str, str, str, int]]:
    """Count runs: (kind, group, state, how many)."""
    names = (_RUN.kind, _RUN.group_name, _RUN.state)
    found = await conn.execute(select(*names, func.count()).group_by(*names))
    return [(kind, group, state, count) for kind, group, state, count in found]


async def ended(conn: AsyncConnection, since: str, after: int) -> list[Ended]:
    """Read the runs that ended after a moment, or at it with a higher id, in that order."""
    columns = (_RUN.id, _RUN.kind, _RUN.group_name, _RUN.state, _RUN.started, _RUN.finished)
    later = (_RUN.finished > since) | ((_RUN.finished == since) & (_RUN.id > after))
    query = select(*columns, _RUN.counts).where(later).order_by(_RUN.finished, _RUN.id).limit(MOST)
    return [Ended(*row[:6], row[6] or {}) for row in await conn.execute(query)]


async def jobs(conn: AsyncConnection) -> dict[str, int]:
    """Count the jobs of the queue by state."""
    by = text("SELECT status, count(*) FROM procrastinate_jobs GROUP BY status")
    found = {str(row[0]): int(row[1]) for row in await conn.execute(by)}
    return {state: found.get(state, 0) for state in ("todo", "doing", "failed")}


async def notices(conn: AsyncConnection, since: str) -> list[tuple[str, str, int]]:
    """Count what was told since a moment and is not over: (kind, severity, how many)."""
    mine = select(notice.c.kind, notice.c.severity, func.count())
    mine = mine.where(notice.c.ended.is_(None), notice.c.at >= since)
    found = await conn.execute(mine.group_by(notice.c.kind, notice.c.severity))
    return [(kind, severity, count) for kind, severity, count in found]


async def answers(conn: AsyncConnection) -> None:
    """Have the database answer at all."""
    await conn.execute(text("SELECT 1"))
