"""Accounts, sessions, tokens and the audit over the API.  Secrets are shown once, and never kept."""

import secrets
from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.admin import acting, links, signing, whose
from impexd.admin.house import House
from impexd.admin.ids import Before, Id
from impexd.core.clock import stamp
from impexd.core.errors import DataError, UsageError
from impexd.core.text import shown
from impexd.model.base import Model
from impexd.model.people import EVERY, Role
from impexd.store import audit, people, sessions
from impexd.store.again import again
from impexd.store.people import Person

Names = list[str]


class NewPerson(Model):
    """An account to be made."""

    name: str = Field(min_length=1, max_length=64)
    role: str = Field(default=Role.VIEWER.value, pattern="^(viewer|operator|approver|admin)$")
    groups: Names = Field(default=[EVERY], max_length=1000)
    shops: Names = Field(default=[EVERY], max_length=1000)


class Changed(Model):
    """What is to be different about an account; what is not said stays."""

    role: str | None = Field(default=None, pattern="^(viewer|operator|approver|admin)$")
    groups: Names | None = Field(default=None, max_length=1000)
    shops: Names | None = Field(default=None, max_length=1000)
    disabled: bool | None = None


class NewToken(Model):
    """A token to be made."""

    person: str | None = Field(default=None, max_length=64)
    """Whose; one's own if not said, somebody else's only by an administrator."""
    name: str = Field(min_length=1, max_length=64)
    role: str = Field(default=Role.VIEWER.value, pattern="^(viewer|operator|approver|admin)$")
    groups: Names = Field(default=[EVERY], max_length=1000)
    shops: Names = Field(default=[EVERY], max_length=1000)
    days: int = Field(default=90, ge=1, le=730)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""
    _accounts(made, house)
    _links(made, house)
    _signed_in(made, house)

    @made.get("/api/v1/audit")
    async def lines(
        who: str | None = Query(default=None, max_length=64),
        before: Before = None,
        limit: int = Query(default=100, ge=1, le=1000),
    ) -> dict[str, Any]:
        async with house.store.reading() as tx:
            found = await audit.listed(tx, who=who, before=before, limit=limit)
        return {"audit": found, "next": found[-1]["id"] if len(found) == limit else None}


def _accounts(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/users")
    async def listed() -> dict[str, Any]:
        async with house.store.reading() as tx:
            return {"users": [_person(one) for one in await people.listed(tx)]}

    @made.post("/api/v1/users", status_code=201)
    async def add(wanted: NewPerson) -> dict[str, Any]:
        if reason := links.name_fault(wanted.name):
            raise DataError("name", reason)
        now = stamp(house.clock.now())

        async def work(tx: AsyncConnection) -> int:
            made = await people.add(
                tx,
                wanted.name,
                Role(wanted.role),
                groups=wanted.groups,
                shops=wanted.shops,
                password=None,
                now=now,
            )
            if made is None:
                raise UsageError(f"there is an account {shown(wanted.name)} already")
            return made

        id = await again(house.store, work, clock=house.clock)
        return {"id": id, **await links.made(house, id)}

    @made.post("/api/v1/users/{id}")
    async def change(id: Id, wanted: Changed) -> dict[str, Any]:
        async def work(tx: AsyncConnection) -> Person:
            person = await _known(tx, id)
            values = _values(wanted, now=stamp(house.clock.now()))
            if not values:
                return person
            await people.change(tx, id, **values)
            if not await people.admins(tx) and person.role is Role.ADMIN:
                raise UsageError("there would be no administrator left")
            await people.end(
                tx, id, now=stamp(house.clock.now()), tokens=bool(values.get("disabled"))
            )
            return await _known(tx, id)

        return _person(await again(house.store, work, clock=house.clock))


def _links(made: FastAPI, house: House) -> None:
    @made.post("/api/v1/users/{id}/link", status_code=201)
    async def link(id: Id) -> dict[str, Any]:
        async with house.store.reading() as tx:
            await _known(tx, id)
        return await links.made(house, id)

    @made.post("/api/v1/setup", status_code=201)
    async def setup() -> dict[str, Any]:
        async with house.store.reading() as tx:
            if await people.anybody(tx):
                raise UsageError(
                    "there is an administrator already",
                    hint="`impexd user link NAME` for a new one",
                )
        return await links.made(house, None)


def _signed_in(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/me")
    async def me() -> dict[str, Any]:
        one = acting.who()
        return {
            "name": one.name,
            "role": one.role.value,
            "groups": list(one.groups),
            "shops": list(one.shops),
            "via": one.via,
        }

    for kind in ("session", "token"):
        _kept(made, house, kind)

    @made.post("/api/v1/tokens", status_code=201)
    async def issue(wanted: NewToken) -> dict[str, Any]:
        one, secret = acting.who(), signing.TOKEN + secrets.token_urlsafe(32)
        now = house.clock.now()
        until = stamp(now + timedelta(days=wanted.days))

        async def work(tx: AsyncConnection) -> int:
            named = wanted.person or one.name
            person = await people.named(tx, named)
            if person is None:
                raise UsageError(f"there is no account {shown(named)}", hint="`impexd user list`")
            if person.id != one.person and not one.reaches(Role.ADMIN):
                raise acting.Denied("only an administrator makes tokens for somebody else")
            role = Role(wanted.role)
            if not (person.role.reaches(role) and one.role.reaches(role)):
                raise acting.Denied(f"{person.name} cannot give the role {wanted.role} away")
            return await sessions.issue(
                tx,
                signing.hashed(secret),
                person=person.id,
                name=wanted.name,
                role=role,
                groups=whose.both(tuple(wanted.groups), one.groups),
                shops=whose.both(tuple(wanted.shops), one.shops),
                now=stamp(now),
                until=until,
            )

        id = await again(house.store, work, clock=house.clock)
        return {"id": id, "token": secret, "until": until}


def _kept(made: FastAPI, house: House, kind: str) -> None:
    """Add the routes of sessions, or of tokens: one's own, or all for administrators."""

    @made.get(f"/api/v1/{kind}s", name=f"{kind}s")
    async def listed() -> dict[str, Any]:
        one = acting.who()
        mine = None if one.reaches(Role.ADMIN) else one.person
        async with house.store.reading() as tx:
            found = await sessions.listed(tx, kind, of=mine)
        return {f"{kind}s": [row | {"own": row["id"] == getattr(one, kind)} for row in found]}

    @made.post(f"/api/v1/{kind}s/{{id}}/end", name=f"end_{kind}")
    async def end(id: Id) -> dict[str, Any]:
        one = acting.who()
        mine = None if one.reaches(Role.ADMIN) else one.person
        now = stamp(house.clock.now())
        ended = await again(
            house.store,
            lambda tx: sessions.end(tx, kind, id, now=now, of=mine),
            clock=house.clock,
        )
        if not ended:
            raise UsageError(f"there is no {kind} {id} of yours that could be ended")
        return {"id": id}


async def _known(tx: AsyncConnection, id: int) -> Person:
    person = await people.get(tx, id) if 0 < id < 1 << 62 else None
    if person is None:
        raise UsageError(f"there is no account {id}", hint="`impexd user list` lists them")
    return person


def _values(wanted: Changed, *, now: str) -> dict[str, Any]:
    """Pure: the columns that change."""
    values = wanted.model_dump(exclude_none=True)
    if wanted.disabled is not None:
        values["disabled"] = now if wanted.disabled else None
    return values


def _person(one: Person) -> dict[str, Any]:
    """Pure: an account for programs; nothing of its password but whether there is one."""
    return {
        "id": one.id,
        "name": one.name,
        "role": one.role.value,
        "groups": list(one.groups),
        "shops": list(one.shops),
        "disabled": one.disabled,
        "created": one.created,
        "seen": one.seen,
        "invited": one.password is None,
    }
