"""
The daemons that share a database: who has the bytes of which runs, and who is there.

A node is a state folder: what was claimed, what is archived and what lies in an outbox is there and
nowhere else, so the runs of a node are carried by nobody else.  On SQLite there is one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, and_, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import Busy
from impexd.model.problem import Code
from impexd.model.run import State
from impexd.store import schema, sendings
from impexd.store.exporting import GOING
from impexd.store.journal import OPEN

_NODE = schema.node

BEAT = 20.0
"""Seconds between two signs of life of a daemon."""
ALIVE = 3 * BEAT
"""Seconds without one after which it is said to be away."""


@dataclass(frozen=True, slots=True)
class Place:
    """A state folder."""

    token: str | None
    """What is written in it, so that it is known again wherever it is mounted."""
    host: str
    folder: str


@dataclass(frozen=True, slots=True)
class Node:
    """A daemon that shares the database."""

    id: int
    host: str
    folder: str
    seen: str | None
    """When it last said that it is there."""
    stopped: str | None
    """When it said that it would not be there from then on."""
    open: int
    """Runs that nobody else can carry on with."""


async def enter(tx: AsyncConnection, place: Place, *, alone: bool, now: datetime) -> int:
    """
    Say that a daemon works on this folder; gives its node.

    Known by its token, else the node that is nobody's yet (a database from before there were any),
    else a new one.  `alone`: the database itself lies in the folder, so there is but one.  Raises
    `Busy` if the same token was heard of elsewhere just now: then the folder has been copied.
    """
    known = (true(),) if alone else (_NODE.c.token == place.token, _NODE.c.token.is_(None))
    for which in known:
        first = select(_NODE).where(which, _NODE.c.retired.is_(None)).order_by(_NODE.c.id).limit(1)
        found = (await tx.execute(first.with_for_update())).mappings().first()
        if found is not None:
            if not alone:
                _refuse_copy(found, place, now)
            await tx.execute(
                update(_NODE).where(_NODE.c.id == found["id"]).values(_row(place, now))
            )
            return int(found["id"])
    made = insert(_NODE).values(_row(place, now)).returning(_NODE.c.id)
    return int((await tx.execute(made)).scalar_one())


def _row(place: Place, now: datetime) -> dict[str, str | None]:
    return {
        "token": place.token,
        "host": place.host,
        "folder": place.folder,
        "seen": stamp(now),
        "stopped": None,
    }


def _refuse_copy(found: RowMapping, place: Place, now: datetime) -> None:
    """Pure: raise `Busy` if a node is alive where its folder was copied from."""
    moved = (found["host"], found["folder"]) != (place.host, place.folder)
    if (
        found["seen"]
        and found["stopped"] is None
        and moved
        and found["seen"] > stamp(now - timedelta(seconds=ALIVE))
    ):
        raise Busy(
            f"the daemon of {found['folder']} on {found['host']} has worked with this database and"
            f" the token of {place.folder} within the last minute",
            hint=f"if that one goes on, remove {place.folder}/.node here, so that this is a node of"
            " its own; if the folder has moved, start again in a minute",
        )


async def beat(tx: AsyncConnection, id: int, *, now: datetime) -> bool:
    """Say that a node is there; False if it has been retired."""
    mine = update(_NODE).where(_NODE.c.id == id, _NODE.c.retired.is_(None))
    return (
        await tx.execute(mine.values(seen=stamp(now)).returning(_NODE.c.id))
    ).first() is not None


async def leave(tx: AsyncConnection, id: int, *, now: datetime) -> None:
    """Say that a node stops."""
    await tx.execute(update(_NODE).where(_NODE.c.id == id).values(stopped=stamp(now)))


async def ids(tx: AsyncConnection) -> list[int]:
    """Read the numbers of all that have not been retired."""
    query = select(_NODE.c.id).where(_NODE.c.retired.is_(None)).order_by(_NODE.c.id)
    return list((await tx.execute(query)).scalars())


async def get(tx: AsyncConnection, id: int) -> Node | None:
    """Read one; None if there is none, or it has been retired."""
    return next((one for one in await all(tx) if one.id == id), None)


async def retire(tx: AsyncConnection, id: int, why: str, *, now: datetime) -> list[int]:
    """
    Give a node up, with all that only it could carry on with; gives those runs, which have failed now.

    What it still sends to its targets is given up, too.  A daemon that comes back with that folder
    is a new node, and what lies in its work folder is set aside there, never thrown away.
    """
    run, at = schema.run, stamp(now)
    told = f"{why}; its bytes are in the folder of that node, if anywhere"
    there = and_(run.c.state == State.PUBLISHED, run.c.finished.is_(None), run.c.node == id)
    await tx.execute(update(run).where(there).values(finished=at, message=told))
    mine = and_(run.c.node == id, run.c.state.in_((*OPEN, State.EXPORTING, State.WRITTEN)))
    ended = {"state": State.FAILED, "code": Code.RETIRED, "message": told, "finished": at}
    taken = update(run).where(mine).values(**ended, place="", attempt=run.c.attempt + 1)
    gone = list((await tx.execute(taken.returning(run.c.id))).scalars())
    await sendings.give_up(tx, select(run.c.id).where(run.c.node == id), told, now=now)
    await tx.execute(update(_NODE).where(_NODE.c.id == id).values(retired=at, token=None))
    return gone


async def all(tx: AsyncConnection) -> list[Node]:
    """Read all that have not been retired."""
    run = schema.run
    mine = and_(run.c.node == _NODE.c.id, or_(run.c.state.in_(OPEN), GOING))
    waiting = select(func.count()).select_from(run).where(mine).scalar_subquery()
    query = (
        select(_NODE, waiting.label("open"))
        .where(_NODE.c.retired.is_(None), _NODE.c.token.is_not(None))
        .order_by(_NODE.c.id)
    )
    return [
        Node(*(row[name] for name in Node.__dataclass_fields__))
        for row in (await tx.execute(query)).mappings()
    ]
