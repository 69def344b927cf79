"""
Accounts, and the links that are good once: to set the instance up, or to choose a password.

Secrets come and stay as their SHA-256; passwords as argon2id.  Every function wants a transaction
of its own or its caller's; rules (who may, for how long) are the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.people import Role
from impexd.store.tables.people import invitation, person, session, token

_P = person.c


@dataclass(frozen=True, slots=True)
class Person:
    """An account."""

    id: int
    name: str
    password: str | None
    role: Role
    groups: tuple[str, ...]
    shops: tuple[str, ...]
    disabled: str | None
    created: str
    seen: str | None


def made(row: RowMapping) -> Person:
    """Pure: a row as a value."""
    given = {name: row[name] for name in ("id", "name", "password", "disabled", "created", "seen")}
    groups, shops = tuple(row["groups"]), tuple(row["shops"])
    return Person(**given, role=Role(row["role"]), groups=groups, shops=shops)


def folded(name: str) -> str:
    """Pure: the name of an account as it is kept: two that differ in case are one."""
    return name.strip().casefold()


async def add(
    tx: AsyncConnection,
    name: str,
    role: Role,
    *,
    groups: Sequence[str],
    shops: Sequence[str],
    password: str | None,
    now: str,
) -> int | None:
    """Make an account; None if there is one of this name."""
    if await named(tx, name) is not None:
        return None
    row = insert(person).values(
        name=folded(name),
        password=password,
        role=role,
        groups=list(groups),
        shops=list(shops),
        created=now,
    )
    return int((await tx.execute(row.returning(_P.id))).scalar_one())


async def named(tx: AsyncConnection, name: str) -> Person | None:
    """Find an account by its name."""
    return _one((await tx.execute(select(person).where(_P.name == folded(name)))).mappings())


async def get(tx: AsyncConnection, id: int) -> Person | None:
    """Find an account by its number."""
    return _one((await tx.execute(select(person).where(_P.id == id))).mappings())


def _one(rows: Any) -> Person | None:
    row = rows.first()
    return None if row is None else made(row)


async def listed(tx: AsyncConnection) -> list[Person]:
    """Read all accounts, by name."""
    return [made(row) for row in (await tx.execute(select(person).order_by(_P.name))).mappings()]


async def anybody(tx: AsyncConnection) -> bool:
    """Is there an account that can sign in as an administrator?"""
    able = select(_P.id).where(
        _P.role == Role.ADMIN, _P.password.is_not(None), _P.disabled.is_(None)
    )
    return (await tx.execute(able.limit(1))).first() is not None


async def admins(tx: AsyncConnection) -> int:
    """Count the administrators who are not disabled."""
    query = select(func.count()).where(_P.role == Role.ADMIN, _P.disabled.is_(None))
    return int((await tx.execute(query)).scalar_one())


async def change(tx: AsyncConnection, id: int, **values: Any) -> None:
    """Write columns of an account; of none nothing."""
    if not values:
        return
    await tx.execute(update(person).where(_P.id == id).values(**values))


async def end(tx: AsyncConnection, id: int, *, now: str, tokens: bool) -> None:
    """End all sessions of an account, and all its tokens if it is so said."""
    for table in (session, token) if tokens else (session,):
        mine = update(table).where(table.c.person == id, table.c.ended.is_(None))
        await tx.execute(mine.values(ended=now))


async def invite(
    tx: AsyncConnection, hash: str, *, person: int | None, now: str, until: str
) -> None:
    """Make a link that is good once; older ones for the same are good no more."""
    mine = invitation.c.person == person if person else invitation.c.person.is_(None)
    old = update(invitation).where(mine, invitation.c.used.is_(None))
    await tx.execute(old.values(used=now))
    row = insert(invitation).values(hash=hash, person=person, made=now, until=until)
    await tx.execute(row)


async def invited(tx: AsyncConnection, hash: str, *, now: str) -> tuple[int, int | None] | None:
    """Find a link that is still good: its number, and whose it is (None: nobody's yet)."""
    of = invitation.c
    query = select(of.id, of.person).where(of.hash == hash, of.used.is_(None), of.until > now)
    row = (await tx.execute(query)).first()
    return None if row is None else (row.id, row.person)


async def use(tx: AsyncConnection, id: int, *, now: str) -> bool:
    """Use a link up; False if somebody was faster."""
    of = invitation.c
    mine = update(invitation).where(of.id == id, of.used.is_(None)).values(used=now)
    return (await tx.execute(mine.returning(of.id))).first() is not None


async def forget(tx: AsyncConnection, *, before: str) -> None:
    """Remove links and sessions that ended, or ran out, before a moment."""
    of = invitation.c
    await tx.execute(invitation.delete().where(of.until < before))
    on = session.c
    await tx.execute(session.delete().where(or_(on.ended < before, on.seen < before)))
