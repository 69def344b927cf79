"""The next job is found by going from lock to lock; it is the one that a look at all of them finds."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from impexd.queue.line import DUE, listed

TABLE = """
    CREATE TABLE procrastinate_jobs (id INTEGER PRIMARY KEY, queue_name TEXT NOT NULL,
        priority INTEGER NOT NULL, lock TEXT, status TEXT NOT NULL, scheduled_at TEXT)
"""
NOW = "2026-01-31T08:00:00.000Z"
LATER = "2026-01-31T09:00:00.000Z"


class Waiting(NamedTuple):
    """A job, as far as its turn depends on it."""

    lane: str
    priority: int
    lock: str | None
    status: str
    at: str | None


JOBS = st.lists(
    st.builds(
        Waiting,
        lane=st.sampled_from(("default", "calls", "default-2")),
        priority=st.integers(-1, 1),
        lock=st.sampled_from((None, "a", "b", "c", "d")),
        status=st.sampled_from(("todo", "todo", "todo", "doing", "failed")),
        at=st.sampled_from((None, None, NOW, LATER)),
    ),
    max_size=12,
)


def chosen(jobs: Sequence[Waiting], lanes: Sequence[str] | None) -> int | None:
    """The job to be taken, found by comparing each with each; numbers count from 1."""
    found = []
    for n, job in enumerate(jobs, 1):
        same = [(m, one) for m, one in enumerate(jobs, 1) if one.lock == job.lock and m != n]
        held = job.lock is not None and any(
            one.status == "doing"
            or (one.status == "todo" and (-one.priority, m) < (-job.priority, n))
            for m, one in same
        )
        due = job.status == "todo" and job.at != LATER and (lanes is None or job.lane in lanes)
        if due and not held:
            found.append((-job.priority, n))
    return min(found)[1] if found else None


@given(jobs=JOBS, lanes=st.sampled_from((None, ("default",), ("default", "default-2"))))
def test_the_job_found_by_its_lock_is_the_one_whose_turn_it_is(
    jobs: list[Waiting], lanes: tuple[str, ...] | None
) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(TABLE)
        columns = "(queue_name, priority, lock, status, scheduled_at)"
        db.executemany(f"INSERT INTO procrastinate_jobs {columns} VALUES (?, ?, ?, ?, ?)", jobs)
        found = db.execute(DUE, {"lanes": listed(lanes), "now": NOW}).fetchone()
    assert (found and found[0]) == chosen(jobs, lanes)
