"""Import by hand: choose a group, see what it takes, send files."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/import", include_in_schema=False)
    async def choose(request: Request, group: str = "") -> Response:
        groups = (await asking.get("/api/v1/groups"))["imports"]
        chosen = next((one for one in groups if one["name"] == group), None)
        if chosen is None and len(groups) == 1:
            chosen = groups[0]
        begun = [
            one
            for one in (await asking.get("/api/v1/uploads"))["uploads"]
            if one["state"] != "taken"
        ]
        return shell.page(request, "import.html", groups=groups, chosen=chosen, begun=begun)
