"""
What has been kept for long enough goes: the before-images of runs that ended many days ago.

`undo` under `[keep]` says how many.  The scheduler has it done every hour; it goes a slice at a time.
"""

from datetime import timedelta

import structlog

from impexd.core.clock import stamp
from impexd.imports.bench import Bench
from impexd.store import images

log = structlog.get_logger(__name__)


async def clear(bench: Bench) -> int:
    """Clear the before-images of runs that cannot be undone any more; gives how many there were."""
    desk, config = bench.desk, bench.config
    before = desk.clock.now() - timedelta(days=config.instance.keep.undo)
    kinds = config.catalogue.values()
    count = await images.purge(desk.store, kinds, before=before, clock=desk.clock)
    if count:
        log.info("old images cleared", images=count, before=stamp(before))
    return count
