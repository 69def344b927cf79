"""
Jobs of workers that died, put back into the line.

`everything` at the start of a daemon that is alone; where there are several, `ours` at the
start and `Watch.look` now and then.  Two that look at once take a job over only once: the attempt fences them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock, stamp
from impexd.queue.line import put_back
from impexd.store.engine import Store

log = structlog.get_logger(__name__)

_DOING = "SELECT id, attempts FROM procrastinate_jobs WHERE status = 'doing'"
_ALL = text(f"{_DOING} ORDER BY id")
_OURS = text(f"{_DOING} AND queue_name IN :lanes ORDER BY id").bindparams(
    bindparam("lanes", expanding=True)
)
_DUE_NOW = text(
    "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND attempts > 0"
)
_STALE = {
    "sqlite": "last_heartbeat < :before",
    "postgresql": "last_heartbeat < now() - make_interval(secs => :seconds)",
}
_LOOK = {
    dialect: text(
        f"{_DOING} AND (worker_id IS NULL OR worker_id IN"
        f" (SELECT id FROM procrastinate_workers WHERE {stale} AND id <> :me)) ORDER BY id"
    )
    for dialect, stale in _STALE.items()
}
_PRUNE = {
    dialect: text(f"DELETE FROM procrastinate_workers WHERE {stale} AND id <> :me")
    for dialect, stale in _STALE.items()
}


async def everything(store: Store) -> None:
    """
    Put back all that is `doing`: nobody alive is.

    What waits to be tried again is due now: whoever starts us may have mended what was wrong.
    """
    async with store.writing() as tx:
        await _back(store, tx, _ALL, {})
        await tx.execute(_DUE_NOW)
        await tx.execute(text("DELETE FROM procrastinate_workers"))


async def ours(store: Store, lanes: Collection[str]) -> None:
    """Put back what is `doing` in lanes that nobody else works on: whoever did is dead, since we start."""
    async with store.writing() as tx:
        await _back(store, tx, _OURS, {"lanes": list(lanes)})


async def _back(
    store: Store, tx: AsyncConnection, which: TextClause, values: dict[str, object]
) -> int:
    rows = (await tx.execute(which, values)).all()
    for job_id, attempts in rows:
        if await put_back(store, tx, {"id": job_id, "attempts": attempts}, at=None):
            log.warning("job_taken_over", job=job_id, attempt=attempts + 1)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks for workers whose heartbeat has been missing for `stalled_after` seconds."""

    store: Store
    clock: Clock
    stalled_after: float
    alone: bool

    async def look(self, me: int) -> int:
        """Take over what the dead held and strike them off; give the number of jobs."""
        if self.alone:
            return 0
        before = self.clock.now() - timedelta(seconds=self.stalled_after)
        values: dict[str, object] = {"me": me}
        if self.store.dialect == "sqlite":
            values["before"] = stamp(before)
        else:
            values["seconds"] = self.stalled_after
        async with self.store.reading() as conn:
            if not (await conn.execute(_LOOK[self.store.dialect], values)).first():
                return 0
        async with self.store.writing() as tx:
            taken = await _back(self.store, tx, _LOOK[self.store.dialect], values)
            await tx.execute(_PRUNE[self.store.dialect], values)
        return taken
