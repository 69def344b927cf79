"""What is to follow applied runs: kept with the run's verdict, done later, visible on the run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.store.schema import followup

WAITING, DONE, FAILED = "waiting", "done", "failed"

_OF = followup.c


async def put(tx: AsyncConnection, run: int, target: str, *, now: datetime) -> None:
    """Note that something is to follow a run."""
    row = insert(followup).values(run=run, target=target, state=WAITING, made=stamp(now))
    await tx.execute(row)


async def waiting(conn: AsyncConnection, target: str) -> list[dict[str, Any]]:
    """Read what waits for a target, oldest first."""
    mine = select(followup).where(_OF.target == target, _OF.state == WAITING)
    return [dict(row) for row in (await conn.execute(mine.order_by(_OF.id))).mappings()]


async def end(
    tx: AsyncConnection,
    ids: Sequence[int],
    state: str,
    message: str,
    *,
    now: datetime,
    result: int | None = None,
) -> None:
    """Say what became of some that wait."""
    changed = update(followup).where(_OF.id.in_(ids), _OF.state == WAITING)
    await tx.execute(
        changed.values(
            state=state,
            message=message,
            result=result,
            attempts=_OF.attempts + 1,
            ended=stamp(now),
        )
    )


async def put_off(tx: AsyncConnection, ids: Sequence[int], message: str) -> None:
    """Say why some have to wait on."""
    changed = update(followup).where(_OF.id.in_(ids), _OF.state == WAITING)
    await tx.execute(changed.values(message=message, attempts=_OF.attempts + 1))


async def of(conn: AsyncConnection, run: int) -> list[dict[str, Any]]:
    """Read what follows a run."""
    mine = select(followup).where(_OF.run == run).order_by(_OF.id)
    names = ("target", "state", "message", "attempts", "result", "made", "ended")
    return [{name: row[name] for name in names} for row in (await conn.execute(mine)).mappings()]
