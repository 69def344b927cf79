"""
Procrastinate on SQLite: its named queries, answered by the store's own file.

Procrastinate sends everything it wants of a database as one of the queries in
`procrastinate.sql.queries`.  Those in `SERVED` are answered here, as its SQL functions do on
PostgreSQL; `UNUSED` are never sent by what we use of it.  A test holds that these are all.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from procrastinate import sql
from procrastinate.connector import BaseAsyncConnector, Notify
from procrastinate.exceptions import UniqueViolation
from procrastinate.manager import QUEUEING_LOCK_CONSTRAINT
from procrastinate.types import JobToDefer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock, stamp
from impexd.queue.line import DUE, Line, listed
from impexd.store.engine import Store

Rows = list[dict[str, Any]]

_TAKE = text(
    "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker"
    f" WHERE id = ({DUE}) RETURNING *"
)
_INSERT = text(
    "INSERT INTO procrastinate_jobs"
    " (queue_name, task_name, priority, lock, queueing_lock, args, status, scheduled_at)"
    " SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),"
    " json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'), 'todo',"
    " json_extract(value, '$[6]')"
    " FROM json_each(:jobs) WHERE true ORDER BY key"
    " ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING RETURNING id, queueing_lock"
)
NOTHING = {"id": None}


class SqliteConnector(BaseAsyncConnector):
    """Speaks to the SQLite file through the store, one transaction a query."""

    def __init__(self, store: Store, line: Line, clock: Clock) -> None:
        self._store = store
        self._line = line
        self._clock = clock

    async def open_async(self, pool: object = None) -> None:
        """Do nothing: the store is open."""

    async def close_async(self) -> None:
        """Do nothing: the store is closed by who opened it."""

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        """Answer a query that gives nothing."""
        await self._answer(query, arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        """Answer a query that gives one row."""
        return (await self._answer(query, arguments))[0]

    async def execute_query_all_async(self, query: str, **arguments: Any) -> Rows:
        """Answer a query that gives rows."""
        return await self._answer(query, arguments)

    async def execute_query_all_async_with_connection(
        self, connection: AsyncConnection, query: str, **arguments: Any
    ) -> Rows:
        """Answer a query in the caller's transaction."""
        rows = await SERVED[NAMES[query]](self, connection, **arguments)
        self._store.after_commit(connection, self._line.wake)
        return rows

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Pass on our own bell, until cancelled; other processes are found by polling."""
        await self._line.listen(on_notification)

    async def _answer(self, query: str, arguments: dict[str, Any]) -> Rows:
        name = NAMES[query]
        if name in {"finish_job", "retry_job"}:
            await self._line.settle(query, arguments)
            return []
        if name == "fetch_job" and not await self._due(arguments["queues"]):
            return [NOTHING]
        async with self._store.writing() as tx:
            return await SERVED[name](self, tx, **arguments)

    async def _due(self, lanes: Iterable[str] | None) -> bool:
        """Look without the writer, which a merge may hold for long."""
        while True:
            rung = self._line.rung
            if await self._line.due(lanes):
                return True
            # The worker forgets the bells that rang while it looked: look again.
            if rung == self._line.rung:
                return False

    def _now(self, *, less: float = 0.0) -> str:
        return stamp(self._clock.now() - timedelta(seconds=less))

    async def _defer_jobs(self, tx: AsyncConnection, jobs: list[JobToDefer]) -> Rows:
        made = (
            await tx.execute(_INSERT, {"jobs": json.dumps([_columns(job) for job in jobs])})
        ).all()
        if len(made) < len(jobs):
            known = {lock for _, lock in made}
            lock = next(job.queueing_lock for job in jobs if job.queueing_lock not in known)
            raise UniqueViolation(constraint_name=QUEUEING_LOCK_CONSTRAINT, queueing_lock=lock)
        return [{"id": id} for id in sorted(id for id, _ in made)]

    async def _fetch_job(
        self, tx: AsyncConnection, queues: Iterable[str] | None, worker_id: int
    ) -> Rows:
        values = {"now": self._now(), "worker": worker_id, "lanes": listed(queues)}
        row = (await tx.execute(_TAKE, values)).mappings().first()
        if row is None:
            return [NOTHING]
        at = row["scheduled_at"]
        job = dict(row) | {
            "args": json.loads(row["args"]),
            "scheduled_at": at and datetime.fromisoformat(at),
        }
        self._line.took(job)
        return [job]

    async def _cancel_job(
        self, tx: AsyncConnection, job_id: int, abort: bool, delete_job: bool
    ) -> Rows:
        gone = text(
            "DELETE FROM procrastinate_jobs WHERE id = :id AND status = 'todo' RETURNING id"
        )
        return [{"id": await tx.scalar(gone, {"id": job_id})}]

    async def _list_jobs_to_abort(self, tx: AsyncConnection, queue_name: str | None) -> Rows:
        return []  # nobody asks for it

    async def _register_worker(self, tx: AsyncConnection) -> Rows:
        new = text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (:now) RETURNING id")
        return [{"worker_id": await tx.scalar(new, {"now": self._now()})}]

    async def _unregister_worker(self, tx: AsyncConnection, worker_id: int) -> Rows:
        gone = text("DELETE FROM procrastinate_workers WHERE id = :id")
        await tx.execute(gone, {"id": worker_id})
        return []

    async def _update_heartbeat(self, tx: AsyncConnection, worker_id: int) -> Rows:
        beat = text("UPDATE procrastinate_workers SET last_heartbeat = :now WHERE id = :id")
        await tx.execute(beat, {"id": worker_id, "now": self._now()})
        return []

    async def _prune_stalled_workers(
        self, tx: AsyncConnection, seconds_since_heartbeat: float
    ) -> Rows:
        gone = text(
            "DELETE FROM procrastinate_workers WHERE last_heartbeat < :before"
            " RETURNING id AS worker_id"
        )
        before = self._now(less=seconds_since_heartbeat)
        return [dict(row) for row in (await tx.execute(gone, {"before": before})).mappings()]


def _columns(job: JobToDefer) -> list[object]:
    """Pure: what a job's row says, in the order of `_INSERT`."""
    args = json.dumps(job.args, allow_nan=False)
    at = job.scheduled_at and stamp(job.scheduled_at)
    return [job.queue_name, job.task_name, job.priority, job.lock, job.queueing_lock, args, at]


NAMES = {query: name for name, query in sql.queries.items()}
SERVED: dict[str, Callable[..., Awaitable[Rows]]] = {
    "defer_jobs": SqliteConnector._defer_jobs,
    "fetch_job": SqliteConnector._fetch_job,
    "cancel_job": SqliteConnector._cancel_job,
    "list_jobs_to_abort": SqliteConnector._list_jobs_to_abort,
    "register_worker": SqliteConnector._register_worker,
    "unregister_worker": SqliteConnector._unregister_worker,
    "update_heartbeat": SqliteConnector._update_heartbeat,
    "prune_stalled_workers": SqliteConnector._prune_stalled_workers,
}
SETTLED = frozenset({"finish_job", "retry_job"})
"""Answered by the `Line`, on both engines."""
UNUSED = frozenset(
    {
        "check_connection",
        "count_jobs_status",
        "defer_periodic_job",
        "delete_old_jobs",
        "get_job_status",
        "list_jobs",
        "list_locks",
        "list_queues",
        "list_tasks",
        "listen_queue",
        "select_stalled_jobs_by_heartbeat",
        "select_stalled_jobs_by_started",
    }
)
