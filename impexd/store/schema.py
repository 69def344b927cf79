"""
Our own tables, the same on both engines.

Entity tables are not here: they are made from their declarations.  Moments are text as
`core.clock.stamp` writes it, so that both engines store and compare them alike.  A change
here needs a migration in `migrations/versions`; a test compares the two.
"""

from impexd.core.errors import Unsafe
from impexd.store.tables import messages, notices, orders, people, tasks
from impexd.store.tables.base import METADATA, QUEUE
from impexd.store.tables.jobs import jobs, workers
from impexd.store.tables.journal import (
    config,
    counter,
    node,
    parked,
    part,
    problem,
    run,
    tombstone,
)
from impexd.store.tables.notices import config_log, notice, notice_post, run_log
from impexd.store.tables.schedule import followup, occurrence, sending, timetable, watermark

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""The revisions of our tables, oldest first."""
HEAD = REVISIONS[-1]


def refuse_newer(revision: str | None, where: str) -> None:
    """Pure: raise `Unsafe` for tables of a revision that this release does not know."""
    if revision is not None and revision not in REVISIONS:
        raise Unsafe(
            f"{where} has tables of revision {revision}, this impexd knows them up to {HEAD}",
            hint="start the newer impexd that made them, or restore the copy made before the upgrade",
        )


__all__ = [
    "HEAD",
    "METADATA",
    "QUEUE",
    "REVISIONS",
    "config",
    "config_log",
    "counter",
    "followup",
    "jobs",
    "messages",
    "node",
    "notice",
    "notice_post",
    "notices",
    "occurrence",
    "orders",
    "parked",
    "part",
    "people",
    "problem",
    "refuse_newer",
    "run",
    "run_log",
    "sending",
    "tasks",
    "timetable",
    "tombstone",
    "watermark",
    "workers",
]
