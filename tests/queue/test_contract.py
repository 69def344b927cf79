"""What the queue promises, on both engines."""

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
import structlog
from procrastinate import sql
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from impexd.core.backoff import Backoff
from impexd.core.errors import DataError, Unreachable, WorldError
from impexd.queue import jobs
from impexd.queue.jobs import Job, Queue, Task
from impexd.queue.sqlite import SERVED, SETTLED, UNUSED
from impexd.store import engine
from impexd.store.engine import Store

SOON = Backoff(first=0.01, most=0.02)
SCHEMA = "c70ec4b400a6"  # sha256 of the schema.sql that migration 0001 applies


class Log:
    """A task that remembers what it was given."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def __call__(self, job: Job) -> None:
        self.jobs.append(job)

    @property
    def names(self) -> list[str]:
        return [job.args["n"] for job in self.jobs]


@asynccontextmanager
async def working(queue: Queue, **how: Any) -> AsyncIterator[None]:
    """Work beside the block, and cancel it at the end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: queue.work(**how))
        yield
        tasks.cancel_scope.cancel()


async def put(store: Store, queue: Queue, task: str, n: object = 0, **how: Any) -> int | None:
    async with store.writing() as tx:
        return await queue.enqueue(tx, task, {"n": n}, **how)


async def drained(store: Store, tasks: dict[str, Task], **how: Any) -> None:
    async with jobs.opened(store, tasks, **how) as queue:
        with anyio.fail_after(10):
            await queue.work(drain=True)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(15):
        while not await true():
            await anyio.sleep(0.01)


# what we know of Procrastinate


def test_each_query_of_procrastinate_is_answered_or_known_to_be_unused() -> None:
    assert set(sql.queries) == set(SERVED) | SETTLED | UNUSED
    assert not set(SERVED) & (SETTLED | UNUSED)


def test_the_schema_of_procrastinate_is_the_one_we_migrate_to() -> None:
    found = hashlib.sha256(SchemaManager.get_schema().encode()).hexdigest()
    assert found.startswith(SCHEMA), "write a migration, then change SCHEMA"


# enqueue


async def test_a_job_is_there_if_and_only_if_its_transaction_was_committed(store: Store) -> None:
    done = Log()
    async with jobs.opened(store, {"do": done}) as queue:
        with pytest.raises(KeyError):
            async with store.writing() as tx:
                await queue.enqueue(tx, "do", {"n": "rolled back"})
                raise KeyError
        async with store.writing() as tx:
            await queue.enqueue(tx, "do", {"n": "committed"})
        assert await queue.depth() == {"todo": 1, "doing": 0, "failed": 0}
        await queue.work(drain=True)
        assert done.names == ["committed"]
        assert await queue.depth() == {"todo": 0, "doing": 0, "failed": 0}


async def test_a_job_arrives_as_it_was_given(store: Store) -> None:
    done = Log()
    args = {"self": 1, "context": [None, True, "ü\n"], "deep": {"job_id": 2.5}}
    async with jobs.opened(store, {"do": done}) as queue:
        async with store.writing() as tx:
            made = await queue.enqueue(tx, "do", args, lock="group")
        await queue.work(drain=True)
    assert done.jobs == [Job(made or 0, "do", args, 1, "group")]


async def test_numbers_of_jobs_are_not_used_again(store: Store) -> None:
    async with jobs.opened(store, {"do": Log()}) as queue:
        first = await put(store, queue, "do")
        await queue.work(drain=True)
        second = await put(store, queue, "do")
    assert first is not None
    assert second is not None
    assert second > first


async def test_many_jobs_are_added_in_order_but_for_those_that_wait_already(store: Store) -> None:
    done = Log()
    wanted = {f"once {n}": {"n": n} for n in range(700)}
    async with jobs.opened(store, {"do": done}) as queue:
        async with store.writing() as tx:
            await queue.enqueue_all(tx, "do", {}, lock="group")
            await queue.enqueue(tx, "do", {"n": 500}, lock="group", once="once 500")
            await queue.enqueue_all(tx, "do", wanted, lock="group")
        async with store.writing() as tx:
            await queue.enqueue_all(tx, "do", wanted, lock="group")
            await queue.enqueue_all(tx, "do", {"first": {"n": -1}}, lock="group", priority=1)
        assert (await queue.depth())["todo"] == 701
        found = await _queued(store)
    assert found == [500, *(n for n in range(700) if n != 500), -1]


async def _queued(store: Store) -> list[int]:
    """The jobs that wait, by their numbers."""
    async with store.reading() as conn:
        rows = await conn.scalars(text("SELECT args FROM procrastinate_jobs ORDER BY id"))
        found = [json.loads(row) if isinstance(row, str) else row for row in rows]
    return [args["args"]["n"] for args in found]


async def test_a_job_that_another_adds_meanwhile_is_not_added_twice(store: Store) -> None:
    async with jobs.opened(store, {"do": Log()}) as queue:
        adding = anyio.Event()

        async def second() -> None:
            async with store.writing() as tx:
                await adding.wait()
                await queue.enqueue_all(tx, "do", {"a": {"n": 1}, "b": {"n": 2}})

        async with anyio.create_task_group() as tasks, store.writing() as tx:
            tasks.start_soon(second)
            await queue.enqueue(tx, "do", {"n": 1}, once="a")
            adding.set()
        assert await _queued(store) == [1, 2]


async def test_of_jobs_with_the_same_once_one_waits(store: Store) -> None:
    done = Log()
    async with jobs.opened(store, {"do": done}) as queue:
        async with store.writing() as tx:
            assert await queue.enqueue(tx, "do", {"n": 1}, once="poll") is not None
            assert await queue.enqueue(tx, "do", {"n": 2}, once="poll") is None
            assert await queue.enqueue(tx, "do", {"n": 3}, once="other") is not None
            assert await queue.enqueue(tx, "do", {"n": 4}) is not None
        assert await put(store, queue, "do", 5, once="poll") is None
        await queue.work(drain=True)
        assert sorted(done.names) == [1, 3, 4]
        assert await put(store, queue, "do", 6, once="poll") is not None


async def test_a_failed_job_gives_way_to_one_with_its_once_that_waits(store: Store) -> None:
    tries: list[int] = []

    async def fail_once(job: Job) -> None:
        tries.append(job.args["n"])
        if len(tries) == 1:
            assert await put(store, queue, "do", 2, once="poll") is not None
            raise WorldError

    async with jobs.opened(store, {"do": fail_once}, retries=SOON) as queue:
        await put(store, queue, "do", 1, once="poll")
        await queue.work(drain=True, concurrency=1)
        assert tries == [1, 2]
        assert await queue.depth() == {"todo": 0, "doing": 0, "failed": 0}


async def test_a_waiting_job_can_be_cancelled_and_a_running_one_not(store: Store) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait(job: Job) -> None:
        begun.set()
        await go.wait()

    async with jobs.opened(store, {"do": wait}) as queue:
        waiting = await put(store, queue, "do")
        assert await queue.cancel(waiting or 0)
        assert not await queue.cancel(waiting or 0)
        running = await put(store, queue, "do")
        async with working(queue):
            await begun.wait()
            assert not await queue.cancel(running or 0)
            go.set()
            await until(lambda: empty(queue))


async def empty(queue: Queue) -> bool:
    return not any((await queue.depth()).values())


# order


async def test_higher_priority_goes_first_then_older(store: Store) -> None:
    done = Log()
    async with jobs.opened(store, {"do": done}) as queue:
        for n, priority in enumerate([0, 5, 0, -1, 5]):
            await put(store, queue, "do", n, priority=priority)
        await queue.work(concurrency=1, drain=True)
    assert done.names == [1, 4, 0, 2, 3]


async def test_jobs_of_one_lock_go_one_at_a_time_in_order(store: Store) -> None:
    order: dict[str, list[int]] = {"a": [], "b": []}
    inside = {"a": 0, "b": 0}

    async def step(job: Job) -> None:
        assert job.lock is not None
        inside[job.lock] += 1
        assert inside[job.lock] == 1
        await anyio.sleep(0.002)
        order[job.lock].append(job.args["n"])
        inside[job.lock] -= 1

    async with jobs.opened(store, {"do": step}, poll=60) as queue:
        async with store.writing() as tx:
            for n in range(20):
                await queue.enqueue(tx, "do", {"n": n}, lock="ab"[n % 2])
        with anyio.fail_after(10):
            await queue.work(concurrency=4, drain=True)
        assert await empty(queue)
    assert order == {"a": list(range(0, 20, 2)), "b": list(range(1, 20, 2))}


async def test_a_job_to_be_tried_again_holds_up_its_lock_and_nothing_else(store: Store) -> None:
    done: list[str] = []

    async def step(job: Job) -> None:
        if job.args["n"] == "first" and job.attempt == 1:
            raise WorldError
        done.append(job.args["n"])

    async with jobs.opened(store, {"do": step}, poll=0.02, retries=Backoff(600, 600)) as queue:
        await put(store, queue, "do", "first", lock="a")
        await put(store, queue, "do", "second", lock="a")
        await put(store, queue, "do", "other", lock="b")
        await queue.work(drain=True)
        assert done == ["other"]
        await put(store, queue, "do", "urgent", lock="a", priority=1)
        await queue.work(drain=True)
        assert done == ["other", "urgent"]
        await now(store)
        await queue.work(drain=True)
    assert done == ["other", "urgent", "first", "second"]


LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def has(done: list[Any], number: int) -> bool:
    return len(done) >= number


async def now(store: Store) -> None:
    """Make all jobs due."""
    async with store.writing() as tx:
        await tx.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL"))


async def test_a_job_is_not_done_before_its_time(store: Store) -> None:
    done = Log()
    async with jobs.opened(store, {"do": done}, poll=0.02) as queue:
        await put(store, queue, "do", "later", not_before=LATER)
        await put(store, queue, "do", "past", not_before=datetime(2020, 1, 1, tzinfo=UTC))
        soon = datetime.now(UTC) + timedelta(seconds=0.3)
        await put(store, queue, "do", "soon", not_before=soon)
        await queue.work(drain=True)
        assert done.names == ["past"]
        async with working(queue):
            await until(lambda: has(done.jobs, 2))
            assert datetime.now(UTC) >= soon
        assert done.names == ["past", "soon"]
        await now(store)
        await queue.work(drain=True)
    assert done.names == ["past", "soon", "later"]


# failure


async def test_what_may_pass_is_tried_again_until_it_does(store: Store) -> None:
    attempts: list[int] = []

    async def fail(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt < 4:
            raise ExceptionGroup("", [Unreachable("courier")])

    with structlog.testing.capture_logs() as logged:
        async with jobs.opened(store, {"do": fail}, poll=0.01, retries=SOON) as queue:
            await put(store, queue, "do")
            async with working(queue):
                await until(lambda: has(attempts, 4))
                await until(lambda: empty(queue))
    assert attempts == [1, 2, 3, 4]
    assert [line["event"] for line in logged] == ["job_put_off"] * 3


async def test_a_fault_fails_the_job_once_and_the_worker_lives_on(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    async def fail(job: Job) -> None:
        tries.append(job.id)
        secret = "s3cret"
        raise ZeroDivisionError(secret[:0])

    async def reject(job: Job) -> None:
        raise DataError("bad_data", "final")

    done = Log()
    with structlog.testing.capture_logs() as logged:
        async with jobs.opened(store, {"fail": fail, "reject": reject, "do": done}) as queue:
            await put(store, queue, "fail")
            await put(store, queue, "reject")
            await put(store, queue, "do")
            await queue.work(drain=True)
            await queue.work(drain=True)
            assert await queue.depth() == {"todo": 0, "doing": 0, "failed": 2}
    assert len(tries) == 1
    assert len(done.jobs) == 1
    assert sorted((line["event"], line["task"]) for line in logged) == [
        ("job_failed", "fail"),
        ("job_failed", "reject"),
    ]
    assert all(line["exc_info"] is not None for line in logged)
    assert caplog.records == []


async def test_a_failed_job_frees_its_lock(store: Store) -> None:
    done = Log()

    async def fail(job: Job) -> None:
        raise ZeroDivisionError

    async with jobs.opened(store, {"fail": fail, "do": done}) as queue:
        await put(store, queue, "fail", lock="a")
        await put(store, queue, "do", lock="a")
        await queue.work(drain=True)
    assert len(done.jobs) == 1


def test_waits_double_up_to_a_limit_and_are_never_in_step() -> None:
    waits = [jobs.RETRIES.delay(n, chance=0.0) for n in range(1, 12)]
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300
    assert jobs.RETRIES.delay(10_000, chance=0.5) == 225
    assert jobs.RETRIES.delay(3, chance=0.999) < 4


# ends


async def test_drain_ends_with_the_jobs_that_jobs_enqueue(store: Store) -> None:
    done: list[int] = []

    async def chain(job: Job) -> None:
        done.append(job.args["n"])
        if job.args["n"]:
            await put(store, queue, "do", job.args["n"] - 1, lock=job.lock)

    async with jobs.opened(store, {"do": chain}, poll=60) as queue:
        await put(store, queue, "do", 10, lock="a")
        with anyio.fail_after(10):
            await queue.work(drain=True)
    assert done == list(range(10, -1, -1))


async def test_drain_of_an_empty_queue_ends(store: Store) -> None:
    with anyio.fail_after(5):
        await drained(store, {})


async def test_stop_finishes_what_runs_and_takes_nothing_new(store: Store) -> None:
    done: list[int] = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(job: Job) -> None:
        begun.set()
        await go.wait()
        done.append(job.args["n"])

    async with jobs.opened(store, {"do": slow}) as queue:
        await put(store, queue, "do", 1)
        await put(store, queue, "do", 2)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: queue.work(concurrency=1))
            await begun.wait()
            queue.stop()
            await anyio.sleep(0.05)
            assert done == []
            go.set()
        assert done == [1]
        assert await queue.depth() == {"todo": 1, "doing": 0, "failed": 0}
        await queue.work()
    assert done == [1]


async def test_stop_before_the_first_breath_is_heard(store: Store) -> None:
    async with jobs.opened(store, {}) as queue:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(queue.work)
                await anyio.sleep(0)
                queue.stop()


@pytest.mark.parametrize("stopped_before", [False, True])
@pytest.mark.parametrize("native", [False, True])
async def test_cancelled_work_ends_at_once_and_its_jobs_are_put_back(
    store: Store, native: bool, stopped_before: bool
) -> None:
    begun = asyncio.Event()

    async def forever(job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    done = Log()
    async with jobs.opened(store, {"do": forever}) as queue:
        await put(store, queue, "do", lock="a")
        await put(store, queue, "do", lock="a")
        started = time.monotonic()
        if native:
            task = asyncio.create_task(queue.work())
            await begun.wait()
            if stopped_before:
                queue.stop()
                await anyio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with working(queue):
                await begun.wait()
                if stopped_before:
                    queue.stop()
                    await anyio.sleep(0.02)
        assert time.monotonic() - started < 2
        assert await queue.depth() == {"todo": 2, "doing": 0, "failed": 0}
    await drained(store, {"do": done})
    assert [job.attempt for job in done.jobs] == [2, 1]


async def test_a_commit_wakes_the_worker_within_milliseconds(store: Store) -> None:
    waits: list[float] = []
    done = asyncio.Event()

    async def arrive(job: Job) -> None:
        waits.append(time.monotonic() - job.args["n"])
        done.set()

    async with jobs.opened(store, {"do": arrive}, poll=60) as queue, working(queue):
        await put(store, queue, "do", time.monotonic())
        await done.wait()
        for _ in range(20):
            done.clear()
            await anyio.sleep(0.005)
            await put(store, queue, "do", time.monotonic())
            with anyio.fail_after(10):
                await done.wait()
    assert sorted(waits[1:])[10] < 0.1


# crashes


def holder(url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.queue.holder", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def killed(store: Store, url: str) -> None:
    """Have a process take a job of lock `a`, with another one behind it, and kill -9 it."""
    async with jobs.opened(store, {}) as queue:
        await put(store, queue, "hold", "first", lock="a")
        await put(store, queue, "hold", "second", lock="a")
    with holder(url) as process:
        assert process.stdout is not None
        line = await anyio.to_thread.run_sync(process.stdout.readline)
        process.kill()
    assert line.startswith("holding")
    assert line.endswith(" 1\n")


async def test_a_killed_worker_is_missed_and_its_job_taken_over_in_order(
    store: Store, store_url: str
) -> None:
    await killed(store, store_url)
    done = Log()
    tasks = {"hold": done}
    async with jobs.opened(store, tasks, heartbeat=0.1, stalled_after=0.5, poll=0.1) as queue:
        async with working(queue):
            await until(lambda: has(done.jobs, 2))
        assert await empty(queue)
        async with store.reading() as conn:
            assert await conn.scalar(text("SELECT count(*) FROM procrastinate_workers")) == 0
    assert [(job.args["n"], job.attempt) for job in done.jobs] == [("first", 2), ("second", 1)]


async def test_a_daemon_alone_takes_over_at_once(store: Store, store_url: str) -> None:
    await killed(store, store_url)
    done = Log()
    await drained(store, {"hold": done}, alone=True)
    assert [(job.args["n"], job.attempt) for job in done.jobs] == [("first", 2), ("second", 1)]


async def test_who_lost_a_job_cannot_end_it(store: Store) -> None:
    begun, go, again = asyncio.Event(), asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def zombie(job: Job) -> None:
        begun.set()
        await go.wait()
        order.append("zombie")

    async def successor(job: Job) -> None:
        assert job.attempt == 2
        again.set()
        await until(lambda: has(order, 1))
        await anyio.sleep(0.1)
        assert (await second.depth())["doing"] == 1
        order.append("successor")

    with structlog.testing.capture_logs() as logged:
        async with (
            jobs.opened(store, {"do": zombie}, heartbeat=100) as first,
            working(first),
        ):
            await put(store, first, "do")
            await begun.wait()
            how: dict[str, Any] = {"heartbeat": 0.05, "stalled_after": 0.2, "poll": 0.05}
            async with jobs.opened(store, {"do": successor}, **how) as second, working(second):
                await again.wait()
                go.set()
                await until(lambda: has(order, 2))
                await until(lambda: empty(second))
    assert order == ["zombie", "successor"]
    events = [line["event"] for line in logged]
    assert events == ["job_taken_over", "job_was_taken_over"]


async def test_a_long_job_with_a_beating_heart_is_left_alone(store: Store) -> None:
    attempts: list[int] = []

    async def slow(job: Job) -> None:
        attempts.append(job.attempt)
        await anyio.sleep(1)

    how: dict[str, Any] = {"heartbeat": 0.1, "stalled_after": 0.5, "poll": 0.1}
    async with (
        jobs.opened(store, {"do": slow}, **how) as first,
        jobs.opened(store, {"do": slow}, **how) as second,
        working(second),
    ):
        await put(store, first, "do")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first.work)
            await until(lambda: has(attempts, 1))
            first.stop()
            second.stop()
        await until(lambda: empty(first))
    assert attempts == [1]


async def test_a_lost_connection_costs_neither_the_worker_nor_the_job(postgres_url: str) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def step(job: Job) -> None:
        if job.args["n"] == 1:
            begun.set()
            await go.wait()
        done.append(job.args["n"])

    async with (
        engine.opened(postgres_url) as store,
        jobs.opened(store, {"do": step}, poll=0.05) as queue,
        working(queue),
    ):
        await put(store, queue, "do", 1)
        await begun.wait()
        async with store.writing() as tx:
            await tx.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        go.set()
        await put(store, queue, "do", 2)
        await until(lambda: has(done, 2))
        await until(lambda: empty(queue))
    assert sorted(done) == [1, 2]


async def test_what_was_put_off_on_purpose_is_told_and_what_failed_is_not(store: Store) -> None:
    async def fails(_job: Job) -> None:
        raise Unreachable

    late = Backoff(first=600, most=600)
    tasks: dict[str, Task] = {"later": Log(), "broken": fails}
    async with jobs.opened(store, tasks, retries=late) as queue:
        assert await queue.ahead(["later", "broken"]) is None
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        await put(store, queue, "later", not_before=at + timedelta(hours=1))
        await put(store, queue, "later", not_before=at)
        await put(store, queue, "broken")
        with anyio.fail_after(10):
            await queue.work(drain=True)
        assert await queue.ahead(["later", "broken"]) == at
        assert await queue.ahead(["broken"]) is None


async def test_who_waits_in_one_lane_keeps_nobody_waiting_in_another(store: Store) -> None:
    held, done = anyio.Event(), anyio.Event()

    async def hang(_job: Job) -> None:
        held.set()
        await anyio.sleep_forever()

    async def work(_job: Job) -> None:
        done.set()

    async with jobs.opened(store, {"hang": hang, "work": work}) as queue:
        await put(store, queue, "hang", lane=jobs.CALLS)
        async with working(queue, concurrency=1, lanes=[jobs.CALLS]):
            with anyio.fail_after(10):
                await held.wait()
                await put(store, queue, "work")
                assert not done.is_set()
                async with working(queue, concurrency=1, lanes=[jobs.HOUSE]):
                    await done.wait()
