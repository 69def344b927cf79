"""How each partner has answered of late."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.standing import Standing
from impexd.store.schema import tasks

_P = tasks.task_partner.c


async def standing(tx: AsyncConnection, exporter: str) -> Standing:
    """Read one."""
    return (await every(tx)).get(exporter, Standing())


async def every(tx: AsyncConnection) -> Mapping[str, Standing]:
    """Read all that are known."""
    query = select(_P.exporter, _P.failures, _P.trips, _P.closed_until, _P.reason, _P.since)
    return {name: Standing(*rest) for name, *rest in await tx.execute(query)}


async def keep(tx: AsyncConnection, exporter: str, one: Standing) -> None:
    """Write one."""
    insert = pg_insert if tx.dialect.name == "postgresql" else sqlite_insert
    values = {
        "failures": one.failures,
        "trips": one.trips,
        "closed_until": one.closed_until,
        "reason": one.reason,
        "since": one.since,
    }
    row = insert(tasks.task_partner).values(exporter=exporter, **values)
    await tx.execute(row.on_conflict_do_update(index_elements=["exporter"], set_=values))
