"""
What is known of one record: its row, its tombstone, its before-images, and who made them.

Takes a key as canonical values; gives `Known`, as the tables have it.  Set apart from what is
made of it (`imports.record`), because only here are there two engines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Kind, Type
from impexd.model.run import Run
from impexd.store import runs, schema
from impexd.store.dialect import Names, quoted
from impexd.store.entities import PROVENANCE

Key = Sequence[str | int]
Row = Mapping[str, Any]

_CAST = {
    Type.INTEGER: "BIGINT",
    Type.DECIMAL: "NUMERIC",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.DATETIME: "TIMESTAMPTZ",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One file of a drop."""

    run: int
    file: str
    descriptor: str


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a record."""

    row: Row | None
    """As it is now; None if it is not there."""
    deleted: Row | None
    """`run` and `seq` of its deletion, if it is deleted."""
    images: Sequence[Row] = ()
    """Before-images, oldest first, with `_run` and `_op`."""
    places: Mapping[int, Place] = field(default_factory=dict)
    """Part -> the file, for every part that is named."""
    runs: Mapping[int, Run] = field(default_factory=dict)
    """Every run that is named, as far as the journal has it."""


async def read(tx: AsyncConnection, kind: Kind, names: Names, key: Key) -> Known:
    """Read what is known of a record."""
    columns = ", ".join(f"r.{quoted(name)}" for name in (*kind.fields, *PROVENANCE))
    live = f"SELECT {columns} FROM {names.table(kind)} r WHERE {_is(kind, names)}"
    bound = _bound(kind, names, key)
    found = (await tx.execute(text(live), bound)).mappings().first()
    row = None if found is None else dict(found)
    deleted = None if row is not None else await _deleted(tx, kind, names, key)
    images = await _images(tx, kind, names, bound, columns)
    states = [state for state in (*images, row) if state is not None]
    places = await _places(tx, {state["_part"] for state in states} - {None})
    named = {place.run for place in places.values()} | {image["_run"] for image in images}
    named |= {state[name] for state in states for name in ("_created", "_changed")} - {None}
    named |= {deleted["run"]} if deleted else set()
    return Known(row, deleted, images, places, await _runs(tx, named))


def _is(kind: Kind, names: Names) -> str:
    """Pure: SQL: the row `r` is the one of the key that is bound."""
    return " AND ".join(
        f"r.{quoted(name)} = {_value(kind, names, name, f':k{n}')}"
        for n, name in enumerate(kind.key)
    )


def _value(kind: Kind, names: Names, name: str, parameter: str) -> str:
    """Pure: SQL for a value of a field that is bound as text where the engine is strict."""
    if names.engine == "sqlite":
        return parameter
    return f"CAST({parameter} AS {_CAST.get(kind.fields[name].type, 'TEXT')})"


def _bound(kind: Kind, names: Names, key: Key) -> dict[str, str | int]:
    return {
        f"k{n}": value if names.engine == "sqlite" else str(value) for n, value in enumerate(key)
    }


async def _deleted(tx: AsyncConnection, kind: Kind, names: Names, key: Key) -> Row | None:
    values = ", ".join(
        f"{_value(kind, names, name, f':k{n}')} AS {quoted(name)}"
        for n, name in enumerate(kind.key)
    )
    query = (
        f"SELECT o.run, o.seq FROM {names.live}tombstone o, (SELECT {values}) k"
        f" WHERE o.entity = '{kind.name}' AND o.key = {names.key_json('k', kind.key)}"
    )
    found = (await tx.execute(text(query), _bound(kind, names, key))).mappings().first()
    return None if found is None else dict(found)


async def _images(
    tx: AsyncConnection, kind: Kind, names: Names, bound: Mapping[str, Any], columns: str
) -> list[Row]:
    """
    Read the images, in the order of the changes that made them.

    The index of images begins with their run, so the runs that come into question are named:
    those with a part for this entity.
    """
    mine = (
        f"SELECT run FROM {names.live}part WHERE entity = '{kind.name}'"
        f" AND run >= (SELECT MIN(_run) FROM {names.undo(kind)})"
    )
    query = (
        f"SELECT r._run, r._op, {columns} FROM {names.undo(kind)} r"
        f" WHERE r._run IN ({mine}) AND {_is(kind, names)}"
        f" ORDER BY COALESCE(r._seq, 0), r._op"
    )
    return [dict(row) for row in (await tx.execute(text(query), bound)).mappings()]


async def _places(tx: AsyncConnection, parts: Iterable[int]) -> dict[int, Place]:
    part = schema.part
    query = select(part.c.id, part.c.run, part.c.member, part.c.descriptor)
    rows = await tx.execute(query.where(part.c.id.in_(sorted(parts))))
    return {id: Place(run, member, descriptor) for id, run, member, descriptor in rows}


async def _runs(tx: AsyncConnection, ids: Iterable[int]) -> dict[int, Run]:
    query = select(schema.run).where(schema.run.c.id.in_(sorted(ids)))
    return {row["id"]: runs.made(row) for row in (await tx.execute(query)).mappings()}


async def near(tx: AsyncConnection, kind: Kind, names: Names, key: Key) -> list[list[Any]]:
    """Read the keys of the records that stand before and after where a key would stand."""
    columns = ", ".join(f"r.{quoted(name)}" for name in kind.key)
    first = quoted(kind.key[0])
    value = _value(kind, names, kind.key[0], ":k0")
    bound = {"k0": _bound(kind, names, key)["k0"]}
    found: list[list[Any]] = []
    for sign, order in (("<", "DESC"), (">=", "ASC")):
        down = ", ".join(f"r.{quoted(name)} {order}" for name in kind.key)
        query = text(
            f"SELECT {columns} FROM {names.table(kind)} r WHERE r.{first} {sign} {value}"
            f" ORDER BY {down} LIMIT 3"
        )
        found += [list(row) for row in await tx.execute(query, bound)]
    return found
