"""The first page: is everything well?"""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/", include_in_schema=False)
    async def overview(request: Request) -> Response:
        status = await asking.get("/api/v1/status")
        newest = (await asking.get("/api/v1/runs", limit=12))["runs"]
        waiting = (await asking.get("/api/v1/runs", state=["held", "failed"], limit=8))["runs"]
        activity = (await asking.get("/api/v1/activity"))["series"]
        return shell.page(
            request,
            "overview.html",
            status=status,
            newest=newest,
            waiting=waiting,
            activity=activity,
        )
