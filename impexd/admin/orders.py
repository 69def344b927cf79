"""Orders over the API: lists, one order, placing, events by hand, and the table itself."""

from decimal import Decimal
from typing import Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator

from impexd.admin import acting
from impexd.admin.acting import Actor, Denied
from impexd.admin.house import House
from impexd.admin.ids import Before
from impexd.model.base import Model
from impexd.model.people import Role
from impexd.model.placing import Amount, Given, Placement, Text
from impexd.orders import acts, draw
from impexd.orders.acts import Wish
from impexd.orders.draw import Drawing
from impexd.orders.files import REFUSED
from impexd.orders.run import By
from impexd.store import order_inputs, order_lists

MOST = 1000
"""Orders that one request may place."""


class Lines(Given):
    """How much of a line is shipped and rejected, as a person sets it."""

    ref: str = Field(max_length=255)
    shipped: Amount | None = Field(default=None, ge=0)
    rejected: Amount | None = Field(default=None, ge=0)


class Event(Model):
    """An event that is to happen."""

    event: str = Field(max_length=40)
    delivery: str | None = Field(default=None, max_length=255)
    note: str | None = Field(default=None, max_length=1000)
    lines: list[Lines] = []
    reference: str | None = Field(default=None, max_length=255)
    """Of a payment or a refund."""
    tracking: Text | None = None
    carrier: Text | None = None
    """Of the delivery."""
    actor: Actor = None


class Orders(Given):
    """Orders to be placed, whole or not at all each."""

    orders: list[Placement] = Field(min_length=1, max_length=MOST)
    actor: Actor = None

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: Any) -> Any:
        """An order, or a list of them, may stand for itself."""
        if isinstance(given, dict) and "orders" not in given and "number" in given:
            actor = {"actor": given["actor"]} if "actor" in given else {}
            return {"orders": [{k: v for k, v in given.items() if k != "actor"}], **actor}
        return {"orders": given} if isinstance(given, list) else given


def routes(made: FastAPI, house: House) -> None:
    """Add these to the application."""
    _reading(made, house)
    _acting(made, house)


def _reading(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/orders")
    async def listed(
        state: list[str] = Query(default=[]),  # noqa: B008 (FastAPI's way)
        delivery: list[str] = Query(default=[]),  # noqa: B008
        shop: str | None = None,
        search: str | None = Query(default=None, max_length=255),
        limit: int = Query(default=50, ge=1, le=1000),
        before: Before = None,
    ) -> dict[str, Any]:
        shops = acting.who().bounded_shops
        async with house.store.reading() as tx:
            found = await order_lists.listed(
                tx,
                states=state,
                deliveries=delivery,
                shop=shop,
                shops=shops,
                search=search,
                before=before,
                limit=limit,
            )
            return {"orders": found, "counts": await order_lists.counted(tx, shops=shops)}

    @made.get("/api/v1/orders/{id}")
    async def one(id: str) -> dict[str, Any]:
        return await acts.told(house.store, id)

    @made.get("/api/v1/refused-orders")
    async def refused(limit: int = Query(default=50, ge=1, le=1000)) -> dict[str, Any]:
        who = acting.who()
        bound = who.bounded is not None or who.bounded_shops is not None
        async with house.store.reading() as tx:
            found = [] if bound else await order_inputs.refused(tx, limit)
        return {"refused": found, "hint": REFUSED}

    @made.get("/api/v1/order-table")
    async def table(as_: Drawing = Query("text", alias="as")) -> dict[str, str]:  # noqa: B008
        return {"as": as_, "drawn": draw.drawn(as_, None)}

    @made.get("/api/v1/orders/{id}/table")
    async def standing(id: str, as_: Drawing = Query("text", alias="as")) -> dict[str, str]:  # noqa: B008
        at = draw.standing(await acts.told(house.store, id))
        return {"as": as_, "drawn": draw.drawn(as_, at)}


def _acting(made: FastAPI, house: House) -> None:
    @made.post("/api/v1/orders", responses={201: {"description": "at least one was placed"}})
    async def place(given: Orders) -> JSONResponse:
        for one in given.orders:
            acting.need_shop(one.shop)
        by = By(_actor(given.actor, "api"))
        done = await acts.place(house.store, house.ordering(), given.orders, by)
        status = 201 if any(one.outcome == "placed" for one in done) else 200
        told = [
            {"number": one.number, "outcome": one.outcome, "id": one.order, "reason": one.reason}
            for one in done
        ]
        return JSONResponse({"orders": told}, status_code=status)

    @made.post("/api/v1/orders/{id}/events")
    async def happen(id: str, said: Event) -> dict[str, Any]:
        event = acts.event(said.event)
        if event in acts.DECISIONS and not acting.who().role.reaches(Role.APPROVER):
            raise Denied("this is for people who may approve", hint=acting.ASK)
        quantities: list[tuple[str, Decimal | None, Decimal | None]] = [
            (one.ref, one.shipped, one.rejected) for one in said.lines
        ]
        payment = {"reference": said.reference} if said.reference else None
        by = By(_actor(said.actor, "api"), note=said.note, payment=payment)
        wish = Wish(event, said.delivery, quantities, said.tracking, said.carrier)
        return await acts.happen(house.store, house.ordering(), id, wish, by)


def _actor(name: str | None, else_: str) -> str:
    return f"user:{name}" if name else else_
