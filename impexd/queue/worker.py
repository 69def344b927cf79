"""
Procrastinate's worker, kept running, beating, and ended the way we want.

Its own manners do not fit a daemon: cancelled, it waits for its jobs; a database that does
not answer ends it; while it ends its heart stands still, so others take its jobs over; what
a job raised is logged with the job's arguments.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, cast

import anyio
import structlog
from procrastinate import App, JobContext
from procrastinate.worker import Worker

from impexd.core.backoff import Backoff, chance
from impexd.core.clock import Clock
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.queue.line import PATIENCE, Line, edge
from impexd.queue.retries import Retries, passing
from impexd.queue.takeover import Watch

log = structlog.get_logger(__name__)

GRACE = 3.0
"""Seconds that a cancelled worker gets to put its jobs back."""
NEVER = 1e6

Lanes = Sequence[str] | None
"""The lanes that a worker takes jobs from; None if from all."""
Bound = Callable[[int, str, dict[str, Any], int, str | None], Awaitable[None]]
"""A task: takes job id, task name, arguments, attempt and lock."""


def quiet() -> None:
    """Keep Procrastinate's own account of each job out of the log; its faults stay."""
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    logging.getLogger("procrastinate.worker").addFilter(_no_outcome)


def _no_outcome(record: logging.LogRecord) -> bool:
    return not str(getattr(record, "action", "")).startswith("job_")


class _Worker(Protocol):
    """What we use of Procrastinate's worker."""

    worker_id: int | None
    shutdown_graceful_timeout: float | None

    async def run(self) -> None: ...
    def stop(self) -> None: ...


class Crew:
    """Carries jobs out until it is told to stop."""

    def __init__(
        self, app: App, line: Line, watch: Watch, clock: Clock, *, heartbeat: float, poll: float
    ) -> None:
        self._app = app
        self._line = line
        self._watch = watch
        self._clock = clock
        self._heartbeat = heartbeat
        self._poll = poll
        self._running: set[asyncio.Task[Any]] = set()
        self._workers: set[_Worker] = set()
        self._halt = asyncio.Event()

    def register(self, name: str, task: Bound, retries: Backoff) -> None:
        """Make a task known under a name."""

        async def run(context: JobContext, /, *, args: dict[str, Any]) -> None:
            await self._run(context, task, args)

        self._app.task(name=name, pass_context=True, retry=Retries(retries, self._clock))(run)

    async def _run(self, context: JobContext, task: Bound, args: dict[str, Any]) -> None:
        job = context.job
        assert job.id is not None
        attempt = job.attempts + 1
        about = {"job": job.id, "task": job.task_name, "attempt": attempt}
        me = asyncio.current_task()
        assert me is not None
        self._running.add(me)
        try:
            await task(job.id, job.task_name, args, attempt, job.lock)
        except Exception as exc:
            if passing(exc):
                log.warning("job_put_off", **about, error=shown(str(exc)))
            else:
                log.error("job_failed", **about, exc_info=exc)
            raise
        finally:
            self._running.discard(me)

    def stop(self) -> None:
        """Take no new job; `work` ends when the running ones have."""
        self._halt.set()
        for worker in self._workers:
            worker.stop()

    async def work(self, *, concurrency: int, drain: bool, lanes: Lanes) -> None:
        """Carry jobs of some lanes out until stopped, cancelled, or (`drain`) nothing due is left."""
        faults = 0
        while not self._halt.is_set():
            try:
                with edge():
                    await self._shift(concurrency, lanes, drain=drain)
                    if drain and not await self._line.due(lanes):
                        return
                    faults = 0 if drain else faults + 1
            except WorldError as exc:
                faults += 1
                log.warning("worker_waits", error=shown(str(exc)))
            if faults:
                with anyio.move_on_after(PATIENCE.delay(faults, chance=chance(self._clock))):
                    await self._halt.wait()

    async def _shift(self, concurrency: int, lanes: Lanes, *, drain: bool) -> None:
        """Run one worker from its start to its end."""
        worker = self._engaged(concurrency, lanes)
        self._workers.add(worker)
        # A task of its own, because a cancelled `run` would wait for its jobs without an end.
        # It has ended, or was cut off, when this function returns.
        run = asyncio.create_task(worker.run(), name="worker")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat, worker)
            if drain:
                tasks.start_soon(self._dismiss, worker, lanes)
            try:
                await asyncio.wait({run})
            except asyncio.CancelledError:
                with anyio.CancelScope(shield=True):
                    await self._cut(worker, run)
                raise
            finally:
                self._workers.discard(worker)
            tasks.cancel_scope.cancel()
        run.result()

    def _engaged(self, concurrency: int, lanes: Lanes) -> _Worker:
        worker = Worker(
            self._app,
            queues=None if lanes is None else list(lanes),
            concurrency=concurrency,
            fetch_job_polling_interval=self._poll,
            abort_job_polling_interval=NEVER,
            update_heartbeat_interval=NEVER,
            stalled_worker_timeout=self._watch.stalled_after,
            delete_jobs="successful",
            install_signal_handlers=False,
        )
        return cast(_Worker, worker)

    async def _beat(self, worker: _Worker) -> None:
        """Say that we live, also while we end; look after those who do not."""
        if self._halt.is_set():  # said before the worker had begun, which made it forget
            worker.stop()
        while True:
            await anyio.sleep(self._heartbeat)
            if worker.worker_id is None:
                continue
            try:
                with edge():
                    # All of ours first: after a pause of the machine none may take another for dead.
                    for id in [one.worker_id for one in self._workers]:
                        if id is not None:
                            await self._app.job_manager.update_heartbeat(id)
                    if await self._watch.look(worker.worker_id):
                        self._line.wake()
            except WorldError as exc:
                log.warning("heartbeat_missed", error=shown(str(exc)))

    async def _dismiss(self, worker: _Worker, lanes: Lanes) -> None:
        """End the worker when it has nothing to do."""
        # A database that does not answer ends it too; `work` then finds out why.
        with suppress(WorldError):
            while self._running or await self._line.due(lanes):  # noqa: ASYNC110
                await anyio.sleep(0.02)
        worker.stop()

    async def _cut(self, worker: _Worker, run: asyncio.Task[None]) -> None:
        """End a worker within seconds; its jobs are cancelled and so put back."""
        worker.shutdown_graceful_timeout = 0
        worker.stop()
        if self._halt.is_set():  # it waits for its jobs already, and does not look at the timeout
            for job in self._running:
                job.cancel()
        await asyncio.wait({run}, timeout=GRACE)
        if run.done():
            if not run.cancelled() and (error := run.exception()):
                log.warning("worker_ended", error=shown(str(error)))
            return
        log.warning("worker_abandoned", jobs=len(self._running))
        self._line.close()
        for _ in range(3):
            for task in (run, *self._running):
                task.cancel()
            await asyncio.wait({run}, timeout=0.2)
