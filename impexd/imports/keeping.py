"""
What has been kept for long enough goes: the before-images of runs that ended many days ago, and
then the pictures that nothing points at any more.

`undo` under `[keep]` says how many.  Done at the start and then every hour, a slice at a time.
"""

from datetime import timedelta

import anyio
import structlog

from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.imports.bench import Bench
from impexd.imports.pictures import sweep
from impexd.store import images

EVERY = 3600.0
"""Seconds between two looks."""

log = structlog.get_logger(__name__)


async def tend(bench: Bench) -> None:
    """Clear what is old, again and again, until cancelled."""
    while True:
        try:
            await clear(bench)
        except WorldError as error:
            log.warning("old images not cleared", why=str(error))
        await anyio.sleep(EVERY)


async def clear(bench: Bench) -> int:
    """Clear the before-images of runs that cannot be undone any more; gives how many there were."""
    desk, config = bench.desk, bench.config
    before = desk.clock.now() - timedelta(days=config.instance.keep.undo)
    kinds = config.catalogue.values()
    count = await images.purge(desk.store, kinds, before=before, clock=desk.clock)
    if count:
        log.info("old images cleared", images=count, before=stamp(before))
    await sweep.tend(bench)
    return count
