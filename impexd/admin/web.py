"""
The pages, opened: application, door and listener put together, for as long as a block lasts.

A port that somebody else has is no reason to stop importing: it is told, and tried again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import anyio
import structlog
from fastapi import FastAPI

from impexd.admin import api, links, pages, server, stale
from impexd.admin.door import Door
from impexd.admin.house import House
from impexd.admin.origin import Place, place
from impexd.admin.pages import shell
from impexd.admin.repeats import Repeats
from impexd.admin.signing import Signing
from impexd.core import asgi
from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.model.faults import listener
from impexd.model.instance import Admin
from impexd.store import audit
from impexd.store import people as accounts

TIDY = 3600.0
AUDIT_KEPT = 400
"""Days for which it is known who did what."""
AGAIN = 10.0
"""Seconds between two tries to have the port."""

log = structlog.get_logger(__name__)


def app(house: House, signing: Signing, at: Place) -> FastAPI:
    """Make the application: the API, and the pages that ask it."""
    made = api.app(house)
    pages.routes(made, house, signing, at)
    return made


def door(house: House, signing: Signing, at: Place) -> Door:
    """Make the application behind its door."""
    made = app(house, signing, at)
    return Door(Repeats(made, house), made.routes, house, signing, at, shell.wrong)


@asynccontextmanager
async def opened(house: House, home: Path) -> AsyncIterator[None]:
    """Have the pages open for as long as the block lasts, if the configuration wants any."""
    admin = house.bench.config.instance.admin
    wanted = listener.address(admin.listen)
    if wanted is None:
        yield
        return
    async with anyio.create_task_group() as tasks:
        going = _Going()
        tasks.start_soon(_kept_open, house, home, admin, wanted, going)
        try:
            yield
        finally:
            going.end.set()
            with anyio.CancelScope(shield=True), anyio.move_on_after(3):
                if house.listening:
                    await going.ended.wait()
            tasks.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class _Going:
    end: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)


async def _kept_open(
    house: House, home: Path, admin: Admin, wanted: tuple[str, int], going: _Going
) -> None:
    host = "127.0.0.1" if wanted[0] == "localhost" else wanted[0]
    while True:
        try:
            mine = asgi.bound(host, wanted[1])
        except OSError as error:
            log.error("pages not open", listen=admin.listen, why=error.strerror or str(error))
            await anyio.sleep(AGAIN)
            continue
        break
    at = place(admin, wanted[0], mine.getsockname()[1])
    async with anyio.create_task_group() as tasks:
        signing = Signing(house.store, house.clock, admin, tasks)
        async with server.open_to_browsers(door(house, signing, at), mine, admin, home):
            house.listening = at.url
            log.info("pages open", url=at.url)
            await _told_how_to_begin(house)
            tidying = anyio.CancelScope()
            tasks.start_soon(_tidy, house, tidying)
            await going.end.wait()
            signing.stopping.set()
            tidying.cancel()
            house.listening = ""
    going.ended.set()


async def _tidy(house: House, scope: anyio.CancelScope) -> None:
    """Keep removing what is too old, until cancelled."""
    with scope:
        while True:
            try:
                await _tidied(house)
            except (WorldError, OSError) as error:
                log.warning("not tidied", why=str(error))
            await anyio.sleep(TIDY)


async def _tidied(house: House) -> None:
    """Remove uploads nobody goes on with, answers, ended sessions, what was done long ago."""
    now = house.clock.now()
    day, month, long = (stamp(now - timedelta(days=days)) for days in (1, 31, AUDIT_KEPT))
    await stale.clear(house)
    async with house.store.writing() as tx:
        await audit.forget(tx, answers=day, lines=long)
        await accounts.forget(tx, before=month)


async def _told_how_to_begin(house: House) -> None:
    """Say how the first administrator gets in, as long as there is none."""
    try:
        async with house.store.reading() as tx:
            if await accounts.anybody(tx):
                return
        made = await links.made(house, None)
    except WorldError as error:
        log.error("no setup link", why=str(error))
        return
    log.warning("no administrator yet", open=made["link"], until=made["until"])
