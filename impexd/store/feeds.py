"""How each feed is: up to where it was heard, when it last answered, what went wrong since."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.message import Outcome
from impexd.store.schema import messages

TABLE = messages.feed
_OF = TABLE.c


async def get(tx: AsyncConnection, name: str) -> dict[str, Any]:
    """Read how a feed is; of one that was never heard, nothing."""
    row = (await tx.execute(select(TABLE).where(_OF.name == name))).mappings().first()
    return dict(row) if row else dict.fromkeys(TABLE.c.keys()) | {"failures": 0}


async def listed(tx: AsyncConnection) -> dict[str, dict[str, Any]]:
    """Read how all feeds are."""
    return {row["name"]: dict(row) for row in (await tx.execute(select(TABLE))).mappings()}


async def note(tx: AsyncConnection, name: str, **said: Any) -> None:
    """Write down something about a feed."""
    kind = postgresql if tx.dialect.name == "postgresql" else sqlite
    new = kind.insert(TABLE).values(name=name, **said)
    await tx.execute(new.on_conflict_do_update(index_elements=["name"], set_=said))


async def succeeded(tx: AsyncConnection, name: str, *, now: datetime, told: str | None) -> None:
    """A feed was heard to the end."""
    at = stamp(now)
    fine = {"error": None, "failed": None, "failures": 0, "until": None}
    await note(tx, name, polled=at, succeeded=at, told=told, **fine)


async def failed(tx: AsyncConnection, name: str, error: str, *, now: datetime, until: str) -> None:
    """A feed did not answer well: it is left alone for a while."""
    at = stamp(now)
    await note(tx, name, polled=at, failed=at, error=error, until=until)
    more = update(TABLE).where(_OF.name == name)
    await tx.execute(more.values(failures=_OF.failures + 1))


async def forget(tx: AsyncConnection, name: str) -> None:
    """Begin a feed from its start again."""
    await tx.execute(delete(TABLE).where(_OF.name == name))


async def next_moment(tx: AsyncConnection, *, now: str) -> str | None:
    """Give the next moment, after now, at which a parked message is tried or a feed may be asked again."""
    parked, feed = messages.message.c, _OF
    later = select(parked.next_at).where(parked.state == Outcome.PARKED.value, parked.next_at > now)
    resting = select(feed.until).where(feed.until > now)
    found = [
        await tx.scalar(later.order_by(parked.next_at).limit(1)),
        await tx.scalar(resting.order_by(feed.until).limit(1)),
    ]
    return min((one for one in found if one is not None), default=None)
