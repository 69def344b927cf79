"""What partners are told, over the API: tasks, what people do about them, flags, and why."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Query
from pydantic import Field

from impexd.admin.acting import Actor, who
from impexd.admin.house import House
from impexd.admin.ids import Before, Id
from impexd.core.clock import stamp
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.model.base import Model
from impexd.model.task import Task
from impexd.orders.chain import decide, why
from impexd.store import partners, task_lists, tasks

SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
"""For which it is told how many tasks were done."""
SAMPLE = 20_000
"""Characters of a body that are shown."""


class Said(Model):
    """Who wants it, and why."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


class Release(Said):
    """Letting a task go on."""

    arrived: bool = False
    """The partner has it: it is done, and not sent again."""


class Skip(Said):
    """Never sending a task."""

    go_on: bool = False
    """The chain goes on as if it were done."""


class Raise(Said):
    """One of the user's own flags."""

    flag: str = Field(max_length=64)
    delivery: str | None = Field(default=None, max_length=255)


def routes(made: FastAPI, house: House) -> None:
    """Add these to the application."""
    _reading(made, house)
    _deciding(made, house)


def _reading(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/tasks")
    async def listed(
        order: str | None = None,
        state: list[str] = Query(default=[]),  # noqa: B008 (FastAPI's way)
        exporter: str | None = None,
        limit: int = Query(default=100, ge=1, le=1000),
        before: Before = None,
    ) -> dict[str, Any]:
        async with house.store.reading() as tx:
            found = await task_lists.listed(
                tx,
                order=order,
                states=state,
                exporter=exporter,
                shops=who().bounded_shops,
                before=before,
                limit=limit,
            )
            shops, now = who().bounded_shops, house.clock.now()
            counted = await task_lists.counted(tx, shops=shops)
            rates = {
                span: await task_lists.ended(tx, stamp(now - length), shops=shops)
                for span, length in SPANS.items()
            }
            standings = await partners.every(tx)
        return {
            "tasks": [why.told(task, at) | {"order": number} for task, number, at, _ in found],
            "counts": counted,
            "ended": rates,
            "partners": {
                name: {
                    "failures": one.failures,
                    "left_alone_until": one.closed_until,
                    "reason": one.reason,
                    "since": one.since,
                }
                for name, one in standings.items()
                if one.failures or one.closed_until
            },
        }

    @made.get("/api/v1/tasks/{id}")
    async def show(id: Id) -> dict[str, Any]:
        async with house.store.reading() as tx:
            task = await tasks.get(tx, id)
            if task is None:
                raise UsageError(f"there is no task {id}", hint="`impexd tasks` lists them")
            [found] = await task_lists.listed(tx, before=id + 1, limit=1)
            journal = await task_lists.events(tx, [id])
        return _whole(task) | {
            "order": found[1],
            "delivery": found[2],
            "journal": journal.get(id, []),
        }

    @made.get("/api/v1/orders/{id}/why")
    async def told(id: str) -> dict[str, Any]:
        return await why.order(house.chain, id)


def _deciding(made: FastAPI, house: House) -> None:
    @made.post("/api/v1/tasks/{id}/hold")
    async def hold(id: Id, said: Said) -> dict[str, Any]:
        return _whole(await decide.hold(house.chain, id, actor=said.actor, note=said.note))

    @made.post("/api/v1/tasks/{id}/release")
    async def release(id: Id, said: Release) -> dict[str, Any]:
        task = await decide.release(
            house.chain, id, actor=said.actor, note=said.note, arrived=said.arrived
        )
        return _whole(task)

    @made.post("/api/v1/tasks/{id}/skip")
    async def skip(id: Id, said: Skip) -> dict[str, Any]:
        task = await decide.skip(
            house.chain, id, actor=said.actor, note=said.note, go_on=said.go_on
        )
        return _whole(task)

    @made.post("/api/v1/tasks/{id}/resend", status_code=201)
    async def resend(id: Id, said: Said) -> dict[str, Any]:
        return _whole(await decide.resend(house.chain, id, actor=said.actor, note=said.note))

    @made.post("/api/v1/orders/{id}/flags", status_code=201)
    async def raise_flag(id: str, said: Raise) -> dict[str, Any]:
        made = await decide.raise_flag(
            house.chain,
            id,
            said.flag,
            delivery=said.delivery,
            actor=said.actor,
            note=said.note,
        )
        return {"flag": made}


def _whole(task: Task) -> dict[str, Any]:
    """Pure: a task with what it says."""
    text = None if task.body is None else shown(task.body, limit=SAMPLE)
    return why.told(task, None) | {
        "body": text,
        "content": task.content,
        "frozen": dict(task.frozen) if task.frozen else None,
        "frozen_at": task.frozen_at,
    }
