"""
The journal of what came in: each drop has a row here before anything touches it.

Takes connections of a `Store`, gives `Row`s; set-based, one statement for many runs.  What
changes a run's state is in `verdict`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, and_, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.text import shown
from impexd.model.run import State
from impexd.store.schema import run

T = TypeVar("T")

BATCH = 500
"""Most ids in one statement: engines bound the number of parameters."""

IMPORTED = (State.APPLIED.value, State.ARCHIVED.value)
"""States in which the rows of a drop are in the tables."""
BEGUN = (State.STAGING.value, State.APPLYING.value)
"""States that only a worker at work leaves a run in."""
OPEN = (State.CLAIMING.value, State.CLAIMED.value, State.HELD.value, *BEGUN)
"""States in which nothing of a run is in the tables yet."""
SHELVED = (
    State.APPLIED.value,
    State.PLANNED.value,  # of a dry run: others do not stay there
    State.REJECTED.value,
    State.FAILED.value,
    State.CANCELLED.value,
    State.DUPLICATE.value,
)
"""States whose bytes belong into archive or failed."""

LEFT = "left_in_inbox"
"""Note of a refused file that could not be moved away."""
LOST = "bytes_missing"
"""Note of an ended run whose bytes are nowhere."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A run to be: what is journalled before anything is touched."""

    token: str
    group: str
    name: bytes
    origin: str = "inbox"
    dev: int = 0
    inode: int = 0
    size: int = 0
    mtime_ns: int = 0
    priority: int = 0
    config_hash: str | None = None
    code: str | None = None
    """Why it will be refused, if so."""
    message: str | None = None
    forced: bool = False
    dry: bool = False
    parent: int | None = None
    actor: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A run as the journal has it."""

    id: int
    token: str
    group: str
    state: State
    origin: str
    name: bytes
    sha256: str | None
    dev: int
    inode: int
    size: int
    mtime_ns: int
    priority: int
    crashes: int
    dry: bool
    code: str | None
    message: str | None
    place: str | None
    note: str | None
    created: str


async def begin(
    tx: AsyncConnection, intents: Sequence[Intent], *, node: int, at: datetime
) -> list[int]:
    """Journal runs of a node as `claiming`; gives their ids in order, which is the order they are run in."""
    rows = [_columns(intent, stamp(at)) | {"node": node} for intent in intents]
    await tx.execute(insert(run), rows)
    ids: dict[str, int] = {}  # asked for afterwards: with RETURNING each row is a statement
    for some in batches([intent.token for intent in intents]):
        found = await tx.execute(select(run.c.token, run.c.id).where(run.c.token.in_(some)))
        ids |= {row.token: row.id for row in found}
    return [ids[intent.token] for intent in intents]


async def rows(conn: AsyncConnection, ids: Collection[int]) -> list[Row]:
    """Read runs by id, in the order of their ids."""
    found = []
    for some in batches(sorted(ids)):
        found += await _read(conn, _ROWS.where(run.c.id.in_(some)))
    return found


async def by_tokens(conn: AsyncConnection, tokens: Collection[str]) -> list[Row]:
    """Read the runs that own names in the work folder."""
    found = []
    for some in batches(sorted(tokens)):
        found += await _read(conn, _ROWS.where(run.c.token.in_(some)))
    return found


async def unsettled(conn: AsyncConnection, group: str, node: int) -> list[Row]:
    """Read what an earlier pass over a group's inbox here left half done, and what it could not move."""
    ended = run.c.state.in_((State.FAILED.value, State.DUPLICATE.value))
    left = or_(
        run.c.state == State.CLAIMING.value,
        and_(ended, or_(run.c.place.is_(None), run.c.note == LEFT)),
    )
    mine = and_(run.c.group_name == group, run.c.origin == "inbox", run.c.kind == "import")
    return await _read(conn, _ROWS.where(mine, left, run.c.node == node))


async def unended(conn: AsyncConnection, node: int) -> list[Row]:
    """Read every import that a start of a node has to look at."""
    shelving = and_(run.c.state.in_(SHELVED), run.c.place.is_(None))
    going = run.c.state.in_(OPEN)
    mine = and_(run.c.kind == "import", run.c.node == node)
    return await _read(conn, _ROWS.where(mine, or_(going, shelving)))


async def twin(conn: AsyncConnection, id: int) -> int | None:
    """
    Find the imported run a claimed one repeats; None if there is none, or it is forced.

    To be asked again before a run is applied: the first may have been still under way when
    the second was claimed (after a power cut a file may show under both its names).
    """
    found = (await conn.execute(TWINS.where(run.c.id == id))).first()
    return None if found is None else int(found[1])


_ROWS = select(
    run.c.id,
    run.c.token,
    run.c.group_name,
    run.c.state,
    run.c.origin,
    run.c.raw_name,
    run.c.sha256,
    run.c.seen_dev,
    run.c.seen_inode,
    run.c.seen_size,
    run.c.seen_mtime_ns,
    run.c.priority,
    run.c.crashes,
    run.c.dry,
    run.c.code,
    run.c.message,
    run.c.place,
    run.c.note,
    run.c.created,
).order_by(run.c.id)

_first = run.alias("first")
TWINS = (
    select(run.c.id, func.min(_first.c.id))
    .join(
        _first,
        and_(
            _first.c.group_name == run.c.group_name,
            _first.c.name == run.c.name,
            _first.c.sha256 == run.c.sha256,
            _first.c.raw_name == run.c.raw_name,
            _first.c.id != run.c.id,
            _first.c.kind == "import",
            # Wrapped, so that SQLite goes by the name and not through all that was ever imported.
            func.coalesce(_first.c.state, "").in_(IMPORTED),
            _first.c.dry.is_(False),
        ),
    )
    .where(run.c.forced.is_(False), run.c.dry.is_(False))
    .group_by(run.c.id)
)


def _columns(intent: Intent, at: str) -> dict[str, object]:
    return {
        "token": intent.token,
        "kind": "import",
        "group_name": intent.group,
        "state": State.CLAIMING.value,
        "origin": intent.origin,
        "name": shown(intent.name, limit=1024),
        "raw_name": intent.name,
        "bytes": intent.size,
        "seen_dev": str(intent.dev),
        "seen_inode": str(intent.inode),
        "seen_size": intent.size,
        "seen_mtime_ns": intent.mtime_ns,
        "config_hash": intent.config_hash,
        "priority": intent.priority,
        "forced": intent.forced,
        "dry": intent.dry,
        "parent": intent.parent,
        "code": intent.code,
        "message": intent.message,
        "note": intent.note,
        "actor": intent.actor,
        "created": at,
    }


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Pure: cut values into what fits into one statement."""
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


async def _read(conn: AsyncConnection, query: Select[Any]) -> list[Row]:
    found = (await conn.execute(query)).mappings()
    return [
        Row(
            id=row["id"],
            token=row["token"],
            group=row["group_name"],
            state=State(row["state"]),
            origin=row["origin"],
            name=bytes(row["raw_name"] or b""),
            sha256=row["sha256"],
            dev=int(row["seen_dev"] or 0),
            inode=int(row["seen_inode"] or 0),
            size=row["seen_size"] or 0,
            mtime_ns=row["seen_mtime_ns"] or 0,
            priority=row["priority"],
            crashes=row["crashes"],
            dry=row["dry"],
            code=row["code"],
            message=row["message"],
            place=row["place"],
            note=row["note"],
            created=row["created"],
        )
        for row in found
    ]
