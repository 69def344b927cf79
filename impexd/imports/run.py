"""
Carry a run through: stage, plan, guard, apply, report, put away.

Called by the queue with the lock of the run's group, as often as it takes: each step leaves
the journal in a state from which the next call carries on.  A `WorldError` goes up, and the
queue comes back to it later; what is wrong with the drop ends in the journal.
"""

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.core.errors import Changed, DataError, Fenced, WorldError
from impexd.core.text import shown
from impexd.imports import (
    carrying,
    guard,
    match,
    parking,
    piecewise,
    shelve,
    verdicts,
)
from impexd.imports.bench import Bench, Stopped, ask, configured, died
from impexd.imports.decided import decided as deciding
from impexd.imports.order import Noted, Planned
from impexd.imports.piecewise import Before, Ledger
from impexd.inbox import examine, giveback
from impexd.model.config import Config
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.queue.retries import passing
from impexd.store import applying, journal, pieces, runs
from impexd.store.again import again
from impexd.store.applying import Stale

REPLANS = 5
"""Plans that may grow stale before the run gives way to others for a while."""

log = structlog.get_logger(__name__)


async def carry(bench: Bench, id: int) -> None:
    """Carry a run as far as it goes without a person; harmless to be called again."""
    with _disk():
        if await carrying.carry(bench, id):
            return
    run = await _begun(bench, id)
    if run is not None:
        failpoint.hit("run.begun")
        with structlog.contextvars.bound_contextvars(run=id, group=run.group):
            try:
                with _disk():
                    await _load(bench, run)
            except (Stopped, Fenced, anyio.get_cancelled_exc_class()) as error:
                with anyio.CancelScope(shield=True):
                    cancelled = await _interrupted(bench, run)
                if not (cancelled and isinstance(error, WorldError)):
                    raise
            except Exception as error:
                if passing(error):
                    raise
                await _stumbled(bench, run, error)
    with _disk():
        await shelve.put_away(bench, id)


@contextmanager
def _disk() -> Iterator[None]:
    """A disk that fails now may work later."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error}: {shown(str(error.filename or 'the state folder'))}"
        raise WorldError(what, hint="look at the disk; it is tried again by itself") from error


async def _stumbled(bench: Bench, run: Run, error: Exception) -> None:
    """A fault of ours is counted like a worker's death, so that the run is not forgotten."""
    what = f"{type(error).__name__}: {shown(str(error))}"
    trace = "".join(traceback.format_exception(error, limit=-12))
    await died(bench, run, what, trace, "carrying out this drop has failed")


async def _load(bench: Bench, run: Run) -> None:
    """Stage and plan, then do what the plan calls for."""
    config = await configured(bench, run)
    planned = await _planned(bench, run, config, "stage")
    for _ in range(REPLANS):
        if planned is None:
            return None  # the run is held: it has killed its worker once too often
        try:
            return await _decide(bench, run, config, planned)
        except Stale:
            planned = await _planned(bench, run, config, "plan")
        except Changed as error:
            if await piecewise.before(bench, run):
                return await verdicts.cut_short(bench, run, str(error), Code.CHANGED)
            inbox = bench.config.inboxes.get(run.group)
            return await giveback.give_back(bench.desk, run, inbox, str(error))
        except DataError as error:
            if await piecewise.before(bench, run):
                return await verdicts.cut_short(bench, run, str(error), error.code)
            noted = Noted(code=error.code, message=str(error))
            return await verdicts.refuse(bench, run, planned.model_copy(update={"refused": noted}))
    raise WorldError("the tables kept changing while this was planned", hint="it is tried again")


async def _decide(bench: Bench, run: Run, config: Config, planned: Planned) -> None:
    """A plan is refused, shown, held, or applied."""
    if any(part.counts.rejected for part in planned.parts):
        if await ask(bench, run, config, "rejects") is None:
            return  # held: it has killed its worker once too often
        failpoint.hit("rejects.written")
    done = await piecewise.before(bench, run)
    reasons = guard.outside(planned, parking.guards(run, config))
    if done:  # it was decided when the first piece was applied
        await _apply(bench, run, config, planned, done)
    elif planned.refused is not None:
        await verdicts.refuse(bench, run, planned)
    elif run.dry:
        if await ask(bench, run, config, "diff") is not None:
            await verdicts.show(bench, run, planned, config.groups[run.group])
    elif reasons and not (run.approved and run.planned_at == planned.at):
        if run.approved:
            reasons.insert(0, "the tables have changed since this was approved")
        if await ask(bench, run, config, "diff") is not None:
            await verdicts.hold(bench, run, planned, "; ".join(reasons))
    else:
        await _apply(bench, run, config, planned, done)


async def _apply(bench: Bench, run: Run, config: Config, planned: Planned, done: Before) -> None:
    """Put the plan into the tables, if the bytes are still those that were claimed."""
    if run.sha256 is not None and run.bytes is not None:
        place, size, sha256 = bench.desk.folders.bytes_of(run.token), run.bytes, run.sha256
        await anyio.to_thread.run_sync(lambda: examine.intact(place, sha256=sha256, size=size))
    group = config.groups[run.group]
    run = await _linked(bench, run, [part.member for part in planned.parts])
    decided = deciding(bench, run, config, planned)
    if group.atomic == "archive" and not done:
        told = verdicts.remarks(planned, group)
        verdict = verdicts.applied(bench, run, planned, decided.parts, told=told)
        await applying.put(bench.desk.store, decided, verdict)
    else:
        ledger = Ledger(bench, run, planned, done, group)
        try:
            await pieces.put(bench.desk.store, decided, piecewise.cut(group, planned), ledger)
        finally:
            bench.progress.pop(run.id, None)
    log.info("applied", problems=planned.told, counts=guard.total(planned).model_dump())
    bench.loaded()
    await parking.wake(bench, [form.kind.name for form in decided.sheets])


async def _begun(bench: Bench, id: int) -> Run | None:
    """Start an attempt; None if the run is not to be loaded (any more)."""
    now = stamp(bench.desk.clock.now())

    async def begin(tx: AsyncConnection) -> Run | None:
        run = await runs.begin(tx, id, now=now)
        if run is None:
            return None
        twin = await journal.twin(tx, id)
        if twin is not None:
            told = f"the same file as run {twin}, which is loaded already"
            await runs.move(tx, run, State.DUPLICATE, message=told, parent=twin, finished=now)
            return None
        return run

    run = await again(bench.desk.store, begin, clock=bench.desk.clock)
    return run and await _linked(bench, run, [run.name])


async def _linked(bench: Bench, run: Run, names: Iterable[str]) -> Run:
    """Link a run to the one whose rejects come back in it, by the names of its files."""
    found = {mended[1] for name in names if (mended := match.mended(name))}
    if run.parent is not None or len(found) != 1:
        return run
    async with bench.desk.store.writing() as tx:
        source = await runs.get(tx, found.pop())
        if source is None or source.group != run.group:
            return run
        await runs.move(tx, run, State.STAGING, parent=source.id)
    return replace(run, parent=source.id)


async def _interrupted(bench: Bench, run: Run) -> bool:
    """
    The daemon stops: the next one begins with this run anew, and no crash is counted.

    Or a person has cancelled it: then it is to be put away, which is said.
    """
    with anyio.move_on_after(2):
        async with bench.desk.store.writing() as tx:
            current = await runs.get(tx, run.id)
            if current is None or current.state is State.CANCELLED:
                return current is not None
            if current.state in runs.RUNNABLE and current.attempt == run.attempt:
                await runs.move(tx, run, State.CLAIMED)
    return False


async def _planned(
    bench: Bench, run: Run, config: Config, task: Literal["stage", "plan"]
) -> Planned | None:
    """Have a run staged and planned; None if it is held because it kills its workers."""
    answer = await ask(bench, run, config, task)
    if answer is None or answer.planned is None:
        return None
    failpoint.hit("stage.done")
    return answer.planned
