"""The scheduler put together: the timetable, and the tasks that carry out what comes due."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.feeds import hear, poll
from impexd.feeds.bench import Bench as Feeds
from impexd.imports.bench import Bench
from impexd.queue.jobs import Job, Queue
from impexd.scheduler import after, entries, work
from impexd.scheduler.after import Following
from impexd.scheduler.entries import Entry
from impexd.scheduler.fire import Occurrence
from impexd.scheduler.hearing import Hearing
from impexd.scheduler.timing import Timing
from impexd.scheduler.work import Report, Works

TASKS = (work.INBOX, work.KEEP, after.TASK, poll.TASK, hear.TASK)
"""The tasks of the queue that are carried out here."""


class Begin(Protocol):
    """Begins an export in a transaction: journals its run and puts it into the queue; gives the run."""

    async def __call__(
        self,
        tx: AsyncConnection,
        group: str,
        *,
        occurrence: int | None,
        actor: str | None,
        note: str | None,
    ) -> int:
        """UsageError if there is no such group."""
        ...


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The scheduler of an open instance."""

    timing: Timing
    carry: Mapping[str, Callable[[Job], Awaitable[None]]]
    """What carries a job out, by its task."""


def made(
    bench: Bench,
    feeds: Feeds,
    queue: Queue,
    begin: Begin,
    report: Report,
    keep: Mapping[str, Callable[[], Awaitable[int]]],
) -> Scheduler:
    """
    Put it together; from now on what follows runs is put on its way.

    `keep` are parts of the housekeeping that other rooms do; each gives how much it cleared.
    """

    async def export(tx: AsyncConnection, entry: Entry, what: Occurrence) -> int:
        return await begin(tx, entry.subject, occurrence=what.id, actor=what.actor, note=what.note)

    async def follow(tx: AsyncConnection, group: str, why: str) -> int:
        return await begin(tx, group, occurrence=None, actor=None, note=why)

    hearing = Hearing(feeds)
    works, following = Works(bench, queue, report, keep), Following(bench, queue, follow)
    bench.follow = following.enqueue
    timing = Timing(
        bench.desk.store,
        bench.desk.clock,
        lambda: entries.of(bench.config),
        {
            "export": export,
            "inbox": works.start_inbox,
            "keep": works.start_keep,
            "feed": hearing.start,
        },
    )
    carry = {poll.TASK: hearing.poll, hear.TASK: hearing.hear}
    carry |= {work.INBOX: works.inbox, work.KEEP: works.keep, after.TASK: following.carry}
    return Scheduler(timing, carry)
