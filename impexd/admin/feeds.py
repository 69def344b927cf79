"""Feeds and their messages over the API: how they are, asking one now, trying messages again."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.admin.acting import Actor, who
from impexd.admin.house import House
from impexd.admin.ids import Before, Id
from impexd.core.clock import stamp
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.feeds import intake, state
from impexd.model.base import Model
from impexd.model.faults import near
from impexd.model.feed import RestFeed
from impexd.store import feeds as states
from impexd.store import messages
from impexd.store.again import again

AGAIN = timedelta(days=14)
"""For how long a message is tried that a person wants tried again."""


class Said(Model):
    """Who wants it, and why."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


class Replay(Said):
    """Messages to be tried again: dead, parked, or not understood."""

    ids: list[int] | None = Field(default=None, max_length=1000)
    """None: all of them."""
    feed: str | None = None


def routes(made: FastAPI, house: House) -> None:
    """Add these to the application."""
    _feeds(made, house)
    _messages(made, house)


def _feeds(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/feeds")
    async def listed() -> dict[str, Any]:
        return {"feeds": await state.listed(house.feeds, await house.timing.following())}

    @made.get("/api/v1/feeds/{name}")
    async def one(name: str) -> dict[str, Any]:
        found = await state.listed(house.feeds, await house.timing.following())
        mine = next((feed for feed in found if feed["name"] == name), None)
        if mine is None:
            raise _none(house, name)
        return mine

    @made.post("/api/v1/feeds/{name}/poll", status_code=202)
    async def poll(name: str, said: Said) -> dict[str, Any]:
        feed = house.feeds.config().feeds.get(name)
        if feed is None:
            raise _none(house, name)
        if not isinstance(feed, RestFeed):
            what = f"the feed {name} is not asked: it is {_how(feed.kind)}"
            raise UsageError(what, hint="only feeds of the kind `rest` can be polled")
        async with house.store.reading() as tx:
            before = (await states.get(tx, name))["polled"]
        await again(house.store, lambda tx: house.feeds.ask(tx, name), clock=house.clock)
        return {"feed": name, "polled": before}


def _messages(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/messages")
    async def listed(
        state: list[str] = Query(default=[]),  # noqa: B008 (FastAPI's way)
        feed: str | None = None,
        order: Before = None,
        limit: int = Query(default=50, ge=1, le=1000),
        before: Before = None,
    ) -> dict[str, Any]:
        async with house.store.reading() as tx:
            found = await messages.listed(
                tx, states=state, feed=feed, order=order, limit=limit, before=before
            )
            shops = await messages.shops(tx, [one["id"] for one in found])
        return {"messages": [one for one in found if who().shop(shops.get(one["id"]) or "")]}

    @made.get("/api/v1/messages/{id}")
    async def one(id: Id) -> dict[str, Any]:
        async with house.store.reading() as tx:
            found = await messages.get(tx, id)
            shops = await messages.shops(tx, [id])
        if found is None or not who().shop(shops.get(id) or ""):
            raise UsageError(f"there is no message {id}", hint="`impexd messages` lists them")
        return found

    @made.post("/api/v1/messages/replay")
    async def replay(wanted: Replay) -> dict[str, Any]:
        until = stamp(house.clock.now() + AGAIN)

        async def work(tx: AsyncConnection) -> int:
            count = await messages.replay(
                tx,
                wanted.ids,
                feed=wanted.feed,
                until=until,
                actor=wanted.actor,
                note=wanted.note,
            )
            if count:
                await house.feeds.ring(tx)
            return count

        await intake.carry_over(house.feeds)
        return {"replayed": await again(house.store, work, clock=house.clock)}


def _how(kind: str) -> str:
    return {"webhook": "pushed to us", "folder": "dropped as files"}.get(kind, kind)


def _none(house: House, name: str) -> UsageError:
    known = house.feeds.config().feeds
    what = f"there is no feed {shown(name)}{near(name, known)}"
    return UsageError(what, hint="`impexd feeds` lists them")
