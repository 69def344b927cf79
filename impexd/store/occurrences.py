"""
What came due, and what became of it: one row for each moment of each schedule, for ever once.

A name is what is on a schedule: `export:prices-out`, `inbox:catalogue`, `keep:undo`.  A moment is
the one the schedule names, not the one at which somebody got round to it.  `timetable` remembers
for each name its schedule, up to where its moments have been dealt with, and whether it is paused.

`add` is what makes a moment happen once: of all daemons that try, one gets an id.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import RowMapping, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.run import State
from impexd.store.schema import occurrence, timetable
from impexd.store.schema import run as run_table

_OF = occurrence.c
_ON = timetable.c
_RUN = run_table.c

Kind = Literal["timed", "manual"]


class Became(StrEnum):
    """What became of an occurrence."""

    FIRED = "fired"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timetable."""

    name: str
    spec: str
    """The schedule in force; "" if the name is on none any more."""
    since: datetime
    """When it came into force."""
    seen: datetime
    """Up to where its moments have been dealt with; goes back with the clock."""
    paused: str | None
    paused_by: str | None
    paused_note: str | None


async def line(tx: AsyncConnection, name: str) -> Line | None:
    """Read a line of the timetable, and keep it from others until the transaction ends."""
    query = select(timetable).where(_ON.name == name).with_for_update()
    row = (await tx.execute(query)).mappings().first()
    return None if row is None else _line(row)


async def lines(conn: AsyncConnection) -> dict[str, Line]:
    """Read the timetable."""
    found = (await conn.execute(select(timetable))).mappings()
    return {row["name"]: _line(row) for row in found}


async def begin(tx: AsyncConnection, name: str, spec: str, *, now: datetime) -> Line:
    """Put a name on the timetable if it is not there; gives its line."""
    at = stamp(now)
    fresh = _insert(tx, timetable).values(name=name, spec=spec, since=at, seen=at)
    await tx.execute(fresh.on_conflict_do_nothing(index_elements=["name"]))
    found = await line(tx, name)
    if found is None:
        raise LookupError(name)
    return found


async def saw(tx: AsyncConnection, name: str, *, now: datetime) -> None:
    """Note that the moments of a name have been dealt with up to now."""
    await tx.execute(update(timetable).where(_ON.name == name).values(seen=stamp(now)))


async def renew(tx: AsyncConnection, name: str, spec: str, *, now: datetime) -> None:
    """Put another schedule into force; moments of before count no more."""
    at = stamp(now)
    changed = update(timetable).where(_ON.name == name)
    await tx.execute(changed.values(spec=spec, since=at, seen=at))


async def retire(tx: AsyncConnection, kept: Collection[str]) -> None:
    """Take all names off their schedules but `kept`; who was paused stays so if it comes back."""
    for name, one in (await lines(tx)).items():
        if one.spec and name not in kept:
            await tx.execute(update(timetable).where(_ON.name == name).values(spec=""))


async def pause(
    tx: AsyncConnection, name: str, *, now: datetime, actor: str | None, note: str | None
) -> None:
    """Remember that a name is paused."""
    changed = update(timetable).where(_ON.name == name)
    await tx.execute(changed.values(paused=stamp(now), paused_by=actor, paused_note=note))


async def resume(tx: AsyncConnection, name: str) -> None:
    """Forget that a name is paused."""
    changed = update(timetable).where(_ON.name == name)
    await tx.execute(changed.values(paused=None, paused_by=None, paused_note=None))


async def add(
    tx: AsyncConnection,
    name: str,
    at: datetime,
    *,
    now: datetime,
    kind: Kind = "timed",
    actor: str | None = None,
    note: str | None = None,
) -> int | None:
    """Make an occurrence that fires; None if there has been one of this name and moment."""
    row = _insert(tx, occurrence).values(
        name=name,
        at=stamp(at),
        kind=kind,
        state=Became.FIRED,
        made=stamp(now),
        actor=actor,
        note=note,
    )
    once = row.on_conflict_do_nothing(index_elements=["name", "at"]).returning(_OF.id)
    id: int | None = (await tx.execute(once)).scalar()
    return id


async def skip(
    tx: AsyncConnection, name: str, moments: Sequence[tuple[datetime, str]], *, now: datetime
) -> None:
    """Journal moments that nothing is done about, each with its reason, as far as they are new."""
    at = stamp(now)
    rows = [
        {
            "name": name,
            "at": stamp(moment),
            "kind": "timed",
            "state": Became.SKIPPED,
            "reason": reason,
            "made": at,
            "ended": at,
        }
        for moment, reason in moments
    ]
    if rows:
        once = _insert(tx, occurrence).on_conflict_do_nothing(index_elements=["name", "at"])
        await tx.execute(once, rows)


async def begun(tx: AsyncConnection, id: int, run: int | None) -> None:
    """Note the run that an occurrence became."""
    await tx.execute(update(occurrence).where(_OF.id == id).values(run=run))


async def end(
    tx: AsyncConnection,
    became: Became,
    *,
    now: datetime,
    reason: str | None = None,
    id: int | None = None,
    name: str | None = None,
) -> None:
    """Say what became of what has fired: one by its id, or all of a name."""
    wanted = _OF.name == name if id is None else _OF.id == id
    changed = update(occurrence).where(_OF.state == Became.FIRED, wanted)
    await tx.execute(changed.values(state=became, reason=reason, ended=stamp(now)))


async def settle(tx: AsyncConnection, *, now: datetime) -> None:
    """Say of what has fired what became of the export that it was."""
    ended = or_(_RUN.state == State.FAILED, _RUN.finished.is_not(None))
    query = (
        select(_OF.id, _RUN.state, _RUN.message)
        .join(run_table, _RUN.id == _OF.run)
        .where(_OF.state == Became.FIRED, _RUN.kind == "export", ended)
    )
    for id, state, message in (await tx.execute(query)).all():
        failed = state == State.FAILED
        became, reason = (Became.FAILED, message) if failed else (Became.DONE, None)
        await end(tx, became, now=now, reason=reason, id=id)


async def get(conn: AsyncConnection, id: int) -> dict[str, Any] | None:
    """Read an occurrence."""
    row = (await conn.execute(select(occurrence).where(_OF.id == id))).mappings().first()
    return None if row is None else dict(row)


async def listed(conn: AsyncConnection, name: str, limit: int = 20) -> list[dict[str, Any]]:
    """Read the newest occurrences of a name, newest first."""
    query = select(occurrence).where(_OF.name == name).order_by(_OF.id.desc()).limit(limit)
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def last(conn: AsyncConnection) -> dict[str, Mapping[str, Any]]:
    """Read the newest occurrence of each name that was not skipped."""
    newest = (
        select(func.max(_OF.id)).where(_OF.state != Became.SKIPPED).group_by(_OF.name).subquery()
    )
    query = select(occurrence).where(_OF.id.in_(select(newest)))
    return {row["name"]: dict(row) for row in (await conn.execute(query)).mappings()}


async def purge(tx: AsyncConnection, *, now: datetime, keep: int, housekeeping: int) -> int:
    """Forget occurrences older than so many days, those that come often sooner; gives how many."""
    count = 0
    often = or_(_OF.name.like("keep:%"), _OF.name.like("feed:%"))
    for days, mine in ((keep, ~often), (housekeeping, often)):
        old = _OF.at < stamp(now - timedelta(days=days))
        done = await tx.execute(delete(occurrence).where(old, mine, _OF.state != Became.FIRED))
        count += done.rowcount
    return count


def _insert(tx: AsyncConnection, table: Any) -> Any:
    """Pure: an INSERT that knows ON CONFLICT, in the words of the engine."""
    return (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(table)


def _line(row: RowMapping) -> Line:
    return Line(
        row["name"],
        row["spec"],
        datetime.fromisoformat(row["since"]),
        datetime.fromisoformat(row["seen"]),
        row["paused"],
        row["paused_by"],
        row["paused_note"],
    )
