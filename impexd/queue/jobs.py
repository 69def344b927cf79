"""
The one interface to what is done later: enqueue, work, stop, cancel, depth.

Takes an open `Store` and the tasks by name; gives a `Queue`.  See the package for what holds.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import JobDeferrer
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.backoff import Backoff
from impexd.core.clock import SYSTEM, Clock
from impexd.queue import postgres, sqlite, takeover, worker
from impexd.queue.line import Line, edge
from impexd.store.engine import Store
from impexd.store.journal import batches

HOUSE, CALLS = "default", "calls"
"""
The lanes: what is worked on here, and what mostly waits for somebody else to answer.

A courier that hangs must not keep an import waiting, nor ten imports a message.
"""


def at(node: int, lane: str = HOUSE) -> str:
    """Pure: the lane, or the lock, of what only one of several daemons can do, because it has the files."""
    return f"{lane}-{node}"


RETRIES = Backoff(first=1.0, most=300.0)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do, as its task gets it."""

    id: int
    task: str
    args: dict[str, Any]
    attempt: int
    """Counts from 1; one more each time the job is put back, by a failure or a take-over."""
    lock: str | None


Task = Callable[[Job], Awaitable[None]]
"""
Carries a job out.  It MUST be harmless when begun again after being cut short anywhere.

It is cancelled when `Queue.work` is; then the job is put back.
"""


_WAITING = text(
    "SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock IN :onces"
).bindparams(bindparam("onces", expanding=True))


class Queue:
    """The jobs of one store."""

    def __init__(self, store: Store, app: App, line: Line, crew: worker.Crew) -> None:
        self._store = store
        self._app = app
        self._line = line
        self._crew = crew

    async def enqueue(
        self,
        tx: AsyncConnection,
        task: str,
        args: dict[str, Any],
        *,
        lock: str | None = None,
        priority: int = 0,
        not_before: datetime | None = None,
        once: str | None = None,
        lane: str = HOUSE,
    ) -> int | None:
        """
        Add a job in the caller's transaction and give its id.

        `tx` comes from `Store.writing` or `alone`.  `args` is JSON.  Higher `priority` goes
        first.  None if a job with the same `once` waits already.
        """
        deferrer = await self._deferrer(
            tx,
            task,
            lock=lock,
            priority=priority,
            schedule_at=not_before,
            queueing_lock=once,
            queue=lane,
        )
        with edge():
            if once is None:
                return await deferrer.defer_async(args=args)
            try:
                # The savepoint, because PostgreSQL spoils the transaction of a refused row.
                async with tx.begin_nested():
                    return await deferrer.defer_async(args=args)
            except AlreadyEnqueued:
                return None

    async def enqueue_all(
        self,
        tx: AsyncConnection,
        task: str,
        wanted: Mapping[str, dict[str, Any]],
        *,
        lock: str | None = None,
        priority: int = 0,
        lane: str = HOUSE,
    ) -> None:
        """
        Add many jobs in the caller's transaction, in order: `once` -> `args`, as in `enqueue`.

        Those that wait already are left out.
        """
        waiting = await self._waiting(tx, list(wanted))
        fresh = {once: args for once, args in wanted.items() if once not in waiting}
        if not fresh:
            return
        how = {"lock": lock, "priority": priority}
        deferrer = await self._deferrer(tx, task, queue=lane, **how)
        made = [
            deferrer.job.evolve(queueing_lock=once, task_kwargs={"args": args})
            for once, args in fresh.items()
        ]
        try:
            with edge():
                async with tx.begin_nested():
                    manager = self._app.job_manager
                    await manager.batch_defer_jobs_async(made, connection=deferrer.connection)
        except AlreadyEnqueued:  # another process has added one of them since we looked
            for once, args in fresh.items():
                await self.enqueue(
                    tx, task, args, once=once, lock=lock, priority=priority, lane=lane
                )

    async def _deferrer(self, tx: AsyncConnection, task: str, **how: Any) -> JobDeferrer:
        """Have Procrastinate add jobs of a task in the caller's transaction."""
        connection: object = tx
        if self._store.dialect == "postgresql":
            connection = (await tx.get_raw_connection()).driver_connection
        return self._app.configure_task(task, connection=connection, **how)

    async def _waiting(self, tx: AsyncConnection, onces: Sequence[str]) -> set[str]:
        """Of some jobs, by their `once`, find those that wait."""
        found: set[str] = set()
        for some in batches(onces):
            found |= set(await tx.scalars(_WAITING, {"onces": list(some)}))
        return found

    async def work(
        self, *, concurrency: int = 2, drain: bool = False, lanes: worker.Lanes = None
    ) -> None:
        """
        Carry jobs of some lanes (None: of all) out, `concurrency` at a time, until cancelled or stopped.

        With `drain` it ends when nothing that is due is left.  A database that does not
        answer is waited for.  Cancelled, it ends within seconds; what was running is put
        back, or left to be taken over if the database does not answer either.
        """
        await self._crew.work(concurrency=concurrency, drain=drain, lanes=lanes)

    def stop(self) -> None:
        """End `work`, now and for good: running jobs are finished, no new ones are taken."""
        self._crew.stop()

    async def cancel(self, job_id: int) -> bool:
        """Remove a job that waits; False if it runs or there is none."""
        with edge():
            gone = await self._app.job_manager.cancel_job_by_id_async(job_id, delete_job=True)
        self._line.wake()
        return gone

    async def withdraw(self, tx: AsyncConnection, onces: Sequence[str]) -> None:
        """Take jobs back that wait, by their `once`, in the caller's transaction."""
        gone = text(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock IN :onces"
        ).bindparams(bindparam("onces", expanding=True))
        for some in batches(onces):
            await tx.execute(gone, {"onces": list(some)})

    async def abandon(self, tx: AsyncConnection, lanes: Collection[str]) -> None:
        """Take all jobs of some lanes away, in the caller's transaction: nobody will carry them."""
        gone = text(
            "DELETE FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
            " AND queue_name IN :lanes"
        ).bindparams(bindparam("lanes", expanding=True))
        await tx.execute(gone, {"lanes": list(lanes)})

    async def ahead(self, tasks: Collection[str]) -> datetime | None:
        """
        Give the moment at which the next job of these tasks is due that was put off on purpose.

        Jobs that wait because they have failed do not count.
        """
        query = text(
            "SELECT min(scheduled_at) FROM procrastinate_jobs"
            " WHERE status = 'todo' AND attempts = 0 AND task_name IN :tasks"
        ).bindparams(bindparam("tasks", expanding=True))
        async with self._store.reading() as conn:
            found = (await conn.execute(query, {"tasks": list(tasks)})).scalar()
        return datetime.fromisoformat(found) if isinstance(found, str) else found

    async def depth(self, lanes: worker.Lanes = None) -> dict[str, int]:
        """Count the jobs of some lanes (None: of all) that wait (`todo`), run (`doing`) and have `failed`."""
        where = "" if lanes is None else " WHERE queue_name IN :lanes"
        by_status = text(f"SELECT status, count(*) FROM procrastinate_jobs{where} GROUP BY status")
        if lanes is not None:
            by_status = by_status.bindparams(bindparam("lanes", list(lanes), expanding=True))
        async with self._store.reading() as conn:
            found = {row[0]: row[1] for row in await conn.execute(by_status)}
        return {status: found.get(status, 0) for status in ("todo", "doing", "failed")}


@asynccontextmanager
async def opened(
    store: Store,
    tasks: Mapping[str, Task],
    *,
    clock: Clock = SYSTEM,
    heartbeat: float = 10.0,
    stalled_after: float = 30.0,
    poll: float = 2.0,
    retries: Backoff = RETRIES,
    alone: bool = False,
    ours: Collection[str] = (),
) -> AsyncIterator[Queue]:
    """
    Open the queue for as long as the block lasts.

    `alone`: no other daemon has this database (the caller holds the instance's lock), so
    what is `doing` now belongs to the dead and is put back at once; so is, where there are
    others, what is `doing` in lanes that are `ours` only.  `poll` bounds how late
    a job is seen whose moment comes, or that another process enqueued.  On PostgreSQL the
    server's clock says what is due.
    """
    line = Line(store, clock)
    connector = (
        sqlite.SqliteConnector(store, line, clock)
        if store.dialect == "sqlite"
        else postgres.PostgresConnector(store.url, line)
    )
    app = App(connector=connector)
    crew = worker.Crew(
        app,
        line,
        takeover.Watch(store, clock, stalled_after=stalled_after, alone=alone),
        clock,
        heartbeat=heartbeat,
        poll=poll,
    )
    for name, task in tasks.items():
        crew.register(name, _bound(task), retries)
    worker.quiet()
    if alone:
        await takeover.everything(store)
    elif ours:
        await takeover.ours(store, ours)
    with edge():
        await app.open_async()
    try:
        yield Queue(store, app, line, crew)
    finally:
        line.close()
        await app.close_async()


def _bound(task: Task) -> worker.Bound:
    """Hand a task its job in our words."""

    async def run(
        job_id: int, name: str, args: dict[str, Any], attempt: int, lock: str | None
    ) -> None:
        await task(Job(job_id, name, args, attempt, lock))

    return run
