"""
A transaction, begun again when somebody else was in its way.

Deadlocks, serialization failures and a locked database end a transaction that nothing is
wrong with.  Only the whole of it may be repeated, so the work comes as a function.  A lost
connection is not repeated here: whether its COMMIT took hold is for the caller to look up.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.backoff import Backoff, chance
from impexd.core.clock import SYSTEM, Clock
from impexd.store.engine import Store
from impexd.store.errors import Contended

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

TRIES = 8
WAITS = Backoff(first=0.02, most=2.0)


async def again(
    store: Store,
    work: Work[T],
    *,
    clock: Clock = SYSTEM,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> T:
    """
    Run `work` in a transaction of its own and give what it gives.

    It MUST have no effect but through its connection.  Raises `Contended` after `TRIES`.
    """

    async def once() -> T:
        async with store.writing() as tx:
            return await work(tx)

    return await _tried(once, clock, sleep)


async def small(
    store: Store,
    work: Work[T],
    *,
    clock: Clock = SYSTEM,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> T:
    """Do the same for work of many small statements that waits for nothing else: see `Store.at_once`."""
    return await _tried(lambda: store.at_once(work), clock, sleep)


async def _tried(
    once: Callable[[], Awaitable[T]],
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    attempt = 1
    while True:
        try:
            return await once()
        except Contended:
            if attempt == TRIES:
                raise
        await sleep(WAITS.delay(attempt, chance=chance(clock)))
        attempt += 1
