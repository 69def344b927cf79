"""
The jobs of feeds: asking one that is due, and hearing what has come.

Asking goes in the lane of those who wait for others, each feed under a lock of its own: one that
hangs keeps neither another feed nor an import waiting.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.feeds import hear, poll
from impexd.feeds.bench import Bench
from impexd.queue.jobs import CALLS, Job, Queue
from impexd.scheduler.entries import Entry
from impexd.scheduler.fire import Occurrence
from impexd.store import feeds, occurrences
from impexd.store.again import again
from impexd.store.occurrences import Became


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is done for feeds."""

    bench: Bench

    async def start(self, tx: AsyncConnection, entry: Entry, what: Occurrence) -> None:
        """Have a feed asked, unless it is to be left alone; a person's wish goes before that."""
        state = await feeds.get(tx, entry.subject)
        now = stamp(self.bench.clock.now())
        if what.actor is None and what.note is None and (state["until"] or "") > now:
            told = f"left alone until {state['until']}: {state['error']}"
            at = self.bench.clock.now()
            await occurrences.end(tx, Became.SKIPPED, now=at, reason=told, id=what.id)
            return
        await self.bench.ask(tx, entry.subject)

    async def poll(self, job: Job) -> None:
        """Ask a feed."""
        name = str(job.args["feed"])
        if name not in self.bench.config().feeds:
            await self._ended(name, Became.SKIPPED, "there is no such feed any more")
            return
        done = await poll.poll(self.bench, name)
        if done.error:
            await self._ended(name, Became.FAILED, done.error)
        else:
            new = f"{done.fresh} new" if done.fresh else None
            await self._ended(name, Became.DONE, done.told or new)

    async def hear(self, _job: Job) -> None:
        """Apply what has come."""
        await hear.hear(self.bench)

    async def _ended(self, feed: str, became: Became, reason: str | None) -> None:
        now = self.bench.clock.now()

        async def work(tx: AsyncConnection) -> None:
            await occurrences.end(tx, became, now=now, reason=reason, name=f"feed:{feed}")

        await again(self.bench.store, work, clock=self.bench.clock)


async def ask(queue: Queue, tx: AsyncConnection, feed: str) -> object:
    """Put the asking of a feed into the queue, once for all who want it."""
    key = f"feed-{feed}"
    return await queue.enqueue(tx, poll.TASK, {"feed": feed}, lock=key, once=key, lane=CALLS)


async def ring(queue: Queue, tx: AsyncConnection) -> object:
    """Have what has come heard: once for all who ring before it is."""
    key = hear.TASK
    return await queue.enqueue(tx, hear.TASK, {}, lock=key, once=key, lane=CALLS, priority=50)
