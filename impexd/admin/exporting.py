"""Exports in the API: start one, follow it, look into the outboxes."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.admin import acting
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.ids import Id
from impexd.exports import mirror, outbox, run, send
from impexd.exports.bench import group_of
from impexd.model.base import Model
from impexd.model.run import Run, State
from impexd.store import sendings
from impexd.store.again import again


class Export(Model):
    """A file to be made."""

    group: str
    name: str | None = Field(default=None, max_length=255)
    """Another name than the group's pattern makes."""
    full: bool = False
    """All records, also of a group whose files hold what has changed."""
    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.post("/api/v1/exports", status_code=202)
    async def start(wanted: Export) -> dict[str, Any]:
        acting.need_group(wanted.group)

        async def work(tx: AsyncConnection) -> int:
            return await run.begin(
                house.exports,
                tx,
                wanted.group,
                occurrence=None,
                name=wanted.name,
                actor=wanted.actor,
                note=wanted.note,
                full=wanted.full,
            )

        return {"run": await again(house.store, work, clock=house.clock)}

    @made.post("/api/v1/runs/{id}/send", status_code=202)
    async def sent(id: Id) -> dict[str, Any]:
        await send.by_hand(house.exports, id)
        return {"run": id}

    @made.get("/api/v1/exports/{group}/mirror")
    async def mirrored(group: str) -> dict[str, Any]:
        group_of(house.exports.config, group)
        return {"descriptors": mirror.texts(house.exports.config, group)}

    @made.get("/api/v1/outbox")
    async def every(limit: int = Query(default=1000, ge=1, le=10_000)) -> dict[str, Any]:
        who = acting.who()
        found = await outbox.listed(house.exports, limit=limit)
        return {"files": [one for one in found if who.group(one["group"])]}

    @made.get("/api/v1/outbox/{group}")
    async def one(group: str, limit: int = Query(default=1000, ge=1, le=10_000)) -> dict[str, Any]:
        return {"files": await outbox.listed(house.exports, group, limit=limit)}


def settled(found: Run, sent: Mapping[str, Any] | None) -> bool:
    """Pure: does nothing more happen to this export?"""
    if found.state is State.PUBLISHED and found.finished is not None:
        return sent is None or sent["state"] not in sendings.GOING
    return found.state is State.FAILED


def about(found: Run, sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Pure: what an export says beside what every run does."""
    return {"export": outbox.described(found), "sent": sent}
