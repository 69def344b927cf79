"""
See to it that nothing due is forgotten: at the start, whenever the bell rings, and now and then.

The tables say what there is to do, and a job is made for it if none waits.  The bell is rung after
the commit of whatever may have left something; a ring that is lost (with its process, or because
another daemon has the database) costs `EVERY` seconds and nothing else.
"""

from collections.abc import Mapping
from datetime import timedelta

import anyio
import structlog

from impexd.core.clock import stamp, until
from impexd.core.errors import WorldError
from impexd.model.standing import Standing
from impexd.orders.chain import tell
from impexd.orders.chain.bench import Bench
from impexd.store import order_flags, partners, task_line, tasks

EVERY = 20.0
"""Seconds between two looks, if nothing rings and nothing is due."""
TOGETHER = 0.2
"""Seconds after a look in which rings are gathered for the next."""
STUCK = timedelta(minutes=10)
"""After so long a task that is being sent has lost its sender: no exporter may take it."""

log = structlog.get_logger(__name__)


async def recover(bench: Bench, *, alone: bool) -> None:
    """
    At the start: what was being sent has lost its sender, if we are `alone`.

    With other daemons on the database it is the job's next holder who says so.
    """
    if alone:
        async with bench.store.writing() as tx:
            count = await tasks.strand(tx, tell.STRANDED, now=stamp(bench.clock.now()))
        if count:
            log.warning("tasks were cut short", tasks=count)
    await look(bench)


async def look(bench: Bench) -> bool:
    """Have done what is due now; says whether there was anything."""
    async with bench.store.reading() as tx:
        flags = await order_flags.open_flags(tx, 1)
    wanted = await ready(bench)
    for name in wanted:
        if name in bench.rounds:
            bench.rounds[name].ring()
    jobs = ([None] if flags else []) + [name for name in wanted if name not in bench.rounds]
    if not jobs:
        return False
    async with bench.store.writing() as tx:
        made = [await bench.enqueue(tx, name) for name in jobs]
    return any(one is not None for one in made)


async def ready(bench: Bench) -> list[str]:
    """Name the exporters that have something to send now, and whose partner is not left alone."""
    moment = bench.clock.now()
    now, stuck = stamp(moment), stamp(moment - STUCK)
    async with bench.store.reading() as tx:
        standings = await partners.every(tx)
        asked = {
            name: ordered
            for name, ordered in _heard(bench).items()
            if not standings.get(name, Standing()).closed(now)
        }
        return await task_line.ready(tx, asked, now=now, stuck=stuck)


async def tend(bench: Bench) -> None:
    """Look again and again, until cancelled."""
    while True:
        rung, seconds = bench.bell.event, EVERY
        try:
            await look(bench)
            seconds = await pause(bench)
        except WorldError as error:
            log.warning("the chain waits for the database", why=str(error))
        await anyio.sleep(TOGETHER)
        with anyio.move_on_after(seconds):
            await rung.wait()


async def pause(bench: Bench) -> float:
    """Give the seconds until something is due by itself: a task, or a partner whose rest is over."""
    moment = bench.clock.now()
    now = stamp(moment)
    async with bench.store.reading() as tx:
        heard = _heard(bench)
        standings = await partners.every(tx)
        found = [await task_line.next_moment(tx, heard, now=now)]
    found += [one.closed_until for name, one in standings.items() if name in heard]
    coming = min((one for one in found if one is not None and one > now), default=None)
    return until(coming, moment, most=EVERY)


def _heard(bench: Bench) -> Mapping[str, bool]:
    """Exporters that send, and whether each keeps the order of events."""
    exporters = bench.config.exporters
    return {name: one.ordered for name, one in exporters.items() if one.enabled}
