"""The listed problems of a run, sorted out: by code, by file, by words; a page at a time."""

from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store import schema

_PROBLEM, _PART = schema.problem, schema.part


async def page(
    tx: AsyncConnection,
    run: int,
    *,
    code: str | None = None,
    file: str | None = None,
    words: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Read a page of the problems that fit, in their order."""
    query = (
        select(_PROBLEM, _PART.c.member, _PART.c.descriptor)
        .join(_PART, and_(_PART.c.run == run, _PART.c.n == _PROBLEM.c.part), isouter=True)
        .where(_PROBLEM.c.run == run, _PROBLEM.c.id > after)
        .order_by(_PROBLEM.c.id)
        .limit(limit)
    )
    if code:
        query = query.where(_PROBLEM.c.code == code)
    if file:
        query = query.where(_PART.c.member == file)
    if words:
        wish = words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        texts = (_PROBLEM.c.message, _PROBLEM.c.cell, _PROBLEM.c.col)
        query = query.where(or_(*(one.ilike(f"%{wish}%", escape="!") for one in texts)))
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def kinds(tx: AsyncConnection, run: int) -> dict[str, int]:
    """Count the listed problems by code."""
    query = (
        select(_PROBLEM.c.code, func.count()).where(_PROBLEM.c.run == run).group_by(_PROBLEM.c.code)
    )
    found = await tx.execute(query.order_by(_PROBLEM.c.code))
    return {row[0]: row[1] for row in found}
