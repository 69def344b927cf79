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
    async def live(request: Request, id: int) -> Response:
        if await following.now(house, id) is None:
            raise UsageError(f"there is no run {id}")

        async def stream() -> AsyncIterator[str]:
            number = 0
            async for one in following.changes(house, id, following.lives(request)):
                if house.pulse.stopping:
                    return
                number += 1
                if one is None:
                    yield ": still there\n\n"
                    continue
                yield following.event("going", shell.part(request, "going.html", going=one), number)
                if one.settled:
                    yield following.event("end", "settled", number + 1)

        return StreamingResponse(
            stream(), media_type="text/event-stream", headers=following.HEADERS
        )
