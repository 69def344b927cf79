"""
What both connectors share: waking the worker, and writing down how a job ended.

Procrastinate forgets two things that we need.  A finished job wakes nobody, although it may
have been the one whose lock others wait for.  And it lets any worker end any job: one that
was stopped for a minute and lost its job would end it under the hands of the worker that has
it now.  So the outcome is written here, by the same SQL on both engines, fenced by the
attempt, and again and again while the database does not answer.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import anyio
import structlog
from procrastinate import sql
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException, UniqueViolation
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.backoff import Backoff, chance
from impexd.core.clock import Clock, stamp
from impexd.core.errors import WorldError
from impexd.store import errors
from impexd.store.engine import Store
from impexd.store.errors import Contended

log = structlog.get_logger(__name__)

CHANNEL = "procrastinate_any_queue_v1"
INSERTED = '{"type": "job_inserted", "job_id": 0}'
PATIENCE = Backoff(first=0.1, most=10.0)

FETCH = sql.queries["fetch_job"]
FINISH = sql.queries["finish_job"]
RETRY = sql.queries["retry_job"]

_MINE = "id = :id AND status = 'doing' AND attempts = :attempts"
_GIVE_WAY = text(
    f"DELETE FROM procrastinate_jobs WHERE {_MINE} AND EXISTS (SELECT 1 FROM procrastinate_jobs"
    " AS other WHERE other.queueing_lock = procrastinate_jobs.queueing_lock"
    " AND other.status = 'todo') RETURNING id"
)
_PUT_BACK = text(
    "UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, worker_id = NULL,"
    f" abort_requested = false, scheduled_at = :at WHERE {_MINE} RETURNING id"
)
_DELETE = text(f"DELETE FROM procrastinate_jobs WHERE {_MINE} RETURNING id")
_END = {
    status: text(
        f"UPDATE procrastinate_jobs SET status = '{status}', attempts = attempts + 1,"
        f" abort_requested = false WHERE {_MINE} RETURNING id"
    )
    for status in ("succeeded", "failed", "aborted")
}

DUE = """
    WITH RECURSIVE line(lock) AS (
        SELECT min(lock) FROM procrastinate_jobs
        UNION ALL
        SELECT (SELECT min(lock) FROM procrastinate_jobs WHERE lock > line.lock)
        FROM line WHERE line.lock IS NOT NULL
    ), head(id) AS (
        SELECT (SELECT min(id) FROM procrastinate_jobs AS first
            WHERE first.lock = line.lock AND first.status = 'todo' AND first.priority = (
                SELECT max(priority) FROM procrastinate_jobs AS highest
                WHERE highest.lock = line.lock AND highest.status = 'todo'))
        FROM line WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS other
            WHERE other.lock = line.lock AND other.status = 'doing')
        UNION ALL
        SELECT id FROM procrastinate_jobs WHERE lock IS NULL AND status = 'todo'
    )
    SELECT job.id FROM head JOIN procrastinate_jobs AS job ON job.id = head.id
    WHERE (:lanes IS NULL OR queue_name IN (SELECT value FROM json_each(:lanes)))
    AND (scheduled_at IS NULL OR scheduled_at <= :now)
    ORDER BY priority DESC, job.id LIMIT 1
"""
"""
The job to be taken next, as Procrastinate's own function chooses it.

It goes from lock to lock, of which there are few, and looks at the first job of each: a hundred
thousand that wait behind one another cost no more than one.
"""
_DUE = {
    "sqlite": text(DUE),
    "postgresql": text(
        DUE.replace(":now", "now()")
        .replace("SELECT value FROM json_each(:lanes)", "SELECT jsonb_array_elements_text(:lanes)")
        .replace(":lanes", "CAST(:lanes AS JSONB)")
    ),
}


def listed(lanes: Iterable[str] | None) -> str | None:
    """Pure: lanes as the statements take them."""
    return None if lanes is None else json.dumps(list(lanes))


@contextmanager
def edge() -> Iterator[None]:
    """Translate what leaves the block, out of Procrastinate's wrapping as well."""
    with errors.edge():
        try:
            yield
        except UniqueViolation as exc:
            # Two workers took jobs of one lock in the same instant: one of them tries again.
            raise Contended(hint=errors.RETRY) from exc
        except ConnectorException as exc:
            better = errors.translated(exc.__cause__) if exc.__cause__ else None
            if better is None:
                raise
            raise better from exc


class Line:
    """The jobs that this process holds, and the bell that rings when there may be another."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._held: dict[int, int] = {}
        self._bell = asyncio.Event()
        self._closed = False
        self.rung = 0
        """How often the bell rang."""

    def wake(self) -> None:
        """Have the worker look for a job."""
        self.rung += 1
        self._bell.set()

    async def listen(self, notify: Notify) -> None:
        """Tell the worker whenever the bell rings, until cancelled."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            await notify(channel=CHANNEL, payload=INSERTED)

    async def due(self, lanes: Iterable[str] | None) -> bool:
        """Say whether a job of some lanes (None: any) could be taken now; does not need the writer."""
        given: dict[str, str | None] = {"lanes": listed(lanes)}
        if self._store.dialect == "sqlite":
            given["now"] = stamp(self._clock.now())
        async with self._store.reading() as conn:
            return (await conn.execute(_DUE[self._store.dialect], given)).first() is not None

    def took(self, row: Mapping[str, Any]) -> None:
        """Remember a fetched job: with the number of its attempt it is ours."""
        if row["id"] is not None:
            self._held[row["id"]] = row["attempts"]

    def close(self) -> None:
        """Give up writing down what could not be written."""
        self._closed = True

    async def settle(self, query: str, arguments: Mapping[str, Any]) -> None:
        """
        Carry out `finish_job` or `retry_job`, however long the database takes to answer.

        Raises `WorldError` only once closed: the job is then left to be taken over.
        """
        job_id = arguments["job_id"]
        attempts = self._held.pop(job_id)
        attempt = 0
        while True:
            try:
                with edge():
                    async with self._store.writing() as tx:
                        mine = await self._outcome(tx, query, arguments, attempts)
                break
            except (WorldError, IntegrityError) as exc:
                if self._closed:
                    raise
                attempt += 1
                if attempt == 1:
                    log.warning("job_outcome_waits", job=job_id, error=str(exc))
            await anyio.sleep(PATIENCE.delay(attempt, chance=chance(self._clock)))
        if not mine:
            log.warning("job_was_taken_over", job=job_id, attempt=attempts + 1)
        self.wake()

    async def _outcome(
        self, tx: AsyncConnection, query: str, arguments: Mapping[str, Any], attempts: int
    ) -> bool:
        key = {"id": arguments["job_id"], "attempts": attempts}
        if query == RETRY:
            return await put_back(self._store, tx, key, at=arguments["retry_at"])
        end = _DELETE if arguments["delete_job"] else _END[arguments["status"]]
        return (await tx.execute(end, key)).first() is not None


async def put_back(
    store: Store, tx: AsyncConnection, key: dict[str, int], *, at: datetime | None
) -> bool:
    """
    Have a job (`id`, `attempts`) wait again, until `at`; False if it is nobody's any more.

    It is removed instead if another with the same `once` waits already.
    """
    if (await tx.execute(_GIVE_WAY, key)).first():
        return True
    moment = stamp(at) if at and store.dialect == "sqlite" else at
    return (await tx.execute(_PUT_BACK, {**key, "at": moment})).first() is not None
