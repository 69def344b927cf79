"""
Look after feeds all the time: what lies in the spool, what waits to be heard, whom to ask again.

Whatever should have been rung for is found here within seconds: after a crash, when an order has
come that messages wait for, when a courier that failed may be asked again.
"""

import anyio
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.feeds import intake
from impexd.feeds.bench import Bench
from impexd.model import schedule
from impexd.model.feed import RestFeed
from impexd.store import feeds, messages
from impexd.store.again import again

EVERY = 2.0
"""Seconds between two looks."""

log = structlog.get_logger(__name__)


async def tend(bench: Bench) -> None:
    """Look after all feeds until cancelled."""
    while True:
        arrived = bench.arrived
        try:
            await intake.carry_over(bench)
            await look(bench)
        except WorldError as error:
            log.warning("feeds wait", why=str(error))
            await anyio.sleep(EVERY)
        with anyio.move_on_after(EVERY):
            await arrived.wait()


async def look(bench: Bench) -> bool:
    """Have heard what can be heard, and asked who may be asked again; False if there is nothing."""
    now = bench.clock.now()
    async with bench.store.reading() as tx:
        pressing = await messages.pressing(tx, now=now)
        failed = [
            name
            for name, state in (await feeds.listed(tx)).items()
            if state["failures"] and (state["until"] or "") <= stamp(now)
        ]
    known = bench.config().feeds
    asked = [name for name in failed if _scheduled(known.get(name))]
    if not (pressing or asked):
        return False

    async def work(tx: AsyncConnection) -> None:
        if pressing:
            await bench.ring(tx)
        for name in asked:
            await bench.ask(tx, name)

    await again(bench.store, work, clock=bench.clock)
    return True


def _scheduled(feed: object) -> bool:
    """Pure: is this feed asked by itself?"""
    if not isinstance(feed, RestFeed):
        return False
    return schedule.made(feed.schedule, feed.every, feed.zone) is not None
