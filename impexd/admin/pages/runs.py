"""Runs: the list, one of them, its plan, its problems, what undoing it would do; live while it goes."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from impexd.admin import following
from impexd.admin.house import House
from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking, Refused
from impexd.core.errors import UsageError
from impexd.store import runlog

PAGE = 50
STATES = (
    "held",
    "failed",
    "rejected",
    "staging",
    "applying",
    "archived",
    "planned",
    "published",
    "cancelled",
    "duplicate",
    "undone",
)


def routes(made: FastAPI, house: House, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/runs", include_in_schema=False)
    async def listed(
        request: Request, group: str = "", state: str = "", before: int | None = None
    ) -> Response:
        found = await asking.get(
            "/api/v1/runs", group=group, state=[state] if state else [], before=before, limit=PAGE
        )
        groups = await asking.get("/api/v1/groups")
        names = [one["name"] for one in (*groups["imports"], *groups["exports"])]
        rows = found["runs"]
        more = rows[-1]["id"] if len(rows) == PAGE else None
        return shell.page(
            request,
            "runs.html",
            rows=rows,
            more=more,
            groups=sorted(set(names)),
            group=group,
            state=state,
            states=STATES,
        )

    _one(made, house, asking)
    _parts(made, asking)


def _parts(made: FastAPI, asking: Asking) -> None:
    """Add the pages below a run: its plan, its problems, what an undo would do."""

    @made.get("/runs/{id}/plan", include_in_schema=False)
    async def plan(
        request: Request, id: int, words: str = "", offset: int = Query(default=0, ge=0)
    ) -> Response:
        run = await asking.get(f"/api/v1/runs/{id}")
        found = await asking.get(
            f"/api/v1/runs/{id}/changes", offset=offset, limit=PAGE, words=words
        )
        return shell.page(
            request,
            "plan.html",
            run=run,
            changes=found["changes"],
            offset=offset,
            size=PAGE,
            words=words,
        )

    @made.get("/runs/{id}/problems", include_in_schema=False)
    async def problems(
        request: Request, id: int, code: str = "", words: str = "", after: int = 0
    ) -> Response:
        run = await asking.get(f"/api/v1/runs/{id}")
        found = await asking.get(
            f"/api/v1/runs/{id}/problems", code=code, words=words, after=after, limit=100
        )
        return shell.page(request, "problems.html", run=run, found=found, code_=code, words=words)

    @made.get("/runs/{id}/undo", include_in_schema=False)
    async def undo(request: Request, id: int) -> Response:
        run = await asking.get(f"/api/v1/runs/{id}")
        planned: dict[str, Any] | None = None
        reason = hint = ""
        try:
            planned = await asking.post(f"/api/v1/runs/{id}/undo", dry=True)
        except Refused as error:
            reason, hint = str(error), error.hint
        return shell.page(request, "undo.html", run=run, planned=planned, reason=reason, hint=hint)


def _one(made: FastAPI, house: House, asking: Asking) -> None:
    @made.get("/runs/{id}", include_in_schema=False)
    async def show(request: Request, id: int) -> Response:
        run = await asking.get(f"/api/v1/runs/{id}")
        going = await following.now(house, id)
        log = (await asking.get(f"/api/v1/runs/{id}/log", limit=200))["log"]
        left = await asking.get(f"/api/v1/runs/{id}/rejects")
        names = [path.rpartition("/")[2] for path in left["rejects"]]
        return shell.page(
            request, "run.html", run=run, going=going, log=log, rejects=names, again=left["again"]
        )

    @made.get("/runs/{id}/live", include_in_schema=False)
    async def live(
        request: Request, id: int, after: int = Query(default=0, ge=0, lt=1 << 62)
    ) -> Response:
        if await following.now(house, id) is None:
            raise UsageError(f"there is no run {id}")
        told = request.headers.get("last-event-id", "")
        line = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else after
        return StreamingResponse(
            _told_live(house, request, id, line),
            media_type="text/event-stream",
            headers=following.HEADERS,
        )


async def _told_live(house: House, request: Request, id: int, line: int) -> AsyncIterator[str]:
    """Tell how a run is, and what is logged of it after a line; that line is each event's id."""
    async for one in following.changes(house, id, following.lives(request)):
        if house.pulse.stopping:
            return
        async with house.store.reading() as tx:
            lines = await runlog.read(tx, id, after=line)
        for found in lines:
            line = found["id"]
            yield following.event("log", shell.part(request, "line.html", line=found), line)
        if one is None:
            yield ": still there\n\n"
            continue
        yield following.event("going", shell.part(request, "going.html", going=one), line)
        if one.settled:
            yield following.event("end", "settled", line)
