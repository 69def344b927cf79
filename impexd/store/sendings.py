"""
Published files on their way to a target elsewhere, one row for each.

`waiting` -> `placing` (complete over there under a name nobody looks at, about to get its own)
-> `done`; or `failed`, which only a person can put back.  What has been journalled as `placing` may
have happened: who carries on looks first.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.store.schema import run, sending

WAITING, PLACING, DONE, FAILED = "waiting", "placing", "done", "failed"
GOING = (WAITING, PLACING)
"""States in which something is still to be done."""

Row = Mapping[str, Any]

_OF = sending.c


async def put(
    tx: AsyncConnection, run: int, *, group: str, target: str, draft: str, now: datetime
) -> None:
    """Note that a file is to be sent; anew if it was sent, or given up, before."""
    await tx.execute(delete(sending).where(_OF.run == run))
    row = {"run": run, "group_name": group, "target": target, "draft": draft, "state": WAITING}
    await tx.execute(insert(sending).values({**row, "made": stamp(now)}))


async def get(conn: AsyncConnection, run: int) -> Row | None:
    """Read what became of a file; None if it is not to be sent."""
    return _first(await conn.execute(select(sending).where(_OF.run == run)))


async def begin(tx: AsyncConnection, run: int) -> Row | None:
    """Start an attempt; None if there is nothing (more) to be done."""
    mine = update(sending).where(_OF.run == run, _OF.state.in_(GOING))
    changed = mine.values(attempts=_OF.attempts + 1).returning(sending)
    return _first(await tx.execute(changed))


async def placing(tx: AsyncConnection, run: int, name: str, target: str) -> None:
    """Note the name that the complete file is about to be given."""
    mine = update(sending).where(_OF.run == run, _OF.state.in_(GOING))
    await tx.execute(mine.values(state=PLACING, name=name, target=target))


async def waits(tx: AsyncConnection, run: int, why: str) -> None:
    """Note why a file cannot be sent now."""
    mine = update(sending).where(_OF.run == run, _OF.state.in_(GOING))
    await tx.execute(mine.values(message=why))


async def anew(tx: AsyncConnection, run: int, why: str) -> None:
    """Note that what was complete over there is not any more."""
    mine = update(sending).where(_OF.run == run, _OF.state.in_(GOING))
    await tx.execute(mine.values(state=WAITING, name=None, message=why))


async def end(
    tx: AsyncConnection, run: int, state: str, message: str | None, *, now: datetime
) -> None:
    """Say what became of a file."""
    mine = update(sending).where(_OF.run == run, _OF.state.in_(GOING))
    await tx.execute(mine.values(state=state, message=message, ended=stamp(now)))


async def give_up(tx: AsyncConnection, runs: Any, why: str, *, now: datetime) -> None:
    """Say of all files of some runs (a query of ids) that they will not be sent."""
    mine = update(sending).where(_OF.run.in_(runs), _OF.state.in_(GOING))
    await tx.execute(mine.values(state=FAILED, message=why, ended=stamp(now)))


async def unended(conn: AsyncConnection, node: int) -> list[Row]:
    """Read what a node has still to send, oldest first."""
    mine = select(run.c.id).where(run.c.node == node)
    query = select(sending).where(_OF.state.in_(GOING), _OF.run.in_(mine)).order_by(_OF.run)
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def of(conn: AsyncConnection, runs: Collection[int]) -> dict[int, dict[str, Any]]:
    """Read what became of the files of some runs, for programs."""
    found = await conn.execute(select(sending).where(_OF.run.in_(runs)))
    return {row["run"]: told(dict(row)) for row in found.mappings()}


async def waiting(conn: AsyncConnection) -> dict[str, dict[str, Any]]:
    """Count for each group what is still to be sent, with the last reason why it was not."""
    mine = _OF.state.in_(GOING)
    counted = select(_OF.group_name, func.count(), func.min(_OF.made)).where(mine)
    found = {
        group: {"files": count, "since": since, "why": None}
        for group, count, since in await conn.execute(counted.group_by(_OF.group_name))
    }
    why = select(_OF.group_name, _OF.message).where(mine, _OF.message.is_not(None))
    for group, message in await conn.execute(why.order_by(_OF.run.desc())):
        found[group]["why"] = message
    return found


def told(row: Row) -> dict[str, Any]:
    """Pure: what programs are told of a row."""
    names = ("target", "state", "name", "message", "attempts", "made", "ended")
    return {name: row[name] for name in names}


def _first(found: CursorResult[Any]) -> Row | None:
    row = found.mappings().first()
    return None if row is None else dict(row)
