"""What `verify` asks the tables: read in slices, in one snapshot, and nothing changed."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Kind
from impexd.store.dialect import Names, quoted
from impexd.store.schema import counter, parked, part, run, tombstone, watermark

SLICE = 2000

_RUN = run.c
_COLUMNS = (
    *(_RUN.id, _RUN.kind, _RUN.group_name, _RUN.state, _RUN.token, _RUN.name, _RUN.sha256),
    *(_RUN.bytes, _RUN.place, _RUN.note, _RUN.code, _RUN.dry, _RUN.finished, _RUN.node),
    _RUN.counts,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A run, as far as verify looks at it."""

    id: int
    kind: str
    group: str
    state: str
    token: str
    name: str
    sha256: str | None
    bytes: int | None
    place: str | None
    note: str | None
    code: str | None
    dry: bool
    finished: str | None
    node: int
    counts: dict[str, dict[str, int]]


async def runs(conn: AsyncConnection) -> AsyncIterator[list[Row]]:
    """Give all runs, a slice at a time, in the order of their ids."""
    last = 0
    while True:
        query = select(*_COLUMNS).where(_RUN.id > last).order_by(_RUN.id).limit(SLICE)
        found = [_row(row) for row in (await conn.execute(query)).mappings()]
        if not found:
            return
        yield found
        last = found[-1].id


def _row(row: RowMapping) -> Row:
    cells = dict(row)
    return Row(group=cells.pop("group_name"), counts=cells.pop("counts") or {}, **cells)


async def parts(conn: AsyncConnection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Read the parts of runs from the first to the last of some ids."""
    mine = select(part).where(part.c.run >= ids[0], part.c.run <= ids[-1])
    return [dict(row) for row in (await conn.execute(mine.order_by(part.c.id))).mappings()]


async def jobs(conn: AsyncConnection) -> list[tuple[int, str, str, int | None]]:
    """Read the jobs of the queue: (id, task, status, the run it is for)."""
    found = await conn.execute(
        text("SELECT id, task_name, status, args FROM procrastinate_jobs ORDER BY id")
    )
    return [(row[0], row[1], row[2], _run_of(row[3])) for row in found]


def _run_of(args: object) -> int | None:
    """Pure: the run that a job's arguments name."""
    tree = json.loads(args) if isinstance(args, str) else args
    inner = tree.get("args", tree) if isinstance(tree, dict) else {}
    found = inner.get("run") if isinstance(inner, dict) else None
    return found if isinstance(found, int) else None


async def counted(conn: AsyncConnection, kind: Kind) -> int:
    """Count the records that some run created."""
    query = f"SELECT COUNT(*) FROM {quoted(kind.table)} WHERE _created IS NOT NULL"
    return int((await conn.execute(text(query))).scalar_one())


async def highest(conn: AsyncConnection, kind: Kind) -> int:
    """Give the highest change number of an entity's records."""
    query = f"SELECT COALESCE(MAX(_seq), 0) FROM {quoted(kind.table)}"
    return int((await conn.execute(text(query))).scalar_one())


async def strangers(conn: AsyncConnection, kind: Kind) -> int:
    """Count the records that say they come from a run that there is not."""
    query = (
        f"SELECT COUNT(*) FROM {quoted(kind.table)} t WHERE t._changed IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = t._changed)"
    )
    return int((await conn.execute(text(query))).scalar_one())


async def undead(conn: AsyncConnection, kind: Kind, names: Names) -> int:
    """Count the records that are there although a tombstone says they are gone."""
    key = names.key_json("t", kind.key)
    query = (
        f"SELECT COUNT(*) FROM {names.table(kind)} t JOIN tombstone o"
        f" ON o.entity = '{kind.name}' AND o.key = {key}"
    )
    return int((await conn.execute(text(query))).scalar_one())


async def change(conn: AsyncConnection) -> int:
    """Read the counter of changes."""
    query = select(counter.c.value).where(counter.c.name == "change")
    return int((await conn.execute(query)).scalar() or 0)


async def lost(conn: AsyncConnection) -> dict[str, int]:
    """Count what belongs to runs that there are not: waiting rows, tombstones, watermarks."""
    found = {}
    for name, column in (
        ("rows that wait for a parent", parked.c.run),
        ("tombstones", tombstone.c.run),
        ("watermarks", watermark.c.run),
    ):
        there = select(_RUN.id).where(_RUN.id == column).exists()
        query = select(func.count()).select_from(column.table).where(~there)
        found[name] = int((await conn.execute(query)).scalar_one())
    return found


async def broken(conn: AsyncConnection, dialect: str) -> list[str]:
    """Have SQLite look at all its pages and at what points nowhere; a server looks by itself."""
    if dialect != "sqlite":
        return []
    pages = [str(row[0]) for row in await conn.exec_driver_sql("PRAGMA quick_check(10)")]
    loose = [
        f"a row of {row[0]} points nowhere"
        for row in await conn.exec_driver_sql("PRAGMA foreign_key_check")
    ]
    return [one for one in pages if one != "ok"] + loose[:10]
