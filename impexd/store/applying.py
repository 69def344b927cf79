"""
Apply a plan: one transaction that holds the rows, their images, and the verdict of the run.

Takes the sheets of a planned stage; either everything of it is in the tables and the run is
`applied`, or nothing is.  What the plan was made against is looked at first: if a table it
depends on has changed since, nothing is done and `Stale` says so.  Groups that do not want all or
nothing have it done by `pieces`.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DataError as SqlDataError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.problem import Code
from impexd.model.run import Run
from impexd.store import merge, messages, order_inputs, parked, runs, schema, staging
from impexd.store.dialect import Names
from impexd.store.engine import Store
from impexd.store.stage import Sheet


class Stale(Exception):
    """The tables have changed since the plan was made."""


Waiting = Callable[[], tuple[list[dict[str, Any]], list[int]]]
"""Gives the rows to be kept waiting, and the ids of those that were tried again; it reads files."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A plan that is to be applied."""

    run: Run
    scratch: Path
    sheets: tuple[Sheet, ...]
    at: Mapping[str, int]
    """Entity -> change number the plan was made against."""
    parts: Sequence[Mapping[str, Any]]
    problems: Sequence[Mapping[str, Any]]
    changes: int
    """Rows that will be touched: 0 needs no statement."""
    defaults: Mapping[int, Mapping[str, str]]
    """Sheet -> field -> SQL literal for new records."""
    waiting: Waiting
    """What the plan found of rows that wait for a parent."""
    feeds: Mapping[int, str] = field(default_factory=dict)
    """Sheet -> the feed whose messages its records are."""
    now: str = ""
    """When they are received."""
    orders: frozenset[int] = frozenset()
    """Sheets whose records are orders, to be placed once they are in."""


Verdict = Callable[[AsyncConnection], Awaitable[None]]
"""Writes the run's outcome into the transaction that applies it."""


async def put(store: Store, decided: Decided, verdict: Verdict) -> None:
    """Apply; raises `Stale`, `Fenced`, or `DataError` if a table refuses it, with nothing done."""
    waiting = await anyio.to_thread.run_sync(decided.waiting)
    async with transaction(store, decided, decided.at) as tx:
        base = await runs.put_parts(tx, decided.run.id, decided.parts)
        await runs.put_problems(tx, decided.run.id, decided.problems)
        if decided.changes:
            await merged(tx, decided, decided.sheets, names(store, decided.run.id), base)
        await kept_waiting(tx, store, decided, waiting)
        await insisted(tx, store, decided)
        failpoint.hit("apply.rows")
        await verdict(tx)
        failpoint.hit("apply.verdict")
    failpoint.hit("apply.committed")


def names(store: Store, run: int) -> Names:
    """Pure: where live tables and a run's stage are found from the writer."""
    if store.dialect == "sqlite":
        return Names("sqlite", "main.", "stage.")
    return Names("postgresql", "", f"{staging.schema_of(run)}.")


async def changes(tx: AsyncConnection, entities: Sequence[str]) -> dict[str, int]:
    """Read the change numbers of entities; 0 for one that never changed."""
    counter = schema.counter
    wanted = [f"entity.{entity}" for entity in entities]
    query = select(counter.c.name, counter.c.value).where(counter.c.name.in_(wanted))
    now = {name.removeprefix("entity."): value for name, value in await tx.execute(query)}
    return {entity: now.get(entity, 0) for entity in entities}


async def forget(store: Store, run: int) -> None:
    """Drop the stage of a run that has ended; on SQLite it goes with the run's scratch folder."""
    if store.dialect == "postgresql":
        async with store.writing() as tx:
            await tx.execute(text(f"DROP SCHEMA IF EXISTS {staging.schema_of(run)} CASCADE"))


async def merged(
    tx: AsyncConnection, decided: Decided, sheets: Iterable[Sheet], names: Names, base: int
) -> None:
    """Carry out what the plan of some sheets says, `base` being the id of part 0."""
    seq = await runs.advance(tx, "change")
    values = {"run": decided.run.id, "base": base, "seq": seq}
    for sheet in sheets:
        acts = frozenset(act for (act,) in await tx.execute(text(merge.acting(sheet, names))))
        given = dict(decided.defaults[sheet.k])
        for sql in merge.statements(sheet, names, acts=acts, defaults=given):
            statement = text(sql)
            used = {name: values[name] for name in statement.compile().params}
            await tx.execute(statement, used)
        await changed(tx, sheet.kind.name, seq)
        if feed := decided.feeds.get(sheet.k):
            await messages.from_records(
                tx, sheet.kind, names, source=feed, run=decided.run.id, now=decided.now
            )
        if sheet.k in decided.orders:
            await order_inputs.from_records(
                tx, sheet.kind, names, run=decided.run.id, seq=seq, now=decided.now
            )


async def insisted(tx: AsyncConnection, store: Store, decided: Decided) -> None:
    """Have orders that were refused, and are brought again as they were, looked at again."""
    for sheet in decided.sheets:
        if sheet.k in decided.orders:
            found = names(store, decided.run.id)
            await order_inputs.insisted(tx, sheet, found, run=decided.run.id, now=decided.now)


async def kept_waiting(
    tx: AsyncConnection,
    store: Store,
    decided: Decided,
    found: tuple[list[dict[str, Any]], list[int]],
) -> None:
    """Keep the rows that wait for a parent, and let those go that have been tried or said anew."""
    fresh, tried = found
    if not tried:
        for sheet in decided.sheets:
            await parked.supersede(tx, sheet, names(store, decided.run.id))
    await parked.let_go(tx, tried)
    await parked.put(tx, fresh)


async def changed(tx: AsyncConnection, entity: str, seq: int) -> None:
    """Note that an entity's records changed with change number `seq`."""
    counter, name = schema.counter, f"entity.{entity}"
    moved = update(counter).where(counter.c.name == name).values(value=seq)
    if (await tx.execute(moved.returning(counter.c.name))).first() is None:
        await tx.execute(insert(counter).values(name=name, value=seq))


async def _unchanged(tx: AsyncConnection, at: Mapping[str, int]) -> None:
    if await changes(tx, list(at)) != dict(at):
        raise Stale


@asynccontextmanager
async def transaction(
    store: Store, decided: Decided, at: Mapping[str, int]
) -> AsyncIterator[AsyncConnection]:
    """Begin to change records as a plan says; raises `Stale` if not all is as it was `at`."""
    with _refused():
        async with _begun(store, decided) as tx:
            await runs.hold(tx, decided.run)
            await runs.in_turn(tx)
            await _unchanged(tx, at)
            failpoint.hit("apply.begun")
            yield tx


@contextmanager
def _refused() -> Iterator[None]:
    """A table with rules of its own, which no entity declares, may refuse a record."""
    try:
        yield
    except (IntegrityError, SqlDataError) as error:
        what = shown(str(error.orig).strip().partition("\n")[0])
        raise DataError(
            Code.BAD_DATA,
            f"the database refuses these records: {what}",
            hint="a rule of the table that its entity does not declare",
        ) from error


@asynccontextmanager
async def _begun(store: Store, decided: Decided) -> AsyncIterator[AsyncConnection]:
    if store.dialect == "postgresql":
        async with store.writing() as tx:
            yield tx
        return
    async with store.alone() as tx:
        await tx.exec_driver_sql("ATTACH ? AS stage", (str(decided.scratch / "stage.db"),))
        await tx.exec_driver_sql("BEGIN IMMEDIATE")
        yield tx
        await tx.exec_driver_sql("COMMIT")
        await tx.exec_driver_sql("DETACH stage")
        if decided.changes > CHECKPOINT:
            await tx.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


CHECKPOINT = 50_000
"""Rows after which the write-ahead log is folded into the database at once."""
