"""Partners: what they are to be told, who is left alone for a while, and a hand on each task."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking

PAGE = 50
STATES = ("held", "failed", "unknown", "retry", "ready", "sending", "done", "skipped", "superseded")

WAITING = ("ready", "retry", "sending", "unknown")


def queues(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Pure: each partner with what waits, what is held, and how fast it goes."""
    hour, day = found["ended"]["hour"], found["ended"]["day"]
    return [
        {
            "name": name,
            "waiting": sum(counts.get(state, 0) for state in WAITING),
            "held": counts.get("held", 0),
            "failed": counts.get("failed", 0),
            "done": counts.get("done", 0),
            "hour": hour.get(name, {}).get("done", 0),
            "day": day.get(name, {}).get("done", 0),
            **found["partners"].get(name, {"failures": 0, "left_alone_until": None}),
        }
        for name, counts in sorted(found["counts"].items())
    ]


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
            queues=queues(found),
            partners=found["partners"],
            state=state,
            exporter=exporter,
            states=STATES,
            more=rows[-1]["id"] if len(rows) == PAGE else None,
        )

    @made.get("/tasks/{id}", include_in_schema=False)
    async def one(request: Request, id: int) -> Response:
        return shell.page(request, "task.html", one=await asking.get(f"/api/v1/tasks/{id}"))
