"""Answers over the API: why something has not happened; whether everything agrees with the journal."""

from typing import Any

from fastapi import FastAPI, Query

from impexd.admin import acting
from impexd.admin.house import House
from impexd.answers import why
from impexd.answers.verify import run as verifying
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.orders.chain import why as partners
from impexd.store import configs
from impexd.upkeep import changes


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/why")
    async def reasons(about: str = Query(min_length=1, max_length=4096)) -> dict[str, Any]:
        who = acting.who()
        asker = why.Asker(who.group, local=who.person is None)
        found = await why.of_file(house, about, asker, await _timed(house))
        order = await partners.known(house.chain, about)
        if order is not None and not who.shop(order["shop"] or ""):
            order = None
        if not found and order is None:
            raise UsageError(
                f"nothing is known of {shown(about)}",
                hint="name a file of an inbox by its path, a file that came by its name, or an order",
            )
        return {"about": about, "reasons": [one.told() for one in found], "order": order}

    @made.get("/api/v1/verify")
    async def verify(*, deep: bool = True, taken: bool = False) -> dict[str, Any]:
        return await verifying.verify(house, deep=deep, taken=taken)

    @made.get("/api/v1/config/log")
    async def changed(limit: int = Query(default=20, ge=1, le=200)) -> dict[str, Any]:
        async with house.store.reading() as conn:
            found = await configs.listed(conn, limit + 1)
            bodies = await configs.bodies(conn, [one["hash"] for one in found if one["hash"]])
        before: str | None = None
        for one in reversed(found):
            body = bodies.get(one["hash"] or "")
            one["changes"] = changes.between(before, body) if before and body else []
            before = body or before
        return {"changes": found[:limit]}


async def _timed(house: House) -> dict[str, str | None]:
    """The groups whose inbox is taken on a schedule, and when next."""
    following = await house.timing.following()
    return {
        inlet.group: following.get(f"inbox:{inlet.group}")
        for inlet in house.inlets()
        if inlet.rules.schedule or inlet.rules.every
    }
