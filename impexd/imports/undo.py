"""
Take an applied run back: said first, then done by a job of its own.

Called by the queue with the lock of the run's group, as often as it takes.  What cannot be
undone (any more) ends the undo as `failed`, with the reason; nothing has been changed then.
"""

from contextlib import suppress
from typing import Any

import anyio
import structlog
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import UsageError, WorldError
from impexd.core.text import shown
from impexd.imports import parking, shelve
from impexd.imports.bench import DEATHS, Bench
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.queue.jobs import Queue, at
from impexd.store import runs, schema, undo
from impexd.store.again import again
from impexd.store.dialect import Names

TASK = "undo"

log = structlog.get_logger(__name__)


async def plan(bench: Bench, id: int) -> dict[str, Any]:
    """Say what undoing a run would do now; UsageError if it cannot be undone."""
    store = bench.desk.store
    async with store.reading() as tx:
        run = await _undoable(tx, bench, id)
        kinds = await undo.undoable(tx, run, bench.config.catalogue)
        names = Names(store.dialect, "", "")
        planned = await undo.plan(tx, run, kinds, bench.config.catalogue, names)
    return {
        "run": run.id,
        "name": run.name,
        "group": run.group,
        "finished": run.finished,
        "counts": planned.counts,
        "problems": planned.problems,
        "listed": [undo.problem(kept, None)["message"] for kept in planned.kept],
    }


async def ask(bench: Bench, queue: Queue, id: int, *, actor: str | None, note: str | None) -> int:
    """Have a run undone; gives the run that does it.  UsageError if it cannot be undone."""
    clock = bench.desk.clock

    async def work(tx: AsyncConnection) -> int:
        await runs.in_turn(tx)  # of two who ask at the same time the second sees the first
        run = await _undoable(tx, bench, id)
        await undo.undoable(tx, run, bench.config.catalogue)
        row = {
            "token": clock.token(),
            "kind": "undo",
            "group_name": run.group,
            "state": State.CLAIMED,
            "origin": "command",
            "name": f"undo of run {run.id}",
            "parent": run.id,
            "node": run.node,
            "config_hash": bench.config.hash,
            "actor": actor,
            "note": note,
            "created": stamp(clock.now()),
        }
        made = await tx.execute(insert(schema.run).values(row).returning(schema.run.c.id))
        undoing = int(made.scalar_one())
        once, lane = f"{TASK}-{undoing}", at(run.node)
        lock = at(run.node, f"group-{run.group}")
        await queue.enqueue(tx, TASK, {"run": undoing}, lock=lock, once=once, lane=lane)
        return undoing

    return await again(bench.desk.store, work, clock=clock)


async def _undoable(tx: AsyncConnection, bench: Bench, id: int) -> Run:
    run = await runs.get(tx, id)
    if run is None:
        raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
    if (already := await undo.under_way(tx, id)) is not None:
        raise UsageError(
            f"run {id} is being undone by run {already}", hint=f"`impexd show {already}`"
        )
    return run


async def carry(bench: Bench, id: int) -> None:
    """Carry an undo out; harmless to be called again."""
    run = await again(bench.desk.store, lambda tx: _begin(tx, bench, id), clock=bench.desk.clock)
    if run is None or run.parent is None:
        return
    with structlog.contextvars.bound_contextvars(run=id, group=run.group, undoes=run.parent):
        try:
            await shelve.put_away(bench, run.parent)
            done = await undo.put(bench.desk.store, run, bench.config.catalogue, bench.desk.clock)
        except UsageError as error:
            await _failed(bench, run, str(error))
            return
        except (WorldError, anyio.get_cancelled_exc_class()):
            with anyio.CancelScope(shield=True):
                await _put_back(bench, run)
            raise
        except Exception as error:
            await _failed(bench, run, f"{type(error).__name__}: {shown(str(error))}")
            raise
        log.info("undone", kept=done.problems, counts=done.counts)
        await parking.wake(bench, done.counts)


async def _begin(tx: AsyncConnection, bench: Bench, id: int) -> Run | None:
    """Start an attempt; None if there is none to be made (any more)."""
    now = stamp(bench.desk.clock.now())
    before = await runs.get(tx, id)
    run = await runs.begin(tx, id, now=now)
    if before is None or run is None or before.state is not State.STAGING:
        return run
    # Nobody put it back, so the attempt before this one took the process down.
    deaths = await runs.crashed(tx, run)
    if deaths < DEATHS:
        await runs.move(tx, run, State.STAGING)
        return run
    told = f"this undo has ended the process {deaths} times"
    await runs.move(tx, run, State.FAILED, code=Code.POISON, message=told, finished=now, place="")
    log.error("not undone", run=id, why=told)
    return None


async def _failed(bench: Bench, run: Run, why: str) -> None:
    now = stamp(bench.desk.clock.now())
    async with bench.desk.store.writing() as tx:
        await runs.move(tx, run, State.FAILED, message=why, finished=now, place="")
    log.warning("not undone", why=why)


async def _put_back(bench: Bench, run: Run) -> None:
    """Stopped, or the world failed: begun anew later, and no crash is counted."""
    with anyio.move_on_after(2), suppress(WorldError):
        async with bench.desk.store.writing() as tx:
            current = await runs.get(tx, run.id)
            if current is not None and current.state in runs.RUNNABLE:
                await runs.move(tx, run, State.CLAIMED)
