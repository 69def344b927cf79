"""
Which tasks come next: those of an exporter that are due, exporters that have any, the next moment.

Asked for each exporter by itself, so that each question is answered by the head of an index, however
many tasks wait.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.task import GOING, OVER, TaskState
from impexd.store.schema import tasks

_T = tasks.task.c
_GOING = [state.value for state in GOING]
_OVER = [state.value for state in OVER]


async def due(
    tx: AsyncConnection,
    exporter: str,
    *,
    now: str,
    limit: int,
    ordered: bool,
    besides: Collection[int] = (),
) -> list[int]:
    """
    Give what is to be sent now, the higher priority first, then the older.

    `ordered`: of an order's tasks only the oldest that is not over.
    """
    query = select(_T.id).where(_due(exporter, now, ordered=ordered), _T.id.notin_(besides))
    query = query.order_by(_T.priority.desc(), _T.id).limit(limit)
    return list((await tx.execute(query)).scalars())


async def ready(
    tx: AsyncConnection, exporters: Mapping[str, bool], *, now: str, stuck: str
) -> list[str]:
    """
    Of some exporters (name -> is it ordered?) give those that have something to send now.

    One whose task has been `sending` since before `stuck` has lost a sender: it is among them.
    """
    found = []
    for name, ordered in exporters.items():
        lost = and_(_T.exporter == name, _T.state == TaskState.SENDING.value, _T.last_sent < stuck)
        query = select(or_(exists().where(_due(name, now, ordered=ordered)), exists().where(lost)))
        if await tx.scalar(query):
            found.append(name)
    return found


async def next_moment(tx: AsyncConnection, exporters: Collection[str], *, now: str) -> str | None:
    """Give the moment at which the next task of some exporters is due that is not due yet."""
    moments = []
    for name in exporters:
        for state in _GOING:
            query: Select[Any] = select(func.min(_T.due)).where(
                _T.exporter == name, _T.state == state, _T.due > now
            )
            moments.append(await tx.scalar(query))
    return min((one for one in moments if one is not None), default=None)


def _due(exporter: str, now: str, *, ordered: bool) -> Any:
    found = and_(_T.exporter == exporter, _T.state.in_(_GOING), _T.due <= now)
    if not ordered:
        return found
    before = tasks.task.alias("before")
    blocked = exists().where(
        before.c.exporter == _T.exporter,
        before.c.order_id == _T.order_id,
        before.c.id < _T.id,
        before.c.state.notin_(_OVER),
    )
    return and_(found, ~blocked)
