"""
Take in what couriers push: durable before it is confirmed, and never kept waiting by an import.

SQLite has one writer, and an import that is applied may hold it for many seconds.  So there what is
pushed goes into a small file of its own (`spool.db`, as durable as the other) and is confirmed; it
is carried over into the store when that has time, and taken out of the spool after that has
committed.  Carried over twice, it is kept once.  On PostgreSQL it goes to the store at once.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.feeds import mapping
from impexd.feeds.bench import Bench
from impexd.model.feed import FeedMap
from impexd.store import engine, messages
from impexd.store.again import again
from impexd.store.engine import Store
from impexd.store.messages import Fresh

SPOOL = "spool.db"
BATCH = 500

log = structlog.get_logger(__name__)


class Taken(Enum):
    """What became of a request."""

    KEPT = "kept"
    CONFLICT = "conflict"


@asynccontextmanager
async def spooling(var: Path, store: Store) -> AsyncIterator[Store | None]:
    """Open the spool for as long as the block lasts; None if the store needs none."""
    if store.dialect == "postgresql":
        yield None
        return
    async with engine.opened(f"sqlite:///{var / SPOOL}", read_pool=1) as spool:
        async with spool.writing() as tx:
            await tx.run_sync(lambda bare: messages.TABLE.create(bare, checkfirst=True))
        yield spool


async def take(bench: Bench, requests: Sequence[Sequence[Fresh]]) -> list[Taken]:
    """Keep the messages of some requests in one commit; they are durable when this returns."""
    every = [one for request in requests for one in request]
    there: dict[tuple[str, str], str] = {}
    if bench.spool is None:
        kept = await again(bench.store, lambda tx: _put(bench, tx, every), clock=bench.clock)
    else:
        async with bench.store.reading() as tx:
            there = await messages.known(tx, every)
        fresh = [one for one in every if there.get((one.source, one.message_id)) != one.digest]
        kept = await again(bench.spool, lambda tx: messages.put(tx, fresh), clock=bench.clock)
        bench.bell.ring()
    if kept.conflicts:
        log.error("messages conflict", feeds=sorted({key[0] for key in kept.conflicts}))

    def conflicts(one: Fresh) -> bool:
        other = there.get((one.source, one.message_id), one.digest) != one.digest
        return other or (one.source, one.message_id, one.digest) in kept.conflicts

    return [Taken.CONFLICT if any(map(conflicts, request)) else Taken.KEPT for request in requests]


def fresh(
    item: Any, used: FeedMap, source: str, via: str, received: str, own: str | None = None
) -> Fresh:
    """Pure: an item as it is kept; `own` is an id that came with it."""
    body = mapping.canonical(item)
    own = own or mapping.own_id(item, used)
    if own is not None:
        return Fresh(source, mapping.short(own), mapping.digest(body), body, received, via)
    # Made of what it says: if that comes again with something else beside it, nothing new is said.
    made = mapping.identity(item, used, source)
    return Fresh(source, made, made, body, received, via)


async def _put(bench: Bench, tx: AsyncConnection, some: Sequence[Fresh]) -> messages.Kept:
    kept = await messages.put(tx, some)
    if kept.fresh:
        await bench.ring(tx)
    return kept


async def carry_over(bench: Bench) -> int:
    """Bring all that lies in the spool into the store; gives how many messages."""
    spool, done = bench.spool, 0
    if spool is None:
        return 0
    while True:
        async with spool.reading() as conn:
            query = select(messages.TABLE).order_by(messages.TABLE.c.id).limit(BATCH)
            rows = (await conn.execute(query)).mappings().all()
        if not rows:
            return done
        names = ("source", "message_id", "digest", "body", "received", "via")
        some = [Fresh(**{name: row[name] for name in names}) for row in rows]

        async def work(tx: AsyncConnection, some: Sequence[Fresh] = some) -> object:
            return await _put(bench, tx, some)

        await again(bench.store, work, clock=bench.clock)
        ids = [row["id"] for row in rows]
        async with spool.writing() as tx:
            await tx.execute(delete(messages.TABLE).where(messages.TABLE.c.id.in_(ids)))
        done += len(rows)


async def lying(bench: Bench) -> int:
    """Count what lies in the spool."""
    if bench.spool is None:
        return 0
    async with bench.spool.reading() as conn:
        return (await conn.execute(select(func.count()).select_from(messages.TABLE))).scalar_one()
