"""Which configuration was in force when, and which ones were refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.store.schema import config, config_log, run
from impexd.store.tables.people import audit

TAKEN, REFUSED = "taken", "refused"

_OF = config_log.c


async def note(
    tx: AsyncConnection,
    how: str,
    *,
    now: datetime,
    hash: str | None = None,
    mistakes: Sequence[str] = (),
) -> None:
    """Note that a configuration was taken, or refused with its mistakes; the same as last is no news."""
    outcome = REFUSED if mistakes else TAKEN
    last = (
        (await tx.execute(select(config_log).order_by(_OF.id.desc()).limit(1))).mappings().first()
    )
    if last and (last["outcome"], last["hash"], last["mistakes"] or []) == (
        outcome,
        hash,
        list(mistakes),
    ):
        return
    row = {
        "at": stamp(now),
        "hash": hash,
        "how": how,
        "outcome": outcome,
        "mistakes": list(mistakes) or None,
    }
    await tx.execute(insert(config_log).values(row))


async def listed(conn: AsyncConnection, limit: int) -> list[dict[str, Any]]:
    """Read the newest changes, newest first."""
    query = select(config_log).order_by(_OF.id.desc()).limit(limit)
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def bodies(conn: AsyncConnection, hashes: Sequence[str]) -> dict[str, str]:
    """Read the texts of configurations."""
    query = select(config.c.hash, config.c.body).where(config.c.hash.in_(hashes))
    return {row.hash: row.body for row in await conn.execute(query)}


async def purge(tx: AsyncConnection, before: datetime) -> int:
    """Remove what is older than a moment, and the texts that no run and no line needs any more."""
    newest = select(func.max(_OF.id)).scalar_subquery()
    old = delete(config_log).where(_OF.at < stamp(before), _OF.id < newest).returning(_OF.id)
    gone = len((await tx.execute(old)).all())
    used = (
        select(run.c.id).where(run.c.config_hash == config.c.hash).exists(),
        select(_OF.id).where(_OF.hash == config.c.hash).exists(),
    )
    await tx.execute(delete(config).where(config.c.at < stamp(before), ~used[0], ~used[1]))
    return gone


async def purge_audit(tx: AsyncConnection, before: datetime, limit: int) -> int:
    """Remove a slice of what people did before a moment; gives how much."""
    old = select(audit.c.id).where(audit.c.at < stamp(before)).limit(limit)
    gone = delete(audit).where(audit.c.id.in_(old)).returning(audit.c.id)
    return len((await tx.execute(gone)).all())
