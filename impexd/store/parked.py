"""Rows that wait for their parent: kept, found when it has come, and let go."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Kind
from impexd.model.run import State
from impexd.store.dialect import Names, quoted
from impexd.store.schema import parked, run
from impexd.store.stage import Sheet

SLICE = 500
"""Rows in one statement."""

GOING = (State.CLAIMING, State.CLAIMED, State.STAGING, State.PLANNED, State.APPLYING, State.HELD)


async def put(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """
    Keep rows: group_name, descriptor, record, run, member, line, key, waits_*, cells, since, until.
    """
    for start in range(0, len(rows), SLICE):
        await tx.execute(insert(parked), list(rows[start : start + SLICE]))


async def supersede(tx: AsyncConnection, sheet: Sheet, names: Names) -> None:
    """Forget the rows that wait for a chance to say what a sheet's rows say anew."""
    mine = (parked.c.descriptor == sheet.descriptor, parked.c.record == sheet.record)
    if (await tx.execute(select(parked.c.id).where(*mine).limit(1))).first() is None:
        return
    s, b, w = (sheet.table(letter, names) for letter in "sbw")
    key = names.key_json("s", sheet.kind.key, sheet.keys)
    newer = text(
        f"parked.key IN (SELECT {key} FROM {s} s"
        f" WHERE s.n NOT IN (SELECT n FROM {b}) OR s.n IN (SELECT n FROM {w}))"
    )
    await tx.execute(delete(parked).where(*mine, newer))


async def let_go(tx: AsyncConnection, ids: Sequence[int]) -> None:
    """Forget rows that have been tried again."""
    for start in range(0, len(ids), SLICE):
        some = ids[start : start + SLICE]
        await tx.execute(delete(parked).where(parked.c.id.in_(some)))


async def send(tx: AsyncConnection, ids: Sequence[int], by: int) -> None:
    """Note which run tries rows again."""
    for start in range(0, len(ids), SLICE):
        some = ids[start : start + SLICE]
        await tx.execute(update(parked).where(parked.c.id.in_(some)).values(sent=by))


async def entities(tx: AsyncConnection) -> list[str]:
    """Give the entities that rows wait for."""
    return [name for (name,) in await tx.execute(select(parked.c.waits_entity).distinct())]


async def ready(tx: AsyncConnection, kind: Kind, names: Names, limit: int) -> list[dict[str, Any]]:
    """Read rows whose parent is there now and that no run is trying."""
    there = text(
        f"EXISTS (SELECT 1 FROM {names.table(kind)} t"
        f" WHERE {names.as_text('t.' + quoted(kind.key[0]))} = parked.waits_key)"
    )
    return await _read(tx, limit, parked.c.waits_entity == kind.name, there)


async def expired(tx: AsyncConnection, now: str, limit: int) -> list[dict[str, Any]]:
    """Read rows that have waited for too long and that no run is trying."""
    return await _read(tx, limit, parked.c.until < now)


async def _read(tx: AsyncConnection, limit: int, *where: Any) -> list[dict[str, Any]]:
    query = select(parked).where(~_taken(), *where).order_by(parked.c.id).limit(limit)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


def _taken() -> ColumnElement[bool]:
    """A run tries the row now, or an undo withholds it."""
    going = exists().where(run.c.id == parked.c.sent, run.c.state.in_(GOING))
    return or_(going, _withheld())


def _withheld() -> ColumnElement[bool]:
    """The run the row came from has been undone."""
    undone = and_(run.c.kind == "undo", run.c.state == State.ARCHIVED)
    return exists().where(run.c.id == parked.c.sent, undone)


async def withhold(tx: AsyncConnection, of: int, undo: int) -> None:
    """Keep the waiting rows of a run from being tried for as long as its undo stands."""
    mine = update(parked).where(parked.c.run == of, ~_taken())
    await tx.execute(mine.values(sent=undo))


async def let_withheld_go(tx: AsyncConnection, before: str) -> None:
    """Forget rows withheld by undos that ended before a moment."""
    late = exists().where(run.c.id == parked.c.sent, run.c.finished < before)
    await tx.execute(delete(parked).where(_withheld(), late))


async def listed(tx: AsyncConnection, limit: int, after: int = 0) -> list[dict[str, Any]]:
    """Read waiting rows, oldest first."""
    waiting = select(parked).where(parked.c.id > after, ~_withheld())
    query = waiting.order_by(parked.c.id).limit(limit)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def counted(tx: AsyncConnection) -> dict[str, int]:
    """Count waiting rows by the entity they wait for."""
    waiting = select(parked.c.waits_entity, func.count()).where(~_withheld())
    query = waiting.group_by(parked.c.waits_entity)
    return {row[0]: row[1] for row in await tx.execute(query)}


def by_group(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Pure: rows by the group that is to try them again."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["group_name"], []).append(row)
    return groups
