"""A process that takes jobs and holds them until it is killed: `python -m tests.queue.holder URL`."""

import asyncio
import sys

from impexd.queue import jobs
from impexd.queue.jobs import Job
from impexd.store import engine


async def hold(job: Job) -> None:
    """Say that the job has begun, and never end it."""
    print(f"holding {job.id} {job.attempt}", flush=True)
    await asyncio.Event().wait()


async def main(url: str) -> None:
    """Work on `hold` until killed."""
    async with (
        engine.opened(url) as store,
        jobs.opened(store, {"hold": hold}, heartbeat=0.1, stalled_after=100) as queue,
    ):
        await queue.work(concurrency=4)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
