"""What was asked for, by whom, and what came of it; and what was answered to a repeated wish."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.tables.people import audit, repeat


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit."""

    at: str
    who: str
    via: str
    address: str
    action: str
    target: str
    outcome: str
    status: int
    note: str | None = None


async def write(tx: AsyncConnection, entry: Entry) -> None:
    """Write a line."""
    await tx.execute(insert(audit).values(**asdict(entry)))


async def listed(
    tx: AsyncConnection, *, who: str | None = None, before: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Read lines, newest first."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if who is not None:
        query = query.where(audit.c.who == who)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known of a key."""

    fresh: bool
    """True for the first who asks with it: theirs is to be carried out."""
    asked: str
    status: int | None = None
    answer: str | None = None


async def begin(tx: AsyncConnection, who: str, key: str, asked: str, *, now: str) -> Answered:
    """Note that a wish is being carried out under a key, or find what was answered to it."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    row = dialect.insert(repeat).values(who=who, key=key, asked=asked, at=now)
    once = row.on_conflict_do_nothing(index_elements=["who", "key"]).returning(repeat.c.id)
    if (await tx.execute(once)).first() is not None:
        return Answered(fresh=True, asked=asked)
    mine = (repeat.c.who == who, repeat.c.key == key)
    found = (await tx.execute(select(repeat).where(*mine))).mappings().one()
    return Answered(False, found["asked"], found["status"], found["answer"])


async def answered(tx: AsyncConnection, who: str, key: str, status: int, answer: str) -> None:
    """Keep what was answered."""
    mine = update(repeat).where(repeat.c.who == who, repeat.c.key == key)
    await tx.execute(mine.values(status=status, answer=answer))


async def give_up(tx: AsyncConnection, who: str, key: str) -> None:
    """Forget a key whose wish came to nothing: it may be tried again."""
    mine = delete(repeat).where(repeat.c.who == who, repeat.c.key == key)
    await tx.execute(mine)


async def forget(tx: AsyncConnection, *, answers: str, lines: str) -> None:
    """Remove what is older than these moments."""
    await tx.execute(delete(repeat).where(repeat.c.at < answers))
    await tx.execute(delete(audit).where(audit.c.at < lines))
