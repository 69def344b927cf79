"""The chain's jobs: flags looked at one after the other, each exporter's tasks by one job at a time."""

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.model.config import Config
from impexd.orders.chain import flags, tell
from impexd.orders.chain.bench import Bench
from impexd.queue.jobs import CALLS, Job, Queue
from impexd.store.engine import Store

FLAGS, TELL = "flags", "tell"
TASKS = (FLAGS, TELL)
"""The tasks of the queue that are carried out here."""
URGENT = 50


def made(store: Store, config: Config, clock: Clock, queue: Queue) -> Bench:
    """Put the chain together."""

    async def enqueue(tx: AsyncConnection, exporter: str | None) -> object:
        if exporter is None:
            # Imports may take all hands of the house for minutes; an event of an order must not wait.
            return await queue.enqueue(
                tx, FLAGS, {}, lock=FLAGS, once=FLAGS, lane=CALLS, priority=URGENT
            )
        name = f"{TELL}-{exporter}"
        given = {"exporter": exporter}
        return await queue.enqueue(tx, TELL, given, lock=name, once=name, lane=CALLS)

    return Bench(store, config, clock, enqueue)


async def carry(bench: Bench, job: Job) -> None:
    """Carry a job out."""
    if job.task == FLAGS:
        await flags.carry(bench)
    else:
        await tell.carry(bench, str(job.args["exporter"]))
