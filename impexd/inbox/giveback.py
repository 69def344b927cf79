"""
Give a claimed file back, because its producer was still writing to it.

The journal says `claiming` before anything moves, so that a crash in the middle is recovered
as a claim that never came about.
"""

from pathlib import Path

import anyio.to_thread
import structlog

from impexd.core import durable
from impexd.core.clock import stamp
from impexd.inbox import carry
from impexd.inbox.carry import Claim
from impexd.inbox.desk import Desk
from impexd.inbox.settle import Seen
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.store import journal, runs, verdict

log = structlog.get_logger(__name__)


async def give_back(desk: Desk, run: Run, path: Path | None, why: str) -> None:
    """
    End a run as void and put its file back into its inbox, the folder `path`, to settle again.

    A file that was handed in by name lies where it lay: then the run has failed.
    """
    now = desk.clock.now()
    if run.origin != "inbox" or path is None:
        async with desk.store.writing() as tx:
            await runs.move(
                tx, run, State.FAILED, code=Code.CHANGED, message=why, finished=stamp(now)
            )
        return
    async with desk.store.writing() as tx:
        await runs.move(tx, run, State.CLAIMING)
        (row,) = await journal.rows(tx, [run.id])
    claim = Claim(run.id, run.token, Seen(row.name, row.dev, row.inode, row.size, row.mtime_ns))
    with durable.opened(path) as inbox:
        await anyio.to_thread.run_sync(carry.back, desk.folders.work, inbox, claim)
    async with desk.store.writing() as tx:
        await verdict.void(tx, {run.id: why}, at=now)
    log.warning("given back", run=run.id, why=why)
