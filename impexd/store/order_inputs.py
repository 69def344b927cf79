"""
Orders that files brought: noted with their records, by statements over all of them.

The records are those of an entity with one record a line of an order, its number first in the
key.  What they say is read again, some orders at a time, when the orders are placed.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Kind
from impexd.store.dialect import Names, quoted
from impexd.store.schema import orders as tables
from impexd.store.stage import Sheet

I = tables.order_input.c  # noqa: E741


async def from_records(
    tx: AsyncConnection, kind: Kind, names: Names, *, run: int, seq: int, now: str
) -> None:
    """Note every order of which a run has made, changed or deleted a line, in its transaction."""
    number = quoted(kind.key[0])
    gone = "json_extract(o.key, '$[0]')"
    if names.engine == "postgresql":
        gone = "(CAST(o.key AS JSON) ->> 0)"
    touched = (
        f"SELECT t.{number} AS number FROM {names.table(kind)} t WHERE t._seq = :seq"
        f" UNION SELECT {gone} FROM {names.live}tombstone o WHERE o.entity = :entity AND o.seq = :seq"
    )
    there = f"SELECT 1 FROM {names.table(kind)} x WHERE x.{number} = n.number"
    await tx.execute(
        text(
            f"INSERT INTO {names.live}order_input (run, entity, number, state, at)"
            f" SELECT :run, :entity, n.number, 'waiting', :now FROM ({touched}) n"
            f" WHERE EXISTS ({there}) ORDER BY n.number ON CONFLICT (run, number) DO NOTHING"
        ),
        {"run": run, "entity": kind.name, "seq": seq, "now": now},
    )


async def insisted(tx: AsyncConnection, sheet: Sheet, names: Names, *, run: int, now: str) -> None:
    """
    Note the orders of a run that were refused when they came last, though their records are as they were.

    Else the same file again would seem to change nothing, and not say that its orders are refused.
    """
    number = sheet.keys[0]
    told = (
        f"SELECT DISTINCT s.{number} AS number FROM {sheet.table('s', names)} s"
        f" WHERE s.n NOT IN (SELECT b.n FROM {sheet.table('b', names)} b)"
    )
    later = f"SELECT 1 FROM {names.live}order_input l WHERE l.number = i.number AND l.id > i.id"
    refused = (
        f"SELECT 1 FROM {names.live}order_input i WHERE i.number = n.number AND i.state = 'refused'"
        f" AND i.entity = :entity AND NOT EXISTS ({later})"
    )
    await tx.execute(
        text(
            f"INSERT INTO {names.live}order_input (run, entity, number, state, at)"
            f" SELECT :run, :entity, n.number, 'waiting', :now FROM ({told}) n"
            f" WHERE EXISTS ({refused}) ORDER BY n.number ON CONFLICT (run, number) DO NOTHING"
        ),
        {"run": run, "entity": sheet.kind.name, "now": now},
    )


async def waiting(tx: AsyncConnection, limit: int) -> list[dict[str, Any]]:
    """Read the first orders that are to be placed; nobody else takes them meanwhile."""
    query = (
        select(I.id, I.run, I.entity, I.number)
        .where(I.state == "waiting")
        .order_by(I.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def records(
    tx: AsyncConnection, kind: Kind, numbers: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Read the lines of orders as their records say: number -> lines, in the order of the files."""
    number, line = quoted(kind.key[0]), ", ".join(map(quoted, kind.key))
    fields = ", ".join(quoted(name) for name in kind.fields)
    query = text(
        f"SELECT {fields} FROM {quoted(kind.table)} WHERE {number} IN :numbers"
        f" ORDER BY {number}, _part, _line, {line}"
    ).bindparams(bindparam("numbers", expanding=True))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (await tx.execute(query, {"numbers": list(numbers)})).mappings():
        found.setdefault(row[kind.key[0]], []).append(dict(row))
    return found


async def settled(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Write what became of orders: each with its id, state, reason and order."""
    if rows:
        changed = (
            update(tables.order_input)
            .where(I.id == bindparam("of"))
            .values(state=bindparam("became"), reason=bindparam("why"), order_id=bindparam("made"))
        )
        await tx.execute(changed, list(rows))


async def of_run(tx: AsyncConnection, run: int, limit: int = 1000) -> list[dict[str, Any]]:
    """Read what became of the orders of a run; those that were refused first."""
    query = (
        select(I.number, I.state, I.reason, I.order_id)
        .where(I.run == run)
        .order_by(I.state != "refused", I.id)
        .limit(limit)
    )
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def counted(tx: AsyncConnection, run: int) -> dict[str, int]:
    """Count the orders of a run: what became of them -> how many."""
    query = select(I.state, func.count().label("many")).where(I.run == run).group_by(I.state)
    return {row.state: row.many for row in await tx.execute(query)}


async def refused(tx: AsyncConnection, limit: int = 100) -> list[dict[str, Any]]:
    """Read the orders of files that were refused when they came last, newest first."""
    later = tables.order_input.alias()
    again = select(later.c.id).where(later.c.number == I.number, later.c.id > I.id)
    query = (
        select(I.run, I.number, I.reason, I.order_id, I.at)
        .where(I.state == "refused", ~again.exists())
        .order_by(I.id.desc())
        .limit(limit)
    )
    return [dict(row) for row in (await tx.execute(query)).mappings()]
