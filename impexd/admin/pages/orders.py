"""Orders: the list, attention first; one order with all that happened to it and all that may."""

from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking
from impexd.model.order import DeliveryState

PAGE = 50
FIRST = ("awaiting_approval", "cancelled_refund_pending", "returned_refund_pending")
"""States in which an order waits for a person."""
SHOWN = 20
"""Orders that stand first, at most."""
PICTURE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "no-store",
}
"""Of the picture of the table: it brings its own style, is shown as an image and can run nothing."""


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/orders", include_in_schema=False)
    async def listed(
        request: Request,
        state: str = "",
        shop: str = "",
        search: str = "",
        delivery: str = "",
        before: int | None = None,
    ) -> Response:
        wanted: dict[str, Any] = {"state": [state] if state else [], "shop": shop}
        wanted["delivery"] = [delivery] if delivery else []
        found = await asking.get(
            "/api/v1/orders", **wanted, search=search, before=before, limit=PAGE
        )
        plain = not (state or shop or search or delivery or before)
        held = (await asking.get("/api/v1/tasks", state=["held", "failed"]))["tasks"]
        first = await waiting(asking) if plain else []
        rows = found["orders"]
        return shell.page(
            request,
            "orders.html",
            rows=rows,
            counts=found["counts"],
            first=first,
            held=held if plain else [],
            more=rows[-1]["id"] if len(rows) == PAGE else None,
            state=state,
            shop=shop,
            search=search,
            delivery=delivery,
            deliveries=[one.value for one in DeliveryState],
        )

    @made.get("/orders/{id}", include_in_schema=False)
    async def one(request: Request, id: str) -> Response:
        path = f"/api/v1/orders/{quote(id, safe='')}"
        order = await asking.get(path)
        why = await asking.get(f"{path}/why")
        return shell.page(request, "order.html", order=order, why=why, legal=sorted_out(order))

    @made.get("/orders/{id}/picture.svg", include_in_schema=False)
    async def picture(id: str) -> Response:
        path = f"/api/v1/orders/{quote(id, safe='')}/table"
        drawn = (await asking.get(path, **{"as": "svg"}))["drawn"]
        return Response(drawn, media_type="image/svg+xml", headers=PICTURE)


async def waiting(asking: Asking) -> list[dict[str, Any]]:
    """Ask for the newest orders that wait for a person, or have a delivery that does."""
    found: dict[int, dict[str, Any]] = {}
    for wanted in ({"state": list(FIRST)}, {"delivery": [DeliveryState.ATTENTION.value]}):
        for one in (await asking.get("/api/v1/orders", **wanted, limit=SHOWN))["orders"]:
            found[one["id"]] = one
    return [found[id] for id in sorted(found, reverse=True)[:SHOWN]]


def sorted_out(order: dict[str, Any]) -> dict[str, list[str]]:
    """Pure: what may happen now, by the delivery it happens to; "" for the order itself."""
    found: dict[str, list[str]] = {}
    for told in order["legal"]:
        event, _, delivery = told.partition(" ")
        found.setdefault(delivery, []).append(event)
    return found
