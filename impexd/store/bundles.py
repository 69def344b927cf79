"""
Bundles: many runs begun, applied and given back in one transaction each.

What holds for a run that is applied by itself (see `applying`) holds for each of them: it is fenced
by its attempt, its rows and its images name it, and its parts have ids of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.errors import Fenced
from impexd.model.run import Run, State
from impexd.store import applying, runs, schema, stage
from impexd.store.applying import Decided, Verdict
from impexd.store.engine import Store
from impexd.store.journal import TWINS, batches

_RUN = schema.run
_PART = schema.part


@dataclass(frozen=True, slots=True)
class Share:
    """One run of a bundle, and what came of its file."""

    run: Run
    parts: Sequence[Mapping[str, Any]]


async def behind(tx: AsyncConnection, lead: Run, *, limit: int) -> list[Run]:
    """Read the runs of a group that wait to be carried, from one on, in the order they came."""
    query = (
        select(_RUN)
        .where(_RUN.c.group_name == lead.group, _RUN.c.kind == "import", _RUN.c.id >= lead.id)
        .where(_RUN.c.state == State.CLAIMED.value, _RUN.c.node == lead.node)
        .order_by(_RUN.c.id)
        .limit(limit)
    )
    return [runs.made(row) for row in (await tx.execute(query)).mappings()]


async def begin(store: Store, wanted: Sequence[Run], *, now: str) -> list[Run]:
    """
    Start an attempt at each run, up to the first that repeats one which is loaded already.

    Gives them in order, fenced by their new attempts; fewer if somebody has been faster.
    """
    ids = [run.id for run in wanted]
    async with store.writing() as tx:
        found: list[Run] = []
        twins = {
            id
            for some in batches(ids)
            for id, _ in await tx.execute(TWINS.where(_RUN.c.id.in_(some)))
        }
        ids = ids[: next((n for n, id in enumerate(ids) if id in twins), len(ids))]
        for some in batches(ids):
            changed = (
                update(_RUN)
                .where(_RUN.c.id.in_(some), _RUN.c.state == State.CLAIMED.value)
                .values(
                    state=State.STAGING.value,
                    attempt=_RUN.c.attempt + 1,
                    started=func.coalesce(_RUN.c.started, now),
                )
                .returning(_RUN)
            )
            found += [runs.made(row) for row in (await tx.execute(changed)).mappings()]
    return sorted(found, key=lambda run: run.id)


async def put_back(tx: AsyncConnection, left: Sequence[Run]) -> None:
    """Let runs that were begun wait again as if they had not been; those taken over are left alone."""
    waiting = (
        update(_RUN)
        .where(
            _RUN.c.id == bindparam("of"),
            _RUN.c.attempt == bindparam("begun"),
            _RUN.c.state == State.STAGING.value,
        )
        .values(state=State.CLAIMED.value)
    )
    await tx.execute(waiting, [{"of": run.id, "begun": run.attempt} for run in left])


async def put(store: Store, decided: Decided, shares: Sequence[Share], verdict: Verdict) -> None:
    """Apply all or none; raises `Stale`, `Fenced`, or `DataError` if a table refuses a record."""
    async with applying.transaction(store, decided, decided.at) as tx:
        await hold(tx, [share.run for share in shares])
        base = await _put_parts(tx, shares)
        names = stage.run_of_part(applying.names(store, decided.run.id))
        if decided.changes:
            await applying.merged(tx, decided, decided.sheets, names, base)
        await applying.kept_waiting(tx, store, decided, ([], []))
        failpoint.hit("bundle.rows")
        await verdict(tx)
    failpoint.hit("bundle.committed")


async def hold(tx: AsyncConnection, mine: Sequence[Run]) -> None:
    """Make sure that all runs are ours, and stay so for this transaction; raises `Fenced`."""
    attempts: dict[int, int] = {}
    for some in batches([run.id for run in mine]):
        query = select(_RUN.c.id, _RUN.c.attempt).where(_RUN.c.id.in_(some)).order_by(_RUN.c.id)
        found = await tx.execute(query.with_for_update())
        attempts |= {row.id: row.attempt for row in found}
    for run in mine:
        if attempts.get(run.id) != run.attempt:
            raise Fenced(f"run {run.id} has been taken over")


async def _put_parts(tx: AsyncConnection, shares: Sequence[Share]) -> int:
    """Write the parts of all runs anew; gives the id of part 0 of the first."""
    for some in batches([share.run.id for share in shares]):
        await tx.execute(_PART.delete().where(_PART.c.run.in_(some)))
    parts = [{"run": share.run.id, **part} for share in shares for part in share.parts]
    base = await runs.advance(tx, "part", len(parts)) - len(parts) + 1
    await tx.execute(insert(_PART), [{"id": base + n, **part} for n, part in enumerate(parts)])
    return base


async def applied(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the verdict of runs that are held already: id, counts, finished."""
    loaded = (
        update(_RUN)
        .where(_RUN.c.id == bindparam("of"))
        .values(
            state=State.APPLIED.value,
            counts=bindparam("counted"),
            finished=bindparam("at"),
            problems=0,
            code=None,
            message=None,
        )
    )
    await tx.execute(loaded, list(rows))


async def parts(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Read the parts of runs, in order, by run."""
    found: dict[int, list[dict[str, Any]]] = {id: [] for id in ids}
    for some in batches(ids):
        query = select(_PART).where(_PART.c.run.in_(some)).order_by(_PART.c.run, _PART.c.n)
        for row in (await tx.execute(query)).mappings():
            found[row["run"]].append(dict(row))
    return found
