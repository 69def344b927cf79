"""
What lies in the outboxes: listed for people, and taken out when it has lain there for long enough.

Only files that the journal knows are ever listed or removed: an outbox may be shared with others.
"""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import structlog

from impexd.core.clock import stamp
from impexd.exports import publish
from impexd.exports.bench import Bench, group_of
from impexd.model.run import Run
from impexd.store import exporting, sendings

log = structlog.get_logger(__name__)


async def listed(
    bench: Bench, group: str | None = None, *, limit: int = 1000
) -> list[dict[str, Any]]:
    """List the files that lie in all outboxes, or in one group's; newest first."""
    if group is not None and group not in bench.config.exports:
        group_of(bench.config, group)
    async with bench.store.reading() as tx:
        found = await exporting.lying(tx, group=group, limit=limit)
        sent = await sendings.of(tx, [run.id for run in found])
    return [described(run) | {"sent": sent.get(run.id)} for run in found]


def described(run: Run) -> dict[str, Any]:
    """Pure: a published file, for programs."""
    counts = run.counts or {}
    return {
        "group": run.group,
        "name": Path(run.place).name if run.place else None,
        "path": run.place,
        "bytes": run.bytes,
        "rows": sum(sum(count.values()) for count in counts.values()),
        "sha256": run.sha256,
        "run": run.id,
        "published": run.finished or run.started,
    }


async def clear(bench: Bench) -> int:
    """Take out the files of all groups that have lain there for `keep` days; gives how many."""
    count = 0
    for name, group in bench.config.exports.items():
        before = stamp(bench.clock.now() - timedelta(days=group.keep))
        while True:
            async with bench.store.reading() as tx:
                old = await exporting.old(tx, bench.node, name, before=before)
            if not old:
                break
            for run in old:
                path = Path(run.place or "")
                away = partial(publish.remove, path.parent, path.name, group.companions)
                try:
                    await anyio.to_thread.run_sync(away)
                except FileNotFoundError:
                    log.warning("outbox is gone", group=name, path=str(path.parent))
            async with bench.store.writing() as tx:
                await exporting.removed(tx, [run.id for run in old])
            count += len(old)
    if count:
        log.info("old exports removed", files=count)
    return count
