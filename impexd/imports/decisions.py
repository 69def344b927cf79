"""
What a person decides about a run: approve what was held, refuse it, cancel it.

Approval is tied to the plan that was seen: it names the file by its hash and the tables by
their change numbers, both looked at again when the plan is applied; if they have changed, the
plan is made anew and held anew.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import UsageError
from impexd.imports import piecewise, verdicts
from impexd.imports.bench import Bench
from impexd.model.run import FINAL, Run, State
from impexd.store import applying, runs
from impexd.store.again import again


def settled(run: Run) -> bool:
    """Pure: is this run where it stays without a person, its bytes put away?"""
    if run.state in (State.FAILED, State.CANCELLED, State.DUPLICATE, State.REJECTED):
        return run.place is not None
    if run.state in FINAL or run.state is State.HELD:
        return True
    return run.dry and run.place is not None


async def approve(bench: Bench, id: int, actor: str | None, note: str | None) -> None:
    """
    Let a held run go on; UsageError if it is not held.

    If the tables have changed since its plan was made, that is not what was looked at: the plan
    is made anew, the run is held again, and UsageError says so.
    """
    desk = bench.desk
    async with desk.store.writing() as tx:
        run = await _held(tx, id)
        seen = run.planned_at or {}
        fresh = await applying.changes(tx, list(seen)) == seen
        await runs.move(tx, run, State.CLAIMED, actor=actor, note=note, approved=fresh, code=None)
        await desk.enqueue(tx, [run.id], run.node, run.group, 0)
    if not fresh:
        raise UsageError(
            f"the tables have changed since run {id} was planned; the plan is being made anew",
            hint=f"look at it again: impexd show {id}, then approve it",
        )


async def refuse(bench: Bench, id: int, actor: str | None, note: str | None) -> None:
    """End a held run with nothing loaded; UsageError if it is not held."""
    desk = bench.desk
    now = stamp(desk.clock.now())
    async with desk.store.writing() as tx:
        run = await _held(tx, id)
        told = "refused" + (f" by {actor}" if actor else "") + (f": {note}" if note else "")
        await runs.move(
            tx, run, State.CANCELLED, actor=actor, note=note, message=told, finished=now
        )
        if any(part["state"] == piecewise.GOING for part in await runs.parts(tx, id)):
            await verdicts.end_partly(tx, run, told, None, now=now)
        await desk.enqueue(tx, [run.id], run.node, run.group, 0)


async def cancel(bench: Bench, id: int, actor: str | None, note: str | None) -> None:
    """
    End a run that is not applied yet with nothing loaded; UsageError if there is nothing to cancel.

    Whoever carries it is fenced off in the same transaction, then told to stop; its bytes are put
    away as those of every cancelled run.  A transaction that applies it is waited for: then it is
    applied, and can be undone.
    """
    desk = bench.desk
    now = stamp(desk.clock.now())
    told = "cancelled" + (f" by {actor}" if actor else "") + (f": {note}" if note else "")

    async def work(tx: AsyncConnection) -> Run:
        run = await runs.get(tx, id)
        if run is None:
            raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
        if run.kind != "import" or run.state not in CANCELLABLE or (run.dry and run.place):
            what = f"run {id} is {run.state}: there is nothing to cancel"
            hint = f"`impexd undo {id}` takes it back" if run.state in runs.LOADED else ""
            raise UsageError(what, hint=hint)
        parts = await runs.parts(tx, id)
        values = {"actor": actor, "note": note, "message": told, "finished": now}
        await runs.move(tx, run, State.CANCELLED, **values, attempt=run.attempt + 1)
        run = replace(run, attempt=run.attempt + 1)
        if any(part["state"] == piecewise.GOING for part in parts):
            await verdicts.end_partly(tx, run, told, None, now=now)
        if run.state is State.HELD:
            await desk.enqueue(tx, [run.id], run.node, run.group, 0)
        return run

    await again(desk.store, work, clock=desk.clock)
    bench.give_up(id)


CANCELLABLE = (State.CLAIMED, State.STAGING, State.PLANNED, State.HELD, State.APPLYING)


async def _held(tx: AsyncConnection, id: int) -> Run:
    run = await runs.get(tx, id)
    if run is None:
        raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
    if run.state is not State.HELD:
        raise UsageError(f"run {id} is {run.state}, not held", hint=f"`impexd show {id}`")
    return run
