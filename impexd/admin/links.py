"""
Links that are good once: for the first administrator, or for the owner of an account to choose a password.

What is kept of a link is a hash; its secret stands behind the `#`, which browsers send to nobody.
"""

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.admin import origin, passwords
from impexd.admin.house import House
from impexd.admin.signing import hashed
from impexd.core.clock import Clock, stamp
from impexd.core.errors import DataError
from impexd.model.faults import listener
from impexd.model.people import EVERY, Role
from impexd.store import people
from impexd.store.again import again
from impexd.store.engine import Store
from impexd.store.people import Person

SETUP = timedelta(hours=1)
INVITED = timedelta(days=7)


async def made(house: House, person: int | None) -> dict[str, Any]:
    """Make a link that is good once, for an account or (None) for the first one."""
    secret, now = secrets.token_urlsafe(24), house.clock.now()
    until = stamp(now + (INVITED if person else SETUP))

    async def work(tx: AsyncConnection) -> None:
        await people.invite(tx, hashed(secret), person=person, now=stamp(now), until=until)

    await again(house.store, work, clock=house.clock)
    told = {"link": f"{where(house)}/welcome#{secret}", "until": until}
    if not house.listening and house.bench.config.instance.admin.listen == "off":
        told["hint"] = "the pages are off: `listen` in [admin] of impexd.toml opens them"
    return told


def where(house: House) -> str:
    """Say where browsers reach the pages."""
    if house.listening:
        return house.listening
    admin = house.bench.config.instance.admin
    host, port = listener.address(admin.listen) or ("127.0.0.1", 0)
    return origin.place(admin, host, port).url


async def found(store: Store, clock: Clock, secret: str) -> tuple[int, Person | None] | None:
    """Find what a link is for: its number and its person; None if it is not good (any more)."""
    async with store.reading() as tx:
        now = stamp(clock.now())
        row = await people.invited(tx, hashed(secret), now=now)
        if row is None:
            return None
        id, person = row
        return id, (await people.get(tx, person) if person else None)


async def accept(store: Store, clock: Clock, secret: str, name: str, password: str) -> Person:
    """Use a link: choose a password, and the name if it is the first account; DataError if it fails."""
    known = await found(store, clock, secret)
    if known is None:
        raise DataError("link", "this link is not good any more", hint="ask for another one")
    id, owner = known
    name = owner.name if owner else name
    if not owner and (reason := name_fault(name)):
        raise DataError("name", reason)
    if reason := passwords.fault(password, name):
        raise DataError("password", reason)
    kept, now = await passwords.made(password), stamp(clock.now())

    async def work(tx: AsyncConnection) -> Person:
        if not await people.use(tx, id, now=now):
            raise DataError("link", "this link has just been used")
        person = owner.id if owner else await _first(tx, name, kept, now)
        await people.change(tx, person, password=kept)
        await people.end(tx, person, now=now, tokens=False)
        account = await people.get(tx, person)
        if account is None:
            raise DataError("link", "this account is gone")
        return account

    return await again(store, work, clock=clock)


async def _first(tx: AsyncConnection, name: str, kept: str, now: str) -> int:
    every = (EVERY,)
    added = await people.add(
        tx, name, Role.ADMIN, groups=every, shops=every, password=kept, now=now
    )
    if added is None:
        raise DataError("name", "there is an account of this name")
    return added


def name_fault(name: str) -> str:
    """Pure: say what is wrong with the name of an account; "" if nothing is."""
    name = name.strip()
    if not 1 <= len(name) <= 64 or not name.isprintable():
        return "a name of 1 to 64 characters is wanted"
    return ""
