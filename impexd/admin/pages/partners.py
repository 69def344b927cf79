"""Partners: what they are to be told, who is left alone for a while, and a hand on each task."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking

PAGE = 50
STATES = ("held", "failed", "unknown", "retry", "ready", "sending", "done", "skipped", "superseded")


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/partners", include_in_schema=False)
    async def listed(
        request: Request, state: str = "", exporter: str = "", before: int | None = None
    ) -> Response:
        found = await asking.get(
            "/api/v1/tasks",
            state=[state] if state else [],
            exporter=exporter,
            before=before,
            limit=PAGE,
        )
        rows = found["tasks"]
        return shell.page(
            request,
            "partners.html",
            rows=rows,
            counts=found["counts"],
            partners=found["partners"],
            state=state,
            exporter=exporter,
            states=STATES,
            more=rows[-1]["id"] if len(rows) == PAGE else None,
        )

    @made.get("/tasks/{id}", include_in_schema=False)
    async def one(request: Request, id: int) -> Response:
        return shell.page(request, "task.html", one=await asking.get(f"/api/v1/tasks/{id}"))
