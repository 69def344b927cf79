"""Records: which entities there are, their records a page at a time, and where one comes from."""

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking
from impexd.core.errors import UsageError
from impexd.core.text import shown

COLUMNS = 8
"""Fields that a list shows; a record has all of them."""


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/data", include_in_schema=False)
    async def entities(request: Request) -> Response:
        found = (await asking.get("/api/v1/entities"))["entities"]
        return shell.page(request, "data.html", entities=sorted(found, key=lambda one: one["name"]))

    @made.get("/data/{entity}", include_in_schema=False)
    async def records(
        request: Request,
        entity: str,
        begins: str = "",
        field: str = "",
        holds: str = "",
        after: str = "",
    ) -> Response:
        known = (await asking.get("/api/v1/entities"))["entities"]
        kind = next((one for one in known if one["name"] == entity), None)
        if kind is None:
            raise UsageError(f"there is no entity {shown(entity)}")
        wanted = {"field": [field], "holds": [holds]} if field and holds else {}
        page = await asking.get(
            f"/api/v1/entities/{entity}/records", begins=begins, after=after, **wanted
        )
        columns = [*kind["key"], *(name for name in kind["fields"] if name not in kind["key"])]
        return shell.page(
            request,
            "records.html",
            kind=kind,
            page=page,
            columns=columns[: max(COLUMNS, len(kind["key"]))],
            begins=begins,
            field=field,
            holds=holds,
            after=after,
        )

    @made.get("/data/{entity}/record", include_in_schema=False)
    async def record(
        request: Request,
        entity: str,
        key: list[str] = Query(default=[]),  # noqa: B008 (FastAPI's way)
    ) -> Response:
        found = await asking.get(f"/api/v1/records/{entity}", key=key)
        known = (await asking.get("/api/v1/entities"))["entities"]
        kind = next(one for one in known if one["name"] == entity)
        return shell.page(request, "record.html", found=found, kind=kind)
