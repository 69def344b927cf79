"""
Wake what waits: deliveries whose day has come, and those whose goods have, oldest order first.

Looked for in the tables, so nothing is lost if nobody rings: a ring after an import only makes
the next look come sooner.  Some orders at a time in one transaction.
"""

from collections.abc import Awaitable, Callable

import anyio
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.doorbell import Doorbell
from impexd.core.errors import ImpexError
from impexd.model.order import DeliveryEvent
from impexd.orders import run
from impexd.orders.bench import Bench
from impexd.orders.run import By
from impexd.orders.steps import Refused
from impexd.store import again, waiting
from impexd.store.engine import Store
from impexd.store.waiting import Waiting

SOME = 50
"""Deliveries that are woken in one transaction."""
BY = By("schedule")
Find = Callable[[AsyncConnection, tuple[int, int]], Awaitable[list[Waiting]]]

log = structlog.get_logger(__name__)


async def wake(store: Store, bench: Bench) -> int:
    """Wake everything that can go on now; gives how many deliveries did."""
    today = bench.clock.now().date().isoformat()

    async def due(tx: AsyncConnection, after: tuple[int, int]) -> list[Waiting]:
        return await waiting.due(tx, today, after, SOME)

    count = await _woken(store, bench, due, DeliveryEvent.DATE_REACHED)
    shelf = bench.shelf
    if shelf is not None:

        async def supplied(tx: AsyncConnection, after: tuple[int, int]) -> list[Waiting]:
            return await waiting.supplied(tx, shelf, after, SOME)

        count += await _woken(store, bench, supplied, DeliveryEvent.STOCK_ARRIVED)
    return count


async def _woken(store: Store, bench: Bench, find: Find, event: DeliveryEvent) -> int:
    after, count = (0, 0), 0
    while True:
        async with store.reading() as tx:
            found = await find(tx, after)
        if not found:
            return count

        async def some(tx: AsyncConnection, found: list[Waiting] = found) -> int:
            went = 0
            for order, _, number in found:
                done = await run.event(tx, bench, order, event, BY, delivery=number)
                went += not isinstance(done, Refused)
            return went

        count += await again.small(store, some, clock=bench.clock)
        after = found[-1][:2]


async def tend(
    look: Callable[[], Awaitable[int]], every: Callable[[], float], bell: Doorbell
) -> None:
    """Do what waits, now and then and whenever the bell rings, until cancelled."""
    while True:
        heard = bell.event
        try:
            if count := await look():
                log.info("orders went on", count=count)
        except ImpexError as error:
            if not error.passing:
                raise
            log.warning("orders that wait were not looked at", reason=str(error))
        with anyio.move_on_after(every()):
            await heard.wait()
