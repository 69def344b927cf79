"""
Look after feeds: what lies in the spool, what waits to be heard, whom to ask again.

Looked at when the bell rings (something was pushed, an order was placed that messages may wait for) and
when something is due by itself: a message that is tried again, a courier who failed and may be asked again.
A ring that is lost costs `EVERY` seconds and nothing else.
"""

import anyio
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp, until
from impexd.core.errors import WorldError
from impexd.feeds import intake
from impexd.feeds.bench import Bench
from impexd.model import schedule
from impexd.model.feed import RestFeed
from impexd.store import feeds, messages
from impexd.store.again import again

EVERY = 20.0
"""Most seconds between two looks."""
AGAIN = 2.0
"""Seconds until what the database kept from being done is tried again."""

log = structlog.get_logger(__name__)


async def tend(bench: Bench) -> None:
    """Look after all feeds until cancelled."""
    while True:
        rung = bench.bell.event
        try:
            await intake.carry_over(bench)
            await look(bench)
            seconds = await pause(bench)
        except WorldError as error:
            log.warning("feeds wait", why=str(error))
            await anyio.sleep(AGAIN)
            continue
        with anyio.move_on_after(seconds):
            await rung.wait()


async def pause(bench: Bench) -> float:
    """Give the seconds until something is due by itself."""
    moment = bench.clock.now()
    now = stamp(moment)
    async with bench.store.reading() as tx:
        due = await feeds.next_moment(tx, now=now)
    return until(due, moment, most=EVERY)


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
