"""Where an export stands: moved on, ended, failed or waiting, each in a transaction of its own."""

from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import ImpexError, WorldError
from impexd.core.text import shown
from impexd.exports import send
from impexd.exports.bench import Bench
from impexd.exports.order import Refused
from impexd.model.run import Run, State
from impexd.store import exporting, runs
from impexd.store.again import again

log = structlog.get_logger(__name__)


async def ended(bench: Bench, run: Run, note: str | None) -> Run:
    """End a run well; from here on its file may be sent."""
    now = bench.clock.now()

    async def work(tx: AsyncConnection) -> Run | None:
        await runs.move(tx, run, State.PUBLISHED, finished=stamp(now), message=note)
        await send.begin(bench, tx, run, now=now)
        return await runs.get(tx, run.id)

    there = await again(bench.store, work, clock=bench.clock)
    assert there is not None
    return there


async def moved(bench: Bench, run: Run, state: State, **values: Any) -> Run:
    """Bring a run into a state, with what goes with it; gives it as it is then."""

    async def work(tx: AsyncConnection) -> Run | None:
        await runs.move(tx, run, state, **values)
        return await runs.get(tx, run.id)

    there = await again(bench.store, work, clock=bench.clock)
    assert there is not None
    return there


async def refused(bench: Bench, run: Run, why: Refused) -> None:
    """End a run that can never be made as it is configured."""
    hint = f" ({why.hint})" if why.hint else ""
    await failed(bench, run, why.code, why.message + hint)


async def failed(bench: Bench, run: Run, code: str, why: str) -> None:
    """End a run as failed."""
    now = stamp(bench.clock.now())
    await moved(bench, run, State.FAILED, code=code, message=why, finished=now, place=None)
    log.error("export failed", code=code, why=why)


async def waits(bench: Bench, run: Run, why: str) -> None:
    """Note what a run waits for, as far as the database can be told."""
    try:
        async with bench.store.writing() as tx:
            await exporting.waits(tx, run, why)
    except ImpexError as error:
        log.warning("not noted", why=str(error))


def told(error: WorldError | OSError) -> str:
    """Pure: say what an export waits for."""
    if isinstance(error, WorldError):
        return str(error)
    return f"{error.strerror or error}" + (
        f": {shown(str(error.filename))}" if error.filename else ""
    )
