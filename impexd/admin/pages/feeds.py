"""Feeds and what they said; dead letters with their raw body, to be tried again."""

import json
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking

PAGE = 50
STATES = ("dead", "parked", "conflict", "applied", "noted", "new")


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/feeds", include_in_schema=False)
    async def listed(
        request: Request, state: str = "", feed: str = "", before: int | None = None
    ) -> Response:
        feeds = (await asking.get("/api/v1/feeds"))["feeds"]
        rows = (
            await asking.get(
                "/api/v1/messages",
                state=[state] if state else [],
                feed=feed,
                before=before,
                limit=PAGE,
            )
        )["messages"]
        return shell.page(
            request,
            "feeds.html",
            feeds=feeds,
            rows=rows,
            state=state,
            feed=feed,
            states=STATES,
            more=rows[-1]["id"] if len(rows) == PAGE else None,
        )

    @made.get("/messages/{id}", include_in_schema=False)
    async def one(request: Request, id: int) -> Response:
        found = await asking.get(f"/api/v1/messages/{id}")
        return shell.page(request, "message.html", one=found, body=indented(found["body"]))


def indented(body: Any) -> str:
    """Pure: a raw body, made readable if it is JSON."""
    try:
        tree = json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return str(body)
    return json.dumps(tree, ensure_ascii=False, indent=2)
