"""
See to it that nothing due is forgotten: at the start, and again and again.

A job that is lost, a moment that comes, a partner whose rest is over: the tables say what there is
to do, and a job is made for it if none waits.
"""

from datetime import timedelta

import anyio
import structlog

from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.orders.chain import tell
from impexd.orders.chain.bench import Bench
from impexd.store import order_flags, partners, tasks

EVERY = 1.0
"""Seconds between two looks."""
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
    moment = bench.clock.now()
    now = stamp(moment)
    async with bench.store.reading() as tx:
        flags = await order_flags.open_flags(tx, 1)
        found = await tasks.waiting(tx, now=now, stuck=stamp(moment - STUCK))
        standings = await partners.every(tx)
    known = bench.config.exporters
    wanted = [
        name
        for name in found
        if name in known
        and known[name].enabled
        and not (name in standings and standings[name].closed(now))
    ]
    if not flags and not wanted:
        return False
    async with bench.store.writing() as tx:
        made = [await bench.enqueue(tx, name) for name in ([None] if flags else []) + wanted]
    return any(one is not None for one in made)


async def tend(bench: Bench) -> None:
    """Look again and again, until cancelled."""
    while True:
        try:
            await look(bench)
        except WorldError as error:
            log.warning("the chain waits for the database", why=str(error))
        await anyio.sleep(EVERY)
