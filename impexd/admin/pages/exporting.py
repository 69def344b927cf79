"""Export by hand, and what lies in the outboxes."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/export", include_in_schema=False)
    async def choose(request: Request, group: str = "") -> Response:
        groups = (await asking.get("/api/v1/groups"))["exports"]
        chosen = next((one for one in groups if one["name"] == group), None)
        if chosen is None and len(groups) == 1:
            chosen = groups[0]
        path = f"/api/v1/outbox/{chosen['name']}" if chosen else "/api/v1/outbox"
        files = (await asking.get(path, limit=200))["files"]
        return shell.page(request, "export.html", groups=groups, chosen=chosen, files=files)
