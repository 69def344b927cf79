"""
How long before-images are kept: the moment before which they are gone, and the clearing itself.

The moment is written down first, so that nobody takes a run back whose images are going.  It
never goes back: images that are gone stay gone, whatever the configuration says later.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock, stamp
from impexd.model.entity import Kind
from impexd.model.run import Run
from impexd.store import parked, runs, schema
from impexd.store.again import again
from impexd.store.dialect import Names
from impexd.store.engine import Store

SLICE = 5_000
"""Images that go in one transaction, so that others get their turn."""

_HORIZON = "images"
"""The counter that holds the moment, in milliseconds since 1970."""


async def gone(tx: AsyncConnection, run: Run) -> bool:
    """Say whether the images of an ended run are gone, or going."""
    query = select(schema.counter.c.value).where(schema.counter.c.name == _HORIZON)
    horizon: int | None = (await tx.execute(query)).scalar()
    return horizon is not None and (run.finished is None or _ms(run.finished) < horizon)


async def purge(store: Store, kinds: Iterable[Kind], *, before: datetime, clock: Clock) -> int:
    """
    Clear the images of runs that ended before a moment; gives how many there were.

    May be cut short anywhere and begun again.
    """
    moment = int(before.timestamp() * 1000)
    names = Names(store.dialect, "", "")

    async def mark(tx: AsyncConnection) -> None:
        await runs.in_turn(tx)
        query = select(schema.counter.c.value).where(schema.counter.c.name == _HORIZON)
        now = (await tx.execute(query)).scalar()
        if now is None or now < moment:
            await runs.advance(tx, _HORIZON, moment - (now or 0))

    await again(store, mark, clock=clock)
    count = 0
    for kind in kinds:
        for run in await _ended(store, kind, names, moment):
            count += await _clear(store, kind, names, run, clock)
    await again(store, lambda tx: parked.let_withheld_go(tx, stamp(before)), clock=clock)
    return count


async def _ended(store: Store, kind: Kind, names: Names, moment: int) -> list[int]:
    """Find the runs whose images go, from one to the next by the index."""
    found: list[int] = []
    following = text(f"SELECT MIN(_run) FROM {names.undo(kind)} WHERE _run > :last")
    finished = select(schema.run.c.finished)
    last = 0
    async with store.reading() as tx:
        while (run := (await tx.execute(following, {"last": last})).scalar()) is not None:
            ended = (await tx.execute(finished.where(schema.run.c.id == run))).scalar()
            if ended is not None and _ms(ended) < moment:
                found.append(int(run))
            last = int(run)
    return found


async def _clear(store: Store, kind: Kind, names: Names, run: int, clock: Clock) -> int:
    """Clear the images of one run, a slice at a time."""
    id = "rowid" if names.engine == "sqlite" else "ctid"
    some = f"SELECT {id} FROM {names.undo(kind)} WHERE _run = {run:d} LIMIT {SLICE:d}"
    among = f"IN ({some})" if names.engine == "sqlite" else f"= ANY(ARRAY({some}))"
    slice = text(f"DELETE FROM {names.undo(kind)} WHERE {id} {among}")

    async def work(tx: AsyncConnection) -> int:
        return (await tx.execute(slice)).rowcount

    count = 0
    while done := await again(store, work, clock=clock):
        count += done
    return count


def _ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
