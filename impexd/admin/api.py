"""
The JSON API, version 1: the same for commands, programs and pages.

Takes an open instance; gives an ASGI application.  Errors are problem documents (RFC 9457) with
`title`, `detail`, `hint` and, for the configuration, `mistakes`.
"""

from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from impexd import __version__
from impexd.admin import (
    acting,
    answers,
    browse,
    descriptors,
    downloads,
    exporting,
    feeds,
    following,
    groups,
    health,
    history,
    keep,
    notices,
    orders,
    people,
    schedule,
    tasks,
    uploads,
)
from impexd.admin import runs as acts
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.throttle import TooMany
from impexd.core.clock import stamp
from impexd.core.errors import (
    Busy,
    ConfigError,
    DataError,
    ImpexError,
    UsageError,
    WorldError,
)
from impexd.core.text import shown
from impexd.exports.bench import outbox_of
from impexd.imports import decisions, leavings
from impexd.inbox import adopt
from impexd.inbox.desk import Inlet
from impexd.model import report
from impexd.model.base import Model
from impexd.model.run import Run
from impexd.store import followups, parked, runlog, runs, sendings
from impexd.store.exporting import KIND

_STATUS: tuple[tuple[type[ImpexError], int], ...] = (
    (acting.Denied, 403),
    (TooMany, 429),
    (UsageError, 404),
    (DataError, 422),
    (ConfigError, 422),
    (Busy, 409),
    (WorldError, 503),
)


class Import(Model):
    """A file of this machine to be imported."""

    group: str
    path: str
    dry: bool = False
    force: bool = False
    """Import it even if the same bytes were imported before."""
    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


class Reload(Model):
    """A new configuration to be taken."""

    wait: bool = True
    """Answer when it has been taken, or refused; else at once, as after a signal."""


class Decision(Model):
    """What a person says about a run."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def app(house: House) -> FastAPI:
    """Make the application for an instance."""
    made = FastAPI(
        title="impexd",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    made.add_exception_handler(ImpexError, _problem)
    _instance(made, house)
    _runs(made, house)
    health.routes(made, house)
    answers.routes(made, house)
    notices.routes(made, house)
    keep.routes(made, house)
    history.routes(made, house)
    schedule.routes(made, house)
    exporting.routes(made, house)
    tasks.routes(made, house)
    feeds.routes(made, house)
    orders.routes(made, house)
    people.routes(made, house)
    for room in (uploads, downloads, following, acts, groups, browse, descriptors):
        room.routes(made, house)
    return made


def _instance(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/status")
    async def status() -> dict[str, Any]:
        async with house.store.reading() as tx:
            counted = await runs.states(tx)
            sending = await sendings.waiting(tx)
        who = acting.who()
        config, times = house.bench.config, await house.timing.following()
        woken = house.timing.woken
        return {
            "version": __version__,
            "config": {"hash": config.hash, "mistakes": list(house.mistakes)},
            "var": str(config.var),
            "database": house.store.dialect if house.store.path is None else str(house.store.path),
            "runs": counted,
            "jobs": await house.queue.depth(),
            "scheduler": {"woken": stamp(woken) if woken else None},
            "groups": {
                inlet.group: _group(house, inlet)
                | {
                    "scheduled": inlet.rules.schedule or inlet.rules.every,
                    "next": times.get(f"inbox:{inlet.group}"),
                }
                for inlet in house.inlets()
                if who.group(inlet.group)
            },
            "exports": {
                name: {
                    "outbox": str(outbox_of(config, name)[0]),
                    "next": times.get(f"export:{name}"),
                    "target": group.target.shown if group.target.away else None,
                    "sending": sending.get(name),
                }
                for name, group in config.exports.items()
                if who.group(name)
            },
            "running": {
                str(run): found.model_dump()
                for bench in (house.bench, house.exports)
                for run, found in bench.progress.items()
            },
        }

    @made.post("/api/v1/reload")
    async def reload(wanted: Reload | None = None) -> dict[str, Any]:
        if wanted is not None and not wanted.wait:
            house.bell.reload = True
        else:
            await house.reload()
        return {"hash": house.bench.config.hash, "groups": len(house.bench.config.groups)}


def _group(house: House, inlet: Inlet) -> dict[str, Any]:
    return {
        "inbox": str(inlet.path),
        "degraded": house.inboxes.get(inlet.group),
        "waiting": house.waiting.get(inlet.group, 0),
    }


def _runs(made: FastAPI, house: House) -> None:
    @made.post("/api/v1/imports", status_code=202)
    async def start(wanted: Import) -> dict[str, Any]:
        acting.need_group(wanted.group)
        inlet = next((one for one in house.inlets() if one.group == wanted.group), None)
        if inlet is None:
            known = ", ".join(one.group for one in house.inlets()) or "none"
            raise UsageError(
                f"there is no import group {shown(wanted.group)}", hint=f"there are: {known}"
            )
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
        before: int | None = None,
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
    async def show(id: int) -> dict[str, Any]:
        async with house.store.reading() as tx:
            run = await runs.get(tx, id)
            if run is None:
                raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
            parts, problems = await runs.parts(tx, id), await runs.problems(tx, id)
            cured = await runs.cured(tx, run)
            following = await followups.of(tx, id)
            sent = (await sendings.of(tx, [id])).get(id)
        out = run.kind == KIND
        progress = (house.exports if out else house.bench).progress.get(id)
        return report.whole(run, parts, problems) | {
            "progress": progress.model_dump() if progress else None,
            "settled": exporting.settled(run, sent) if out else decisions.settled(run),
            **(exporting.about(run, sent) if out else {}),
            "cured": cured,
            "after": following,
        }

    @made.get("/api/v1/runs/{id}/changes")
    async def changes(
        id: int,
        offset: int = Query(default=0, ge=0),
        limit: int = Query(default=100, ge=1, le=10_000),
        words: str = Query(default="", max_length=200),
    ) -> dict[str, Any]:
        run = await _found(house, id)
        page = partial(leavings.changes, house.bench, run, offset=offset, limit=limit, words=words)
        return {"changes": await anyio.to_thread.run_sync(page), "offset": offset}

    @made.get("/api/v1/runs/{id}/log")
    async def logged(
        id: int,
        after: int = Query(default=0, ge=0),
        limit: int = Query(default=1000, ge=1, le=10_000),
    ) -> dict[str, Any]:
        await _found(house, id)
        async with house.store.reading() as tx:
            lines = await runlog.read(tx, id, after=after, limit=limit)
        return {"log": lines, "after": lines[-1]["id"] if lines else after}

    @made.get("/api/v1/runs/{id}/rejects")
    async def rejects(id: int) -> dict[str, Any]:
        run = await _found(house, id)
        found = await anyio.to_thread.run_sync(leavings.rejects, house.bench, run)
        async with house.store.reading() as tx:
            parts, problems = await runs.parts(tx, id), await runs.problems(tx, id)
        again = leavings.again(parts, problems, found)
        return {"rejects": [str(path) for path in found], "again": again}

    @made.get("/api/v1/parked")
    async def waiting(
        limit: int = Query(default=100, ge=1, le=10_000), after: int = 0
    ) -> dict[str, Any]:
        async with house.store.reading() as tx:
            rows = await parked.listed(tx, limit, after)
            counted = await parked.counted(tx)
        return {"parked": rows, "waiting": counted}

    @made.post("/api/v1/runs/{id}/approve", status_code=202)
    async def approve(id: int, decision: Decision) -> dict[str, Any]:
        await decisions.approve(house.bench, id, decision.actor, decision.note)
        return {"run": id}

    @made.post("/api/v1/runs/{id}/refuse", status_code=202)
    async def refuse(id: int, decision: Decision) -> dict[str, Any]:
        await decisions.refuse(house.bench, id, decision.actor, decision.note)
        return {"run": id}


async def _found(house: House, id: int) -> Run:
    async with house.store.reading() as tx:
        run = await runs.get(tx, id)
    if run is None:
        raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
    return run


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    """An error of ours as a problem document."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": type(error).__name__,
        "status": status,
        "detail": str(error),
        "hint": getattr(error, "hint", ""),
        "exit": getattr(error, "exit_code", 1),
    }
    if isinstance(error, ConfigError):
        document["mistakes"] = list(error.mistakes)
    if isinstance(error, DataError):
        document["code"] = error.code
    return JSONResponse(document, status, media_type="application/problem+json")
