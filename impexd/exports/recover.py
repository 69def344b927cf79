"""
Carry on with the exports that a crash cut short: at every start, before anything new is begun.

The journal says how far each has come; its job takes it up from there.  Drafts of runs that have
ended, and of none, are removed: nobody ever saw them.
"""

import os
from collections.abc import Collection
from pathlib import Path

import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import durable
from impexd.exports import publish, send
from impexd.exports.bench import Bench, outbox_of
from impexd.model.run import Run
from impexd.store import exporting
from impexd.store.again import again

log = structlog.get_logger(__name__)


async def everything(bench: Bench) -> list[int]:
    """See that a job carries on with each export; gives their runs."""

    async def work(tx: AsyncConnection) -> list[Run]:
        going = await exporting.unended(tx)
        for run in going:
            if run.node == bench.node:
                await bench.enqueue(tx, run.id, run.node, run.group)
        return going

    going = await again(bench.store, work, clock=bench.clock)
    await send.recover(bench)
    kept = {run.token for run in going}  # also those of others: an outbox may be shared
    going = [run for run in going if run.node == bench.node]
    for name in bench.config.exports:
        outbox, _ = outbox_of(bench.config, name)
        gone = await anyio.to_thread.run_sync(_tidy, outbox, kept)
        if gone:
            log.info("drafts of ended exports removed", group=name, drafts=gone)
    if going:
        log.info("exports carried on", runs=[run.id for run in going])
    return [run.id for run in going]


def _tidy(outbox: Path, tokens: Collection[str]) -> int:
    """Remove drafts that no run will publish; an outbox that is not there has none."""
    try:
        with durable.opened(outbox / publish.DRAFTS) as drafts:
            names = [name for name in os.listdir(drafts) if name[:32] not in tokens]  # noqa: PTH208
            for name in names:
                durable.forget(drafts, name.encode())
    except OSError:
        return 0  # an outbox that is away is looked at by the exports that need it
    return len(names)
