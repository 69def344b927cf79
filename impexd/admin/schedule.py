"""The timetable over the API: what is on a schedule, and pausing, resuming, running it by hand."""

from typing import Any

from fastapi import FastAPI, Query
from pydantic import Field

from impexd.admin import acting
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.ids import Id
from impexd.core.clock import stamp
from impexd.model.base import Model


class Said(Model):
    """Who wants it, and why."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add these to the application."""

    @made.get("/api/v1/schedule")
    async def timetable() -> dict[str, Any]:
        woken = house.timing.woken
        listed = [one for one in await house.timing.listed() if _theirs(one["name"])]
        return {"schedule": listed, "woken": stamp(woken) if woken else None}

    @made.get("/api/v1/schedule/{name}")
    async def history(name: str, limit: int = Query(default=20, ge=1, le=1000)) -> dict[str, Any]:
        return {"occurrences": await house.timing.history(name, limit)}

    @made.get("/api/v1/occurrences/{id}")
    async def occurrence(id: Id) -> dict[str, Any]:
        found = await house.timing.occurrence(id)
        if not _theirs(found["name"]):
            raise acting.Denied("you have no grant for its group", hint=acting.ASK)
        return found

    @made.post("/api/v1/schedule/{name}/pause")
    async def pause(name: str, said: Said) -> dict[str, Any]:
        await house.timing.pause(name, actor=said.actor, note=said.note)
        return {"name": name}

    @made.post("/api/v1/schedule/{name}/resume")
    async def resume(name: str, _said: Said) -> dict[str, Any]:
        await house.timing.resume(name)
        return {"name": name}

    @made.post("/api/v1/schedule/{name}/run", status_code=202)
    async def run(name: str, said: Said) -> dict[str, Any]:
        return await house.timing.run(name, actor=said.actor, note=said.note)


def _theirs(name: str) -> bool:
    """May who asks see what has this name?  Housekeeping may be seen by all."""
    kind, _, group = name.partition(":")
    return kind == "keep" or acting.who().group(group)
