"""What `why` asks the journal: the runs of a name, who goes before a run, and the job that carries it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.run import Run, State
from impexd.store import runs
from impexd.store.journal import IMPORTED
from impexd.store.schema import run

_RUN = run.c
_MINE = {
    "sqlite": "CAST(json_extract(args, '$.args.run') AS INTEGER) = :run",
    "postgresql": "CAST(args -> 'args' ->> 'run' AS BIGINT) = :run",
}


@dataclass(frozen=True, slots=True)
class Carrier:
    """The job that carries a run."""

    status: str
    due: datetime | None
    attempts: int


async def named(conn: AsyncConnection, name: str, *, limit: int = 3) -> list[Run]:
    """Read the newest runs of files of this name."""
    query = select(run).where(_RUN.name == name, _RUN.kind == "import")
    found = await conn.execute(query.order_by(_RUN.id.desc()).limit(limit))
    return [runs.made(row) for row in found.mappings()]


async def at(conn: AsyncConnection, place: str) -> Run | None:
    """Read the run whose bytes were put away at a place below var."""
    row = (await conn.execute(select(run).where(_RUN.place == place))).mappings().first()
    return None if row is None else runs.made(row)


async def twin(conn: AsyncConnection, group: str, name: str, sha256: str) -> int | None:
    """Find the imported run of the same group, name and bytes."""
    query = select(func.min(_RUN.id)).where(
        _RUN.group_name == group,
        _RUN.name == name,
        _RUN.sha256 == sha256,
        _RUN.state.in_(IMPORTED),
        _RUN.dry.is_(False),
    )
    found: int | None = (await conn.execute(query)).scalar()
    return found


async def going(conn: AsyncConnection, group: str) -> int | None:
    """Give the run of a group that is being carried now."""
    busy = (State.STAGING.value, State.APPLYING.value)
    query = select(func.min(_RUN.id)).where(_RUN.group_name == group, _RUN.state.in_(busy))
    found: int | None = (await conn.execute(query)).scalar()
    return found


async def before(conn: AsyncConnection, group: str, id: int) -> int:
    """Count the claimed runs of a group that are older than one."""
    query = select(func.count()).where(
        _RUN.group_name == group, _RUN.state == State.CLAIMED.value, _RUN.id < id
    )
    return int((await conn.execute(query)).scalar_one())


async def carrier(conn: AsyncConnection, dialect: str, id: int) -> Carrier | None:
    """Read the job that carries a run; None if there is none."""
    query = text(
        "SELECT status, scheduled_at, attempts FROM procrastinate_jobs"
        f" WHERE {_MINE[dialect]} AND status IN ('todo', 'doing') ORDER BY id"
    )
    row: Any = (await conn.execute(query, {"run": id})).first()
    if row is None:
        return None
    due = datetime.fromisoformat(row[1]) if isinstance(row[1], str) else row[1]
    return Carrier(row[0], due, row[2])
