"""
Files from browsers, piece by piece, into var/uploads; then the way of every other drop.

A piece is answered once it is on the disk, so whoever was cut off asks how much came and goes on
there: choosing the same file again is enough.  What nobody goes on with is removed after a day.
"""

from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import structlog
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.admin import acting, pieces
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.core.clock import stamp
from impexd.core.errors import DataError, UsageError
from impexd.core.text import shown
from impexd.inbox import adopt, folders, scan
from impexd.inbox.desk import Inlet
from impexd.model.base import Model
from impexd.store import uploads
from impexd.store.again import again
from impexd.store.uploads import COMING, TAKEN, WHOLE, Upload

COMING_AT_ONCE = 50
"""Uploads that one person may have unfinished."""

log = structlog.get_logger(__name__)


class Begin(Model):
    """A file that is to come."""

    group: str = Field(max_length=100)
    name: str = Field(min_length=1, max_length=255)
    bytes: int = Field(ge=1, lt=1 << 50)
    modified: str = Field(default="", max_length=40)
    parent: int | None = Field(default=None, ge=1, lt=1 << 62)
    """The run whose rejects these are, mended."""


class Take(Model):
    """An upload that is to be imported."""

    dry: bool = False
    force: bool = False
    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""
    busy: set[str] = set()
    _arriving(made, house, busy)

    @made.get("/api/v1/uploads")
    async def listed() -> dict[str, Any]:
        who = acting.who()
        async with house.store.reading() as tx:
            found = await uploads.listed(tx, who=who.name)
        return {
            "uploads": [_told(house, one) for one in found if not one.group or who.group(one.group)]
        }

    @made.post("/api/v1/uploads/{token}/import", status_code=202)
    async def take(token: str, wanted: Take) -> dict[str, Any]:
        one = await mine(house, token)
        if one.state == TAKEN:
            return {"run": one.run, "duplicate": False}
        if one.state != WHOLE:
            raise UsageError(f"{shown(one.name)} has not come whole yet")
        if token in busy:
            raise UsageError("this is being taken already")
        busy.add(token)
        try:
            return await _taken(house, one, wanted)
        finally:
            busy.discard(token)

    @made.post("/api/v1/uploads/{token}/forget")
    async def forget(token: str) -> dict[str, Any]:
        one = await mine(house, token)
        await pieces.remove(house, one)
        return {"token": token}


def _arriving(made: FastAPI, house: House, busy: set[str]) -> None:
    @made.post("/api/v1/uploads", status_code=201)
    async def begin(wanted: Begin) -> dict[str, Any]:
        if wanted.group:  # none: a sample, which is only looked at
            acting.need_group(wanted.group)
            inlet_of(house, wanted.group)
        _judged(wanted, house.bench.config.instance.limits.file, house)
        who, now = acting.who(), stamp(house.clock.now())
        fresh = Upload(
            house.clock.token(),
            who.person,
            who.name,
            wanted.group,
            wanted.name,
            wanted.bytes,
            wanted.modified,
            wanted.parent,
            now,
            now,
        )

        async def work(tx: AsyncConnection) -> Upload:
            begun = await uploads.listed(tx, who=who.name)
            if sum(one.state == COMING for one in begun) >= COMING_AT_ONCE:
                raise UsageError("too many files of yours have been begun and not finished")
            return await uploads.begin(tx, fresh)

        return _told(house, await again(house.store, work, clock=house.clock))

    @made.put("/api/v1/uploads/{token}")
    async def piece(
        request: Request, token: str, at: int = Query(ge=0, lt=1 << 50)
    ) -> JSONResponse:
        one = await mine(house, token)
        if one.state != COMING:
            return JSONResponse(_told(house, one))
        if token in busy:
            raise UsageError("another piece of this file is coming just now")
        busy.add(token)
        try:
            received = await pieces.add(house, one, at, request.stream())
        except pieces.Behind as error:
            document = {"detail": str(error), "status": 409, "received": error.received}
            return JSONResponse(document, 409, media_type="application/problem+json")
        finally:
            busy.discard(token)
        if received == one.bytes:
            await again(
                house.store,
                lambda tx: uploads.change(tx, token, state=WHOLE, seen=stamp(house.clock.now())),
                clock=house.clock,
            )
        return JSONResponse({"token": token, "received": received, "bytes": one.bytes})


def _judged(wanted: Begin, largest: int, house: House) -> None:
    """Refuse what would be refused later, before it has come."""
    try:
        name = wanted.name.encode()
    except UnicodeEncodeError:
        raise DataError("bad-name", "this name is no text") from None
    if "/" in wanted.name or "\0" in wanted.name or wanted.name in (".", ".."):
        raise DataError("bad-name", f"{shown(wanted.name)} is no name of a file")
    if (fault := scan.misnamed(name)) is not None:
        raise DataError(fault.code, fault.message)
    if scan.temporary(name) or len(name) > 255:
        raise UsageError(f"{shown(wanted.name)} is no drop by its name", hint="rename it")
    if wanted.bytes > largest:
        told = f"{shown(wanted.name)} has {wanted.bytes} bytes; the limit is {largest}"
        raise DataError("too-large", told)
    folders.check_room(house.desk.folders, house.desk.reserve + wanted.bytes)


async def _taken(house: House, one: Upload, wanted: Take) -> dict[str, Any]:
    """Have a whole upload adopted; its own bytes are then needed no more."""
    order = adopt.Order(
        origin="upload",
        actor=wanted.actor,
        name=one.name.encode(),
        forced=wanted.force,
        dry=wanted.dry,
        parent=one.parent,
        note=wanted.note,
    )
    path = pieces.folder(house) / one.token
    try:
        adopted = await adopt.adopt(house.desk, inlet_of(house, one.group), path, order)
    except DataError:
        await pieces.remove(house, one)  # the journal says why it was refused
        raise
    await again(
        house.store,
        lambda tx: uploads.change(tx, one.token, state=TAKEN, run=adopted.run),
        clock=house.clock,
    )
    await anyio.Path(path).unlink(missing_ok=True)
    return {"run": adopted.run, "duplicate": adopted.duplicate}


async def mine(house: House, token: str) -> Upload:
    """Find an upload of who asks; UsageError if there is none."""
    who = acting.who()
    async with house.store.reading() as tx:
        one = await uploads.get(tx, token)
    if one is None or one.who != who.name or (one.group and not who.group(one.group)):
        raise UsageError(f"there is no upload {shown(token)} of yours")
    return one


def inlet_of(house: House, group: str) -> Inlet:
    """Find the inbox of a group; UsageError if there is no such import group."""
    for one in house.inlets():
        if one.group == group:
            return one
    known = ", ".join(one.group for one in house.inlets()) or "none"
    raise UsageError(f"there is no import group {shown(group)}", hint=f"there are: {known}")


def _told(house: House, one: Upload) -> dict[str, Any]:
    received = one.bytes
    if one.state == COMING:
        received = 0
        with suppress(FileNotFoundError):
            received = (pieces.folder(house) / one.token).stat().st_size
    return {
        "token": one.token,
        "group": one.group,
        "name": one.name,
        "bytes": one.bytes,
        "received": received,
        "state": one.state,
        "begun": one.made,
        "run": one.run,
    }
