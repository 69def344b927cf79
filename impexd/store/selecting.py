"""
The queries of an export as SQL, the same records in the same order on both engines.

What they are put together from stands in `terms`.  Pure: nothing here asks a database.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from impexd.model import selection
from impexd.model.entity import Catalogue, Kind, Type
from impexd.model.export import DELETED, MODE, SEQ, Query
from impexd.model.selection import Found, Side
from impexd.store import terms
from impexd.store.dialect import Names, column_type, quoted
from impexd.store.terms import Select


@dataclass(frozen=True, slots=True)
class Statement:
    """A query with its values."""

    sql: str
    params: tuple[str | int, ...] = ()


def rows(
    query: Query,
    kind: Kind,
    catalogue: Catalogue,
    names: Names,
    *,
    sources: Sequence[str],
    nested: Sequence[tuple[Kind, str]] = (),
    since: int | None = None,
    side: Side = "rows",
) -> Statement:
    """
    Pure: the query for the records of an export, or those that do not fit its filter any more.

    `since`: only those that changed after this change number, themselves, in what they point at,
    or in the `nested` records (entity, its field) that point at them.
    """
    select = Select(query, kind, catalogue, names)
    found = [selection.resolve(source, kind, catalogue) for source in sources]
    if side == "left":
        cells = [_left(one, select) for one in found]
    else:
        cells = [terms.value(one, select) for one in found]
    fitting = [terms.condition(one, select) for one in query.filter] if side == "rows" else []
    if side == "left":
        all_of = " AND ".join(f"({terms.condition(one, select)})" for one in query.filter)
        fitting = [f"NOT COALESCE(({all_of}), {'0' if names.engine == 'sqlite' else 'FALSE'})"]
    if since is not None:
        fitting.append(_changed(select, since, nested))
    elif query.changed_since not in (None, "last"):
        fitting.append(_since_day(select, "t._changed"))
    order = terms.ordering(query, kind, select)
    where = f" WHERE {' AND '.join(f'({one})' for one in fitting)}" if fitting else ""
    sql = f"SELECT {', '.join(cells)} FROM {select.tables()}{where} ORDER BY {order}"
    return Statement(sql, tuple(select.params))


def gone(
    query: Query,
    kind: Kind,
    catalogue: Catalogue,
    names: Names,
    *,
    sources: Sequence[str],
    since: int | None,
) -> Statement:
    """Pure: the query for what was deleted after a change number, or since the query's day."""
    select = Select(query, kind, catalogue, names)
    found = [selection.resolve(source, kind, catalogue) for source in sources]
    cells = [_buried(one, select) for one in found]
    tests = [f"o.entity = {select.bind(kind.name)}"]
    if since is not None:
        tests.append(f"o.seq > {select.bind(since)}")
    else:
        tests.append(_since_day(select, "o.run"))
    for one in query.filter:
        field = selection.resolve(one.field, kind, catalogue)
        if not field.chain and field.name in kind.key:
            tests.append(terms.compared(_key(field, select), field, one, select))
    where = " AND ".join(tests)
    sql = f"SELECT {', '.join(cells)} FROM {names.live}tombstone o WHERE {where} ORDER BY o.key"
    return Statement(sql, tuple(select.params))


def nested(
    kind: Kind, way: Sequence[str], catalogue: Catalogue, names: Names, *, sources: Sequence[str]
) -> Statement:
    """Pure: the query for records inside others: first what says inside which, then their cells."""
    select = Select(Query(entity=kind.name), kind, catalogue, names)
    found = [selection.resolve(source, kind, catalogue) for source in (*way, *sources)]
    cells = [terms.value(one, select) for one in found]
    keys = [name for name in kind.key if name != way[-1]]
    order = ", ".join(
        terms.sort(selection.resolve(name, kind, catalogue), select) for name in (*way, *keys)
    )
    there = " AND ".join(f"{select.column(one)} IS NOT NULL" for one in found[: len(way)])
    sql = f"SELECT {', '.join(cells)} FROM {select.tables()} WHERE {there} ORDER BY {order}"
    return Statement(sql, tuple(select.params))


def _changed(select: Select, since: int, nested: Sequence[tuple[Kind, str]]) -> str:
    """Pure: SQL for: this record, or something it is written from, changed after `since`."""
    names = select.names
    tests = [f"t._seq IS NULL OR t._seq > {since:d}"]
    for chain, alias in list(select.joins.items()):
        tests.append(f"{alias}._seq > {since:d}")
        before, kind = select.at(chain[:-1])
        target = kind.fields[chain[-1]].ref or ""
        key = names.key_json(before, (chain[-1],))
        tests.append(_tombstone(names, target, f"o.key = {key}", since))
    for child, by in nested:
        key = select.kind.key[0]
        points = f"c.{quoted(by)} = t.{quoted(key)}"
        inner = f"SELECT 1 FROM {names.table(child)} c WHERE {points} AND c._seq > {since:d}"
        tests.append(f"EXISTS ({inner})")
        if by in child.key:
            part = _key_part(names, child.key.index(by))
            same = f"{part} = {names.as_text(f't.{quoted(key)}')}"
            tests.append(_tombstone(names, child.name, same, since))
    return " OR ".join(tests)


def _tombstone(names: Names, entity: str, test: str, since: int) -> str:
    return (
        f"EXISTS (SELECT 1 FROM {names.live}tombstone o"
        f" WHERE o.entity = '{entity}' AND o.seq > {since:d} AND {test})"
    )


def _key_part(names: Names, position: int) -> str:
    if names.engine == "sqlite":
        return f"json_extract(o.key, '$[{position}]')"
    return f"(CAST(o.key AS JSONB) ->> {position})"


def _since_day(select: Select, run: str) -> str:
    """Pure: SQL for: changed by a run that ended on the query's day or later."""
    day = select.bind(str(select.query.changed_since))
    ended = "COALESCE(r.finished, r.started, r.created)"
    return f"{run} IN (SELECT r.id FROM {select.names.live}run r WHERE {ended} >= {day})"


def _left(found: Found, select: Select) -> str:
    """Pure: SQL for a cell of a record that is told of as gone: its key, and no more."""
    if found.own:
        return {MODE: "'delete'", DELETED: "1", SEQ: "t._seq"}[found.name]
    return (
        terms.value(found, select) if not found.chain and found.name in select.kind.key else "NULL"
    )


def _buried(found: Found, select: Select) -> str:
    """Pure: SQL for a cell of a tombstone."""
    if found.own:
        return {MODE: "'delete'", DELETED: "1", SEQ: "o.seq"}[found.name]
    if found.chain or found.name not in select.kind.key:
        return "NULL"
    return terms.plain(_key(found, select), found.type, select.names)


def _key(found: Found, select: Select) -> str:
    """Pure: SQL for a field of a tombstone's key, in its type."""
    part = _key_part(select.names, select.kind.key.index(found.name))
    if select.names.engine == "postgresql":
        text = found.type is Type.TEXT
        return part if text else f"CAST({part} AS {column_type('postgresql', found.field)})"
    whole = found.type in (Type.INTEGER, Type.BOOLEAN)
    return f"CAST({part} AS INTEGER)" if whole else part
