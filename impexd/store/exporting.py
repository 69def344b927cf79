"""
The journal of what goes out: export runs, their way through the states, their watermarks.

`exporting` -> `written` (a complete draft, its hash) -> `published` (under its name in the
outbox; the watermarks move in the same transaction) -> ended, when its companions are there too.
Every change but the first is fenced by the attempt it belongs to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.run import Run, State
from impexd.store import runs, schema, sendings

_RUN = schema.run
_MARK = schema.watermark
_SENDING = schema.sending

KIND = "export"
GOING = or_(
    _RUN.c.state.in_((State.EXPORTING, State.WRITTEN)),
    and_(_RUN.c.state == State.PUBLISHED, _RUN.c.finished.is_(None)),
)
"""Runs with which something is still to be done."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An export to be."""

    token: str
    group: str
    name: str
    config_hash: str
    seq: int
    occurrence: str | None = None
    actor: str | None = None
    note: str | None = None
    full: bool = False
    """Everything, whatever earlier files have told of."""


async def known(tx: AsyncConnection, group: str, occurrence: str) -> int | None:
    """Give the run of an occurrence, if it has one."""
    query = select(_RUN.c.id).where(_RUN.c.group_name == group, _RUN.c.occurrence == occurrence)
    found: int | None = (await tx.execute(query)).scalar()
    return found


async def intend(tx: AsyncConnection, intent: Intent, *, node: int, now: str) -> int:
    """Journal an export of a node before anything of it is done; gives the run."""
    row = {
        "token": intent.token,
        "kind": KIND,
        "group_name": intent.group,
        "state": State.EXPORTING,
        "origin": "command" if intent.occurrence is None else "schedule",
        "name": intent.name,
        "config_hash": intent.config_hash,
        "occurrence": intent.occurrence,
        "actor": intent.actor,
        "note": intent.note,
        "seq": intent.seq,
        "forced": intent.full,
        "node": node,
        "created": now,
    }
    return int((await tx.execute(insert(_RUN).values(row).returning(_RUN.c.id))).scalar_one())


async def begin(tx: AsyncConnection, id: int, *, now: str) -> Run | None:
    """Start an attempt; None if there is nothing (more) to be done."""
    changed = (
        update(_RUN)
        .where(_RUN.c.id == id, _RUN.c.kind == KIND, GOING)
        .values(attempt=_RUN.c.attempt + 1, started=func.coalesce(_RUN.c.started, now))
        .returning(_RUN)
    )
    row = (await tx.execute(changed)).mappings().first()
    return None if row is None else runs.made(row)


async def unended(tx: AsyncConnection) -> list[Run]:
    """Read the exports that a start has to look at."""
    query = select(_RUN).where(_RUN.c.kind == KIND, GOING).order_by(_RUN.c.id)
    return [runs.made(row) for row in (await tx.execute(query)).mappings()]


async def waits(tx: AsyncConnection, run: Run, why: str) -> None:
    """Note why a run cannot go on now."""
    mine = and_(_RUN.c.id == run.id, _RUN.c.attempt == run.attempt, GOING)
    await tx.execute(update(_RUN).where(mine).values(message=why))


async def died(tx: AsyncConnection, run: Run) -> int:
    """Count one more attempt that killed its process; gives how many there were."""
    mine = and_(_RUN.c.id == run.id, _RUN.c.attempt == run.attempt)
    counted = update(_RUN).where(mine).values(crashes=_RUN.c.crashes + 1)
    return int((await tx.execute(counted.returning(_RUN.c.crashes))).scalar() or 0)


async def published(tx: AsyncConnection, run: Run, marks: Sequence[str], *, now: str) -> None:
    """Say that the file is there, and that its group's descriptors have told of all up to it."""
    await runs.move(tx, run, State.PUBLISHED, message=None, code=None)
    for descriptor in marks:
        mine = and_(_MARK.c.group_name == run.group, _MARK.c.descriptor == descriptor)
        values = {"seq": run.watermark, "run": run.id, "at": now}
        moved = update(_MARK).where(mine).values(values).returning(_MARK.c.seq)
        if (await tx.execute(moved)).first() is None:
            row = {"group_name": run.group, "descriptor": descriptor, **values}
            await tx.execute(insert(_MARK).values(row))


async def watermarks(tx: AsyncConnection, group: str) -> dict[str, int]:
    """Read up to which change a group's descriptors have told of."""
    query = select(_MARK.c.descriptor, _MARK.c.seq).where(_MARK.c.group_name == group)
    return {row.descriptor: int(row.seq) for row in await tx.execute(query)}


async def lying(tx: AsyncConnection, *, group: str | None = None, limit: int = 1000) -> list[Run]:
    """Read the runs whose files should lie in an outbox, newest first."""
    query = (
        select(_RUN)
        .where(_RUN.c.kind == KIND, _RUN.c.state == State.PUBLISHED, _RUN.c.place.is_not(None))
        .order_by(_RUN.c.id.desc())
        .limit(limit)
    )
    if group is not None:
        query = query.where(_RUN.c.group_name == group)
    return [runs.made(row) for row in (await tx.execute(query)).mappings()]


async def lying_at(tx: AsyncConnection, id: int) -> Run | None:
    """Read one export; None if there is none."""
    run = await runs.get(tx, id)
    return run if run is not None and run.kind == KIND else None


async def old(
    tx: AsyncConnection, node: int, group: str, *, before: str, limit: int = 100
) -> list[Run]:
    """Read a node's oldest runs of a group that ended before a moment and whose files still lie there;
    none that is still to be sent."""
    query = (
        select(_RUN)
        .where(
            _RUN.c.kind == KIND,
            _RUN.c.node == node,
            _RUN.c.group_name == group,
            _RUN.c.state == State.PUBLISHED,
            _RUN.c.place.is_not(None),
            _RUN.c.finished < before,
            _RUN.c.id.not_in(select(_SENDING.c.run).where(_SENDING.c.state.in_(sendings.GOING))),
        )
        .order_by(_RUN.c.id)
        .limit(limit)
    )
    return [runs.made(row) for row in (await tx.execute(query)).mappings()]


async def removed(tx: AsyncConnection, ids: Sequence[int]) -> None:
    """Note that the files of some runs have been taken out of their outbox."""
    await tx.execute(update(_RUN).where(_RUN.c.id.in_(ids)).values(place=None))
