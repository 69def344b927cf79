"""
Who points at a stored picture: records, before-images, rows that wait, and runs to come.

A reference is looked for as text anywhere in a column, so that the languages of a localized
field, and the values of a waiting row, are seen as well.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, cast, func, inspect, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.picture import REFERENCE
from impexd.model.run import State
from impexd.store import journal, schema
from impexd.store.dialect import Names, quoted

Place = tuple[str, str]
"""Table and column."""


async def oldest_open(tx: AsyncConnection) -> datetime | None:
    """Give when the oldest run came that is not applied or refused yet; None if there is none."""
    run = schema.run
    # A dry run ends as `planned`; all others that are so are on their way.
    going = and_(run.c.state == State.PLANNED.value, run.c.dry.is_(False))
    query = select(func.min(run.c.created)).where(or_(run.c.state.in_(journal.OPEN), going))
    found = (await tx.execute(query)).scalar()
    return None if found is None else datetime.fromisoformat(found)


async def places(tx: AsyncConnection) -> list[Place]:
    """
    Find the columns, of records and of before-images, that hold pictures or ever did.

    Every configuration there has been is asked: a field that is not declared any more keeps its
    values, and may be declared again.
    """
    wanted: set[Place] = set()
    async for (body,) in await tx.stream(select(schema.config.c.body)):
        wanted.update(_declared(json.loads(body)))
    return await tx.run_sync(_there, sorted(wanted))


def _declared(tree: Any) -> Iterator[Place]:
    """Pure: the columns that a configuration, of whatever release, declares to hold pictures."""
    for name, entity in tree.get("entities", {}).items():
        table = entity.get("table") or name
        for field, said in entity.get("field", {}).items():
            if said.get("picture"):
                yield table, field
                yield f"{table}__undo", field


def _there(connection: Connection, wanted: list[Place]) -> list[Place]:
    """Leave out what was never made."""
    seen = inspect(connection)
    tables = set(seen.get_table_names())
    columns = {
        table: {column["name"] for column in seen.get_columns(table)}
        for table in {table for table, _ in wanted} & tables
    }
    return [(table, name) for table, name in wanted if name in columns.get(table, ())]


async def parked(tx: AsyncConnection) -> set[str]:
    """Give the pictures that waiting rows point at."""
    cells = cast(schema.parked.c.cells, Text)
    found: set[str] = set()
    async for (row,) in await tx.stream(select(cells)):
        found.update(_references(row))
    return found


async def used(
    tx: AsyncConnection, names: Names, places: Iterable[Place], among: Collection[str]
) -> set[str]:
    """Give those `among` some pictures that records or before-images point at."""
    digits = sorted({reference[0] for reference in among})
    found: set[str] = set()
    for table, name in places:
        column = names.as_text(quoted(name))
        first = ", ".join(f"'{digit}'" for digit in ("{", *digits))  # {: an object of languages
        query = (
            f"SELECT {column} FROM {names.live}{quoted(table)}"
            f" WHERE SUBSTR({column}, 1, 1) IN ({first})"
        )
        async for (value,) in await tx.stream(text(query)):
            found.update(one for one in _references(value) if one in among)
    return found


def _references(value: str) -> Iterator[str]:
    return (match[0] for match in REFERENCE.finditer(value))
