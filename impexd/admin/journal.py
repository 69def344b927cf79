"""The journal over the API: files of this machine taken in, runs listed, shown, approved and refused."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Query
from pydantic import Field

from impexd.admin import acting, exporting, nodes
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.ids import After, Before, Id
from impexd.admin.runs import found as found_run
from impexd.admin.uploads import inlet_of
from impexd.core.errors import UsageError
from impexd.imports import decisions, leavings
from impexd.inbox import adopt
from impexd.model import report
from impexd.model.base import Model
from impexd.orders.files import REFUSED
from impexd.store import followups, order_inputs, parked, runlog, runs, sendings
from impexd.store.exporting import KIND

ORDERS = 100
"""Orders of a run that are told with it: the refused ones first."""


class Import(Model):
    """A file of this machine to be imported."""

    group: str
    path: str
    dry: bool = False
    force: bool = False
    """Import it even if the same bytes were imported before."""
    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


class Decision(Model):
    """What a person says about a run."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""
    _leavings(made, house)

    @made.post("/api/v1/imports", status_code=202)
    async def start(wanted: Import) -> dict[str, Any]:
        acting.need_group(wanted.group)
        inlet = inlet_of(house, wanted.group)
        order = adopt.Order(
            actor=wanted.actor, note=wanted.note, forced=wanted.force, dry=wanted.dry
        )
        adopted = await adopt.adopt(house.desk, inlet, Path(wanted.path), order)
        return {"run": adopted.run, "duplicate": adopted.duplicate}

    @made.get("/api/v1/runs")
    async def list_runs(
        group: str | None = None,
        state: list[str] = Query(default=[]),  # noqa: B008 (FastAPI's way)
        limit: int = Query(default=20, ge=1, le=1000),
        before: Before = None,
    ) -> dict[str, Any]:
        async with house.store.reading() as tx:
            found = await runs.newest(
                tx,
                group=group,
                states=state,
                limit=limit,
                before=before,
                within=acting.who().bounded,
            )
        return {"runs": [report.brief(run) for run in found]}

    @made.get("/api/v1/runs/{id}")
    async def show(id: Id) -> dict[str, Any]:
        async with house.store.reading() as tx:
            run = await runs.get(tx, id)
            if run is None:
                raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
            parts, problems = await runs.parts(tx, id), await runs.problems(tx, id)
            cured = await runs.cured(tx, run)
            following = await followups.of(tx, id)
            sent = (await sendings.of(tx, [id])).get(id)
            became = await order_inputs.counted(tx, id)
            orders = await order_inputs.of_run(tx, id, ORDERS) if became else []
        out = run.kind == KIND
        progress = (house.exports if out else house.bench).progress.get(id)
        return report.whole(run, parts, problems) | {
            "progress": progress.model_dump() if progress else None,
            "settled": exporting.settled(run, sent) if out else decisions.settled(run),
            **(exporting.about(run, sent) if out else {}),
            "cured": cured,
            "after": following,
            "orders": {"counts": became, "listed": orders, "hint": REFUSED},
        }


def _leavings(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/runs/{id}/changes")
    async def changes(
        id: Id,
        offset: After = 0,
        limit: int = Query(default=100, ge=1, le=10_000),
        words: str = Query(default="", max_length=200),
    ) -> dict[str, Any]:
        run = await found_run(house, id)
        page = partial(leavings.changes, house.bench, run, offset=offset, limit=limit, words=words)
        return {"changes": await anyio.to_thread.run_sync(page), "offset": offset}

    @made.get("/api/v1/runs/{id}/log")
    async def logged(
        id: Id,
        after: After = 0,
        limit: int = Query(default=1000, ge=1, le=10_000),
    ) -> dict[str, Any]:
        await found_run(house, id)
        async with house.store.reading() as tx:
            lines = await runlog.read(tx, id, after=after, limit=limit)
        return {"log": lines, "after": lines[-1]["id"] if lines else after}

    @made.get("/api/v1/runs/{id}/rejects")
    async def rejects(id: Id) -> dict[str, Any]:
        run = await found_run(house, id)
        await nodes.here(house, run)
        found = await anyio.to_thread.run_sync(leavings.rejects, house.bench, run)
        async with house.store.reading() as tx:
            parts, problems = await runs.parts(tx, id), await runs.problems(tx, id)
        again = leavings.again(parts, problems, found)
        return {"rejects": [str(path) for path in found], "again": again}

    @made.get("/api/v1/parked")
    async def waiting(
        limit: int = Query(default=100, ge=1, le=10_000), after: After = 0
    ) -> dict[str, Any]:
        async with house.store.reading() as tx:
            rows = await parked.listed(tx, limit, after)
            counted = await parked.counted(tx)
        return {"parked": rows, "waiting": counted}

    @made.post("/api/v1/runs/{id}/approve", status_code=202)
    async def approve(id: Id, decision: Decision) -> dict[str, Any]:
        await decisions.approve(house.bench, id, decision.actor, decision.note)
        return {"run": id}

    @made.post("/api/v1/runs/{id}/refuse", status_code=202)
    async def refuse(id: Id, decision: Decision) -> dict[str, Any]:
        await decisions.refuse(house.bench, id, decision.actor, decision.note)
        return {"run": id}
