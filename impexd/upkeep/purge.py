"""
Let go of what has been kept for long enough: logs of runs, notices, audit, what feeds said.

A slice at a time, each in a transaction of its own, so that others get their turn.  How much went stands
on the occurrence of the housekeeping, and in the log.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.model.instance import Keep
from impexd.store import configs, messages, notices, runlog
from impexd.store.again import again
from impexd.store.engine import Store

SLICE = 1000

Purge = Callable[[AsyncConnection, datetime], Awaitable[int]]
"""Remove a slice of what is older than a moment; gives how many."""

log = structlog.get_logger(__name__)


async def _audit(tx: AsyncConnection, before: datetime) -> int:
    return await configs.purge(tx, before) + await configs.purge_audit(tx, before, SLICE)


async def _messages(tx: AsyncConnection, before: datetime) -> int:
    return await messages.purge(tx, before=before, limit=SLICE)


PURGES: Mapping[str, tuple[Purge, Callable[[Keep], int]]] = {
    "log": (runlog.purge, lambda keep: keep.log),
    "notices": (notices.purge, lambda keep: keep.notices),
    "audit": (_audit, lambda keep: keep.audit),
    "messages": (_messages, lambda keep: keep.messages),
}
"""What is purged -> how, and for how many days it is kept."""


async def clear(store: Store, clock: Clock, what: str, keep: Keep) -> int:
    """Purge one thing of what is too old; gives how many there were."""
    purge, days = PURGES[what]
    before, count = clock.now() - timedelta(days=days(keep)), 0
    while True:
        gone = await again(store, lambda tx: purge(tx, before), clock=clock)
        count += gone
        if not gone:
            break
    if count:
        log.info("purged", what=what, count=count, days=days(keep))
    return count
