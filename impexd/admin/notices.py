"""Notices over the API: what operators were told, and a letter to see whether they would be."""

from typing import Any

from fastapi import FastAPI, Query

from impexd.admin import acting
from impexd.admin.house import House
from impexd.admin.ids import Before
from impexd.notices import send
from impexd.store import notices


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/notices")
    async def listed(
        limit: int = Query(default=50, ge=1, le=1000), before: Before = None
    ) -> dict[str, Any]:
        async with house.store.reading() as conn:
            found = await notices.listed(conn, limit, before)
        who = acting.who()
        seen = [one for one in found if one["group_name"] is None or who.group(one["group_name"])]
        return {"notices": seen}

    @made.post("/api/v1/notices/test/{name}")
    async def test(name: str) -> dict[str, Any]:
        await send.test(house, name)
        to = house.config.instance.notify.to[name]
        webhook = bool(to.webhook or to.webhook_file)
        return {"to": name, "mail": list(to.mail), "webhook": webhook}
