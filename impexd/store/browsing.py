"""
Look through the records of an entity, a page at a time, however many there are.

Takes what is wanted, gives rows in the order of their key and where the next page begins.  A page
starts after a key and not at a number, so the thousandth costs what the first does; a search in
fields looks at no more than `SCAN` records at once and says where it stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Kind, Type
from impexd.store.dialect import Names, quoted

SCAN = 20_000

_CAST = {
    Type.INTEGER: "BIGINT",
    Type.DECIMAL: "NUMERIC",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.DATETIME: "TIMESTAMPTZ",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    after: tuple[str, ...] = ()
    """The key to go on after, as text; none: from the start."""
    prefix: str = ""
    """What the first part of the key begins with, if that is text."""
    contains: tuple[tuple[str, str], ...] = ()
    """Field, and text that its value holds, whatever the case."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """A page."""

    rows: list[dict[str, Any]]
    next: list[str] | None
    """The key to go on after; None if there is no more."""
    searched: int | None = None
    """How many records were looked at, if not all that are left."""


async def page(tx: AsyncConnection, kind: Kind, names: Names, wanted: Wanted) -> Page:
    """Read a page."""
    bound: dict[str, Any] = {}
    where = _where(kind, names, wanted, bound)
    order = ", ".join(f"r.{quoted(name)}" for name in kind.key)
    columns = ", ".join(f"r.{quoted(name)}" for name in (*kind.fields, "_changed"))
    inner = f"SELECT {columns} FROM {names.table(kind)} r{where} ORDER BY {order}"
    if not wanted.contains:
        bound["limit"] = wanted.limit + 1
        rows = await _rows(tx, f"{inner} LIMIT :limit", bound)
        more = len(rows) > wanted.limit
        rows = rows[: wanted.limit]
        return Page(rows, _key(kind, rows[-1]) if more else None)
    return await _searched(tx, kind, names, wanted, inner, order, bound)


async def _searched(
    tx: AsyncConnection,
    kind: Kind,
    names: Names,
    wanted: Wanted,
    inner: str,
    order: str,
    bound: dict[str, Any],
) -> Page:
    """Read what holds the texts, among the next `SCAN` records."""
    found = dict(bound)
    tests = []
    for n, (field, wish) in enumerate(wanted.contains):
        found[f"c{n}"] = f"%{_escaped(wish.lower())}%"
        tests.append(f"LOWER({names.as_text(f'r.{quoted(field)}')}) LIKE :c{n} ESCAPE '!'")
    query = (
        f"SELECT * FROM ({inner} LIMIT {SCAN}) r WHERE {' AND '.join(tests)}"
        f" ORDER BY {order} LIMIT :limit"
    )
    rows = await _rows(tx, query, found | {"limit": wanted.limit + 1})
    if len(rows) > wanted.limit:
        rows = rows[: wanted.limit]
        return Page(rows, _key(kind, rows[-1]))
    last = await _rows(tx, f"{inner} LIMIT 1 OFFSET {SCAN - 1}", bound)
    return Page(rows, _key(kind, last[0]) if last else None, SCAN if last else None)


def _where(kind: Kind, names: Names, wanted: Wanted, bound: dict[str, Any]) -> str:
    tests = []
    if wanted.after:
        left = ", ".join(f"r.{quoted(name)}" for name in kind.key)
        right = ", ".join(_value(kind, names, name, f":a{n}") for n, name in enumerate(kind.key))
        tests.append(f"({left}) > ({right})")
        for n, (name, value) in enumerate(zip(kind.key, wanted.after, strict=True)):
            bound[f"a{n}"] = _typed(kind, names, name, value)
    first = kind.key[0]
    if wanted.prefix:
        if kind.fields[first].type is Type.TEXT:
            tests.append(f"r.{quoted(first)} >= :low AND r.{quoted(first)} < :high")
            bound |= {"low": wanted.prefix, "high": wanted.prefix + "\U0010ffff"}
        else:
            tests.append(f"{names.as_text(f'r.{quoted(first)}')} = :low")
            bound["low"] = wanted.prefix
    return f" WHERE {' AND '.join(tests)}" if tests else ""


def _value(kind: Kind, names: Names, name: str, parameter: str) -> str:
    if names.engine == "sqlite":
        return parameter
    return f"CAST({parameter} AS {_CAST.get(kind.fields[name].type, 'TEXT')})"


def _typed(kind: Kind, names: Names, name: str, value: str) -> str | int:
    whole = kind.fields[name].type in (Type.INTEGER, Type.BOOLEAN)
    return int(value) if names.engine == "sqlite" and whole else value


def _key(kind: Kind, row: Mapping[str, Any]) -> list[str]:
    return [str(row[name]) for name in kind.key]


def _escaped(wish: str) -> str:
    return wish.replace("!", "!!").replace("%", "!%").replace("_", "!_")


async def _rows(tx: AsyncConnection, query: str, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in (await tx.execute(text(query), bound)).mappings()]
