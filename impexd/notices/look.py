"""
Look at how things are, and keep what operators ought to know.

Takes the tables and what the daemon knows; what is new is kept with those it goes to and the jobs that
send it, in one transaction; what is over is said to be.  May be done at any time, by any daemon.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import anyio
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.core.errors import WorldError
from impexd.inbox.desk import Desk
from impexd.model.config import Config
from impexd.model.notify import SEVERITIES, Notify, Recipient
from impexd.notices import matters, send
from impexd.queue.jobs import Queue
from impexd.store import notices
from impexd.store.again import again
from impexd.store.engine import Store
from impexd.store.notices import Matter

EVERY = 30.0
"""Seconds between two looks when nothing is carried."""
SOON = 2.0
"""Seconds after a job at which it is looked again."""
RECENT = timedelta(days=1)
"""What has ended longer ago is not told of any more."""
LASTING = ("held", "late", "disk", "inbox", "config", "silent", "breaker", "dead", "conflict")
"""Kinds of matters that are over when they are not found any more."""

log = structlog.get_logger(__name__)


class House(Protocol):
    """What is looked at."""

    store: Store
    queue: Queue
    clock: Clock
    mistakes: tuple[str, ...]
    inboxes: dict[str, str]
    carried: anyio.Event

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...

    @property
    def desk(self) -> Desk:
        """What the inbox works with."""
        ...


async def tend(house: House) -> NoReturn:
    """Look again and again, until cancelled."""
    while True:
        try:
            await look(house)
        except WorldError as error:
            log.warning("notices wait", reason=str(error))
        with anyio.move_on_after(EVERY):
            await house.carried.wait()
            await anyio.sleep(SOON)


async def look(house: House) -> int:
    """Look once; gives how many matters are new."""
    now = house.clock.now()
    found = await _found(house, now)
    lasting = {one.about for one in found if one.lasting}
    async with house.store.reading() as conn:
        known = await notices.open_of(conn, {one.kind for one in found} | set(LASTING))
    stale = await _stale(house, lasting)
    fresh = [one for one in found if one.about not in known]
    if not fresh and not stale:
        return 0

    async def work(tx: AsyncConnection) -> int:
        await notices.end(tx, LASTING, lasting, now=now)
        return sum([await _kept(house, tx, one, now) for one in fresh])

    return await again(house.store, work, clock=house.clock)


async def _stale(house: House, lasting: set[str]) -> bool:
    """Is any matter over?"""
    async with house.store.reading() as conn:
        return bool(await notices.open_of(conn, LASTING) - lasting)


async def _kept(house: House, tx: AsyncConnection, matter: Matter, now: datetime) -> bool:
    """Keep one matter, and have it sent; says whether it is new."""
    id = await notices.put(tx, matter, now=now)
    if id is None:
        return False
    told = recipients(house.config.instance.notify, matter)
    await notices.address(tx, id, told, now=now)
    for name in told:
        await send.enqueue(house, tx, name)
    extra = {"run": matter.run} if matter.run is not None else {}
    log.info("notice", kind=matter.kind, subject=matter.subject, to=list(told), **extra)
    return True


def recipients(notify: Notify, matter: Matter) -> Sequence[str]:
    """Pure: those that a matter goes to."""
    return [name for name, one in notify.to.items() if _wants(one, matter)]


def _wants(one: Recipient, matter: Matter) -> bool:
    if SEVERITIES.index(matter.severity) < SEVERITIES.index(one.severity):
        return False
    if one.kinds and matter.kind not in one.kinds:
        return False
    return not one.groups or matter.group is None or matter.group in one.groups


async def _found(house: House, now: datetime) -> list[Matter]:
    """Find all matters there are."""
    config = house.config
    async with house.store.reading() as conn:
        rows = await notices.runs(conn, now - RECENT, config.instance.notify.rejected)
        found = [matters.of_run(row) for row in rows]
        found += await _late(conn, config, now)
        found += matters.silent(await notices.feeds(conn), now, config.instance.notify.silent)
        found += [matters.resting(name, why) for name, why in await notices.resting(conn, now)]
        found += [matters.dead(name, count) for name, count in (await notices.dead(conn)).items()]
        found += [matters.waits(*one) for one in await notices.held_tasks(conn)]
        found += [matters.conflict(*one) for one in await notices.conflicts(conn)]
    found += _here(house.desk, house.inboxes, house.mistakes)
    return found


async def _late(conn: AsyncConnection, config: Config, now: datetime) -> list[Matter]:
    found = []
    for name, group in config.groups.items():
        window = matters.window(group.expect, now) if group.expect else None
        if group.expect and window and not await notices.came(conn, name, window[0]):
            found.append(matters.late(name, group.expect, window[1]))
    return found


def _here(desk: Desk, inboxes: Mapping[str, str], mistakes: tuple[str, ...]) -> list[Matter]:
    """What this machine itself shows."""
    found = [matters.inbox(group, why) for group, why in inboxes.items()]
    disk = os.fstatvfs(desk.folders.work)
    free = disk.f_bavail * disk.f_frsize
    if free < desk.reserve:
        found.append(matters.disk(free, desk.reserve))
    if mistakes:
        found.append(matters.config(mistakes))
    return found
