"""Who is signed in: sessions of people, tokens of programs; both kept by the SHA-256 of their secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.people import Role
from impexd.store import people
from impexd.store.people import Person
from impexd.store.tables.people import person, session, token


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in."""

    id: int
    person: Person
    made: str
    seen: str


@dataclass(frozen=True, slots=True)
class Token:
    """What a program signs in with."""

    id: int
    person: Person
    name: str
    role: Role
    groups: tuple[str, ...]
    shops: tuple[str, ...]
    until: str
    seen: str | None


async def begin(
    tx: AsyncConnection, hash: str, *, person: int, now: str, address: str, agent: str
) -> int:
    """Begin a session; gives its number."""
    row = insert(session).values(
        hash=hash, person=person, made=now, seen=now, address=address, agent=agent
    )
    return int((await tx.execute(row.returning(session.c.id))).scalar_one())


async def find(tx: AsyncConnection, hash: str) -> Session | None:
    """Find a session that has not been ended, whose person is not disabled."""
    of = session.c
    row = await _row(tx, select(of.id, of.made, of.seen, of.person), session, hash)
    if row is None or (owner := await people.get(tx, row["person"])) is None or owner.disabled:
        return None
    return Session(row["id"], owner, row["made"], row["seen"])


async def find_token(tx: AsyncConnection, hash: str) -> Token | None:
    """Find a token that has not been ended, whose person is not disabled."""
    row = await _row(tx, select(token), token, hash)
    if row is None or (owner := await people.get(tx, row["person"])) is None or owner.disabled:
        return None
    groups, shops = tuple(row["groups"]), tuple(row["shops"])
    given = {name: row[name] for name in ("id", "name", "until", "seen")}
    return Token(**given, person=owner, role=Role(row["role"]), groups=groups, shops=shops)


async def _row(tx: AsyncConnection, query: Any, table: Table, hash: str) -> Any:
    mine = query.where(table.c.hash == hash, table.c.ended.is_(None))
    return (await tx.execute(mine)).mappings().first()


async def saw(tx: AsyncConnection, kind: str, id: int, *, now: str) -> None:
    """Remember that a session (or token) was used."""
    table = session if kind == "session" else token
    await tx.execute(update(table).where(table.c.id == id).values(seen=now))


async def end(tx: AsyncConnection, kind: str, id: int, *, now: str, of: int | None = None) -> bool:
    """End a session (or token), only if it is this person's if one is named; False if there is none."""
    table = session if kind == "session" else token
    mine = update(table).where(table.c.id == id, table.c.ended.is_(None))
    if of is not None:
        mine = mine.where(table.c.person == of)
    return (await tx.execute(mine.values(ended=now).returning(table.c.id))).first() is not None


async def listed(tx: AsyncConnection, kind: str, *, of: int | None = None) -> list[dict[str, Any]]:
    """Read the sessions (or tokens) that are not ended, newest first, without their secrets."""
    table = session if kind == "session" else token
    shown = [column for column in table.c if column.name not in ("hash", "ended")]
    query = (
        select(*shown, person.c.name.label("who"))
        .join(person, person.c.id == table.c.person)
        .where(table.c.ended.is_(None))
        .order_by(table.c.id.desc())
        .limit(1000)
    )
    if of is not None:
        query = query.where(table.c.person == of)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def issue(
    tx: AsyncConnection,
    hash: str,
    *,
    person: int,
    name: str,
    role: Role,
    groups: Sequence[str],
    shops: Sequence[str],
    now: str,
    until: str,
) -> int:
    """Make a token; gives its number."""
    row = insert(token).values(
        hash=hash,
        person=person,
        name=name,
        role=role,
        groups=list(groups),
        shops=list(shops),
        made=now,
        until=until,
    )
    return int((await tx.execute(row.returning(token.c.id))).scalar_one())
