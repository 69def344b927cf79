"""The daemons that share a database, over the API: who is there, and giving one up that is gone."""

from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic import Field

from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.ids import Id
from impexd.core.errors import UsageError
from impexd.model.base import Model
from impexd.model.run import Run
from impexd.queue.jobs import CALLS, at
from impexd.store import nodes
from impexd.store.nodes import Node


class Said(Model):
    """Who wants it, and why."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/nodes")
    async def listed() -> dict[str, Any]:
        return {"nodes": await gathered(house)}

    @made.post("/api/v1/nodes/{id}/retire")
    async def retire(id: Id, said: Said) -> dict[str, Any]:
        now = house.clock.now()
        by, why = f" by {said.actor}" if said.actor else "", f": {said.note}" if said.note else ""
        async with house.store.writing() as tx:
            found = await nodes.get(tx, id)
            if found is None:
                raise UsageError(f"there is no node {id}", hint="`impexd nodes` lists them")
            if away(found, now) is None:
                raise UsageError(
                    f"node {id} is there: {found.folder} on {found.host}",
                    hint=f"stop its daemon; it is away {nodes.ALIVE:.0f} s after its last sign of life",
                )
            gone = await nodes.retire(tx, id, f"its node was retired{by}{why}", now=now)
            await house.queue.abandon(tx, (at(id), at(id, CALLS)))
        return {"id": id, "runs": gone}


async def gathered(house: House) -> list[dict[str, Any]]:
    """Give the daemons that share the database, for programs; none where one is alone with its own."""
    now = house.clock.now()
    async with house.store.reading() as tx:
        found = await nodes.all(tx)
    return [
        {
            "id": one.id,
            "host": one.host,
            "folder": one.folder,
            "seen": one.seen,
            "away": away(one, now),
            "open": one.open,
            "here": one.id == house.desk.node,
        }
        for one in found
    ]


def away(node: Node, now: datetime) -> float | None:
    """Pure: for how many seconds a node has been stopped, or not heard of; None if it is there."""
    since = node.stopped or node.seen
    if since is None:
        return None
    seconds = (now - datetime.fromisoformat(since)).total_seconds()
    return seconds if node.stopped or seconds > nodes.ALIVE else None


async def here(house: House, run: Run) -> None:
    """Raise `UsageError` that says where to ask if the files of a run are in the folder of another node."""
    if run.node == house.desk.node:
        return
    async with house.store.reading() as tx:
        found = await nodes.get(tx, run.node)
    place = f"in {found.folder} on {found.host}" if found else "with a node that was retired"
    raise UsageError(
        f"the files of run {run.id} are {place}",
        hint="ask the daemon there" if found else "look for that folder's disk",
    )
