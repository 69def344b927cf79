"""
Messages: kept once, tried until they are heard or given up, and found again.

A message is known by its feed and its own id.  The same body under it is the same message and
changes nothing; another body is kept beside it as a conflict, and applied never.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.entity import Kind, Type
from impexd.model.message import Outcome
from impexd.store import terms
from impexd.store.dialect import Names, quoted
from impexd.store.schema import messages, orders

TABLE = messages.message
_OF = TABLE.c
NEW = "new"
SLICE = 250
"""Messages in one statement."""
_THERE = or_(
    _OF.about.in_(select(orders.orders.c.number)),
    _OF.delivery.in_(select(orders.delivery.c.number)),
)
"""What a message is about is there."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A message that has come."""

    source: str
    message_id: str
    digest: str
    body: str
    received: str
    via: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of messages that were put: by (source, id, digest)."""

    fresh: frozenset[tuple[str, str, str]]
    repeated: frozenset[tuple[str, str, str]]
    conflicts: frozenset[tuple[str, str, str]]
    """Another body is kept under their id."""


async def put(tx: AsyncConnection, coming: Sequence[Fresh]) -> Kept:
    """Keep messages, in order; of two with one id the first counts."""
    fresh: set[tuple[str, str, str]] = set()
    conflicts: set[tuple[str, str, str]] = set()
    for start in range(0, len(coming), SLICE):
        some = {_key(one): one for one in coming[start : start + SLICE]}
        fresh |= await _inserted(tx, list(some.values()), NEW)
        left = [one for key, one in some.items() if key not in fresh]
        if left:
            there = await known(tx, left)
            changed = [
                one
                for one in left
                if there.get((one.source, one.message_id), one.digest) != one.digest
            ]
            await _inserted(tx, changed, Outcome.CONFLICT.value)
            conflicts |= {_key(one) for one in changed}
    every = {_key(one) for one in coming}
    return Kept(frozenset(fresh), frozenset(every - fresh - conflicts), frozenset(conflicts))


async def _inserted(
    tx: AsyncConnection, some: Sequence[Fresh], state: str
) -> set[tuple[str, str, str]]:
    if not some:
        return set()
    rows = [asdict(one) | {"state": state} for one in some]
    if state == Outcome.CONFLICT.value:
        told = "another message came under this id before"
        rows = [row | {"reason": told, "ended": row["received"]} for row in rows]
    new = _insert(tx, TABLE).values(rows).on_conflict_do_nothing()
    made = await tx.execute(new.returning(_OF.source, _OF.message_id, _OF.digest))
    return {(row[0], row[1], row[2]) for row in made}


async def known(tx: AsyncConnection, some: Sequence[Fresh]) -> dict[tuple[str, str], str]:
    """Give the digests that stand under the ids of messages: those that count, not the conflicts."""
    found: dict[tuple[str, str], str] = {}
    for source in {one.source for one in some}:
        ids = [one.message_id for one in some if one.source == source]
        query = select(_OF.message_id, _OF.digest).where(
            _OF.source == source, _OF.message_id.in_(ids), _OF.state != Outcome.CONFLICT.value
        )
        found |= {(source, row[0]): row[1] for row in await tx.execute(query)}
    return found


async def from_records(
    tx: AsyncConnection, kind: Kind, names: Names, *, source: str, run: int, now: str
) -> int:
    """
    Make a message of every record of an entity that a run has made or changed; gives how many.

    In the transaction that changes the records, by statements over all of them.
    """
    table = names.table(kind)
    key = [names.as_text(f"t.{quoted(name)}") for name in kind.key]
    id = key[0] if len(key) == 1 else names.key_json("t", kind.key)
    pairs = ", ".join(f"'{name}', {_cell(name, kind, names)}" for name in kind.fields)
    made = "json_object" if names.engine == "sqlite" else "json_build_object"
    body = f"CAST({made}({pairs}) AS TEXT)"
    columns = "source, message_id, digest, body, received, via, run, line, state"
    values = (
        f":source, {id}, COALESCE(CAST(t._hash AS TEXT), ''), {body}, :now, 'folder', :run, t._line"
    )
    given = {"source": source, "now": now, "run": run}
    mine = f"FROM {table} t WHERE t._changed = :run"
    first = (
        f"INSERT INTO {names.live}message ({columns}) SELECT {values}, 'new' {mine}"
        " ON CONFLICT DO NOTHING"
    )
    done = await tx.execute(text(first), given)
    another = (
        f"INSERT INTO {names.live}message ({columns}, reason, ended)"
        f" SELECT {values}, 'conflict', 'another message came under this id before', :now {mine}"
        f" AND NOT EXISTS (SELECT 1 FROM {names.live}message m WHERE m.source = :source"
        f" AND m.message_id = {id} AND m.digest = COALESCE(CAST(t._hash AS TEXT), ''))"
        " ON CONFLICT DO NOTHING"
    )
    await tx.execute(text(another), given)
    return done.rowcount


def _cell(name: str, kind: Kind, names: Names) -> str:
    """Pure: SQL for a field as JSON: a text, or what JSON it is; the same on both engines."""
    field = kind.fields[name]
    column = f"t.{quoted(name)}"
    if field.localized or field.type is Type.JSON:
        return f"json({column})" if names.engine == "sqlite" else column
    return f"CAST({terms.plain(column, field.type, names)} AS TEXT)"


async def due(
    tx: AsyncConnection, *, now: datetime, limit: int, after: int = 0
) -> list[dict[str, Any]]:
    """Read messages that are to be tried now, oldest first, and keep others from trying them."""
    ready = or_(
        _OF.state == NEW, and_(_OF.state == Outcome.PARKED.value, _OF.next_at <= stamp(now))
    )
    query = select(TABLE).where(ready, _OF.id > after).order_by(_OF.id).limit(limit)
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def outcome(tx: AsyncConnection, id: int, **said: Any) -> None:
    """Write down what became of a message."""
    await tx.execute(update(TABLE).where(_OF.id == id).values(**said))


async def rouse(tx: AsyncConnection, *, now: datetime) -> int:
    """Have parked messages tried whose order is there by now; gives how many."""
    waiting = update(TABLE).where(
        _OF.state == Outcome.PARKED.value,
        _OF.order_id.is_(None),
        _OF.next_at > stamp(now),
        _THERE,
    )
    return (await tx.execute(waiting.values(next_at=stamp(now)))).rowcount


async def rouse_of(tx: AsyncConnection, orders: Collection[int], *, now: datetime) -> int:
    """Have parked messages tried whose orders have just moved; gives how many."""
    if not orders:
        return 0
    mine = update(TABLE).where(
        _OF.state == Outcome.PARKED.value, _OF.order_id.in_(orders), _OF.next_at > stamp(now)
    )
    return (await tx.execute(mine.values(next_at=stamp(now)))).rowcount


async def pressing(tx: AsyncConnection, *, now: datetime) -> bool:
    """Is there a message that could be heard now?  Asked often, and answered by indices."""
    parked, at = Outcome.PARKED.value, stamp(now)
    fresh = select(_OF.id).where(_OF.state == NEW)
    due = select(_OF.id).where(_OF.state == parked, _OF.next_at <= at)
    there = select(_OF.id).where(_OF.state == parked, _OF.order_id.is_(None), _THERE)
    for query in (fresh, due, there):
        if (await tx.execute(query.limit(1))).first() is not None:
            return True
    return False


async def replay(
    tx: AsyncConnection,
    ids: Collection[int] | None,
    *,
    feed: str | None = None,
    until: str,
    actor: str | None,
    note: str | None,
) -> int:
    """
    Have messages tried again, that are dead, parked, or said nothing that was understood.

    `ids` None: all of them (of one feed).  Gives how many.
    """
    again = or_(
        _OF.state.in_((Outcome.DEAD.value, Outcome.PARKED.value)),
        and_(_OF.state == Outcome.NOTED.value, _OF.said == "unknown"),
    )
    wanted = update(TABLE).where(again)
    if ids is not None:
        wanted = wanted.where(_OF.id.in_(ids))
    if feed is not None:
        wanted = wanted.where(_OF.source == feed)
    fresh = {"state": NEW, "attempts": 0, "next_at": None, "ended": None, "until": until}
    return (await tx.execute(wanted.values(**fresh, actor=actor, note=note))).rowcount


async def get(tx: AsyncConnection, id: int) -> dict[str, Any] | None:
    """Read one message, with its body."""
    row = (await tx.execute(select(TABLE).where(_OF.id == id))).mappings().first()
    return None if row is None else dict(row)


async def listed(
    tx: AsyncConnection,
    *,
    states: Sequence[str] = (),
    feed: str | None = None,
    order: int | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[dict[str, Any]]:
    """Read messages without their bodies, newest first."""
    columns = [column for column in TABLE.c if column.name != "body"]
    query = select(*columns).order_by(_OF.id.desc()).limit(limit)
    if states:
        query = query.where(_OF.state.in_(states))
    if feed is not None:
        query = query.where(_OF.source == feed)
    if order is not None:
        query = query.where(_OF.order_id == order)
    if before is not None:
        query = query.where(_OF.id < before)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def counted(tx: AsyncConnection) -> dict[str, dict[str, int]]:
    """Count messages: feed -> state -> how many."""
    query = select(_OF.source, _OF.state, func.count()).group_by(_OF.source, _OF.state)
    found: dict[str, dict[str, int]] = {}
    for source, state, count in await tx.execute(query):
        found.setdefault(source, {})[state] = count
    return found


async def received(tx: AsyncConnection) -> dict[str, str]:
    """Give when the last message of each feed came."""
    query = select(_OF.source, func.max(_OF.received)).group_by(_OF.source)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def shops(tx: AsyncConnection, ids: Collection[int]) -> dict[int, str | None]:
    """Give the shop of the order that each message is about; those about none are missing."""
    shop = orders.orders.c
    query = select(_OF.id, shop.shop).join(orders.orders, shop.id == _OF.order_id)
    return {row[0]: row[1] for row in await tx.execute(query.where(_OF.id.in_(ids)))}


async def unknown(tx: AsyncConnection, feed: str | None = None) -> list[dict[str, Any]]:
    """Count the status words that no map has: what is to be added to the map."""
    query = select(_OF.source, _OF.status, func.count().label("count")).where(_OF.said == "unknown")
    if feed is not None:
        query = query.where(_OF.source == feed)
    query = query.group_by(_OF.source, _OF.status).order_by(func.count().desc()).limit(200)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def purge(tx: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Forget messages that ended before a moment, conflicts and dead ones too; gives how many."""
    old = select(_OF.id).where(_OF.ended < stamp(before)).limit(limit)
    return (await tx.execute(delete(TABLE).where(_OF.id.in_(old)))).rowcount


def _key(one: Fresh) -> tuple[str, str, str]:
    return one.source, one.message_id, one.digest


def _insert(tx: AsyncConnection, table: Any) -> Any:
    """Pure: an INSERT that knows ON CONFLICT, in the words of the engine."""
    return (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(table)
