"""Ended runs whose bytes have been kept for long enough, and the note that they are gone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.run import FINAL, State
from impexd.store.schema import run

_ENDED = (*FINAL, State.REJECTED, State.PLANNED)
"""States in which a run that has a place stays."""


async def groups(conn: AsyncConnection) -> list[str]:
    """Give the groups of which bytes are kept."""
    kept = select(run.c.group_name).where(run.c.kind == "import", run.c.place > "").distinct()
    return [name for (name,) in await conn.execute(kept)]


async def old(
    conn: AsyncConnection, node: int, group: str, room: str, before: datetime, limit: int
) -> list[tuple[int, str]]:
    """Read a node's oldest runs of a group that ended before a moment and have their bytes: (id, place)."""
    query = (
        select(run.c.id, run.c.place)
        .where(
            run.c.kind == "import",
            run.c.node == node,
            run.c.group_name == group,
            run.c.state.in_(_ENDED),
            run.c.finished < stamp(before),
            run.c.place.startswith(f"{room}/", autoescape=True),
        )
        .order_by(run.c.id)
        .limit(limit)
    )
    return [(id, place) for id, place in await conn.execute(query)]


async def cleared(tx: AsyncConnection, ids: Sequence[int], note: str) -> None:
    """Note that the bytes of runs are kept no more; what a person noted stays before it."""
    told = case((run.c.note.is_(None), note), else_=run.c.note + f"; {note}")
    await tx.execute(update(run).where(run.c.id.in_(ids)).values(place="", note=told))
