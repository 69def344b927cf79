"""The list of files that come from browsers; their bytes are in var/uploads, a file each."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.tables.people import upload

COMING, WHOLE, TAKEN = "coming", "whole", "taken"

_U = upload.c


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that comes."""

    token: str
    person: int | None
    who: str
    group: str
    name: str
    bytes: int
    modified: str
    parent: int | None
    made: str
    seen: str
    state: str = COMING
    run: int | None = None


def _made(row: Any) -> Upload:
    given = {name: row[name] for name in Upload.__dataclass_fields__ if name != "group"}
    return Upload(**given, group=row["group_name"])


async def begin(tx: AsyncConnection, fresh: Upload) -> Upload:
    """Note a file that is to come; if the same was begun before, by the same person, that one."""
    query = select(upload).where(
        _U.who == fresh.who,
        _U.group_name == fresh.group,
        _U.name == fresh.name,
        _U.bytes == fresh.bytes,
        _U.modified == fresh.modified,
        _U.parent == fresh.parent if fresh.parent is not None else _U.parent.is_(None),
        _U.state == COMING,
    )
    found = (await tx.execute(query)).mappings().first()
    if found is not None:
        return _made(found)
    values = {name: getattr(fresh, name) for name in Upload.__dataclass_fields__ if name != "group"}
    await tx.execute(insert(upload).values(**values, group_name=fresh.group))
    return fresh


async def get(tx: AsyncConnection, token: str) -> Upload | None:
    """Find an upload."""
    row = (await tx.execute(select(upload).where(_U.token == token))).mappings().first()
    return None if row is None else _made(row)


async def listed(tx: AsyncConnection, *, who: str | None = None) -> list[Upload]:
    """Read the uploads that have not become a run, newest first."""
    query = select(upload).where(_U.state != TAKEN).order_by(_U.made.desc()).limit(200)
    if who is not None:
        query = query.where(_U.who == who)
    return [_made(row) for row in (await tx.execute(query)).mappings()]


async def change(tx: AsyncConnection, token: str, **values: Any) -> None:
    """Write columns of an upload."""
    await tx.execute(update(upload).where(_U.token == token).values(**values))


async def old(tx: AsyncConnection, *, before: str) -> list[Upload]:
    """Read uploads nothing was heard of since a moment."""
    query = select(upload).where(_U.seen < before).limit(1000)
    return [_made(row) for row in (await tx.execute(query)).mappings()]


async def forget(tx: AsyncConnection, token: str) -> None:
    """Remove an upload from the list."""
    await tx.execute(delete(upload).where(_U.token == token))
