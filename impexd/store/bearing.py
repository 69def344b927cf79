"""
Which records an undo may not delete: those that records it leaves there point at.

A record is left there if it came, or was changed, since; and if it is itself kept because something
points at it, what it points at is kept too.  Pure: one recursive query for both engines.
"""

from collections.abc import Iterable, Mapping

from impexd.model.entity import Catalogue, Kind
from impexd.store import takeback
from impexd.store.dialect import Names, quoted
from impexd.store.takeback import Taken


def held(kinds: Iterable[Kind], catalogue: Catalogue, names: Names, run: int) -> str | None:
    """
    Pure: the start of a query whose `held` has (entity, k, by): records to be kept, and why.

    `kinds` are all that the run has changed; `k` is a key as text, `by` the entity whose record
    points at it.  None if nothing can point at any of them.
    """
    mine = {kind.name: Taken(kind, names, run) for kind in kinds}
    wanted = {ref for kind in catalogue.values() for ref in kind.refs.values()}
    doomed = {name: f"doomed{n}" for n, name in enumerate(mine) if name in wanted}
    if not doomed:
        return None
    tables = [f"{place} (k) AS ({takeback.doomed(mine[name])})" for name, place in doomed.items()]
    seeds, edges = _seeds(mine, doomed, catalogue, names), _edges(mine, doomed, names)
    tables.append(f"seed (entity, k, by_entity) AS ({' UNION ALL '.join(seeds)})")
    tables.append(f"edge (child, c, entity, k) AS ({' UNION ALL '.join(edges)})")
    tables.append(
        "held (entity, k, by_entity) AS (SELECT entity, k, by_entity FROM seed UNION"
        " SELECT e.entity, e.k, e.child FROM held h JOIN edge e"
        " ON e.child = h.entity AND e.c = h.k)"
    )
    return f"WITH RECURSIVE {', '.join(tables)}"


def counts(held: str) -> str:
    """Pure: a query for (entity, records kept)."""
    return f"{held} SELECT entity, COUNT(DISTINCT k) FROM held GROUP BY entity"


def listed(held: str, limit: int) -> str:
    """Pure: a query for (entity, key as text, entity that points at it)."""
    return (
        f"{held} SELECT entity, k, MIN(by_entity) FROM held"
        f" GROUP BY entity, k ORDER BY entity, k LIMIT {limit:d}"
    )


def spared(taken: Taken) -> str:
    """
    Pure: SQL: the row `t` is not one of those to be kept, in a statement that begins with them.

    SQLite makes an index of what stands behind IN, PostgreSQL a hash join of what is in EXISTS.
    """
    key = taken.names.as_text(f"t.{quoted(taken.kind.key[0])}")
    if taken.names.engine == "sqlite":
        return f"{key} NOT IN (SELECT k FROM held WHERE entity = '{taken.kind.name}')"
    mine = f"SELECT 1 FROM held h WHERE h.entity = '{taken.kind.name}' AND h.k = {key}"
    return f"NOT EXISTS ({mine})"


def _seeds(
    mine: Mapping[str, Taken], doomed: Mapping[str, str], catalogue: Catalogue, names: Names
) -> list[str]:
    """Pure: what records point at that are left there."""
    found = []
    for kind in catalogue.values():
        stays = f" WHERE {takeback.stays(mine[kind.name])}" if kind.name in mine else ""
        for field, ref in kind.refs.items():
            if ref in doomed:
                points = names.as_text(f"t.{quoted(field)}")
                found.append(
                    f"SELECT {_word(ref)} AS entity, d.k AS k, {_word(kind.name)} AS by_entity"
                    f" FROM {names.table(kind)} t JOIN {doomed[ref]} d ON d.k = {points}{stays}"
                )
    return found


def _edges(mine: Mapping[str, Taken], doomed: Mapping[str, str], names: Names) -> list[str]:
    """Pure: which of the records that would go point at which."""
    nothing = f"SELECT {_word('')}, {_word('')}, {_word('')}, {_word('')} WHERE 1 = 0"
    found = [nothing]
    for name, place in doomed.items():
        kind = mine[name].kind
        own = names.as_text(f"t.{quoted(kind.key[0])}")
        for field, ref in kind.refs.items():
            if ref in doomed:
                points = names.as_text(f"t.{quoted(field)}")
                found.append(
                    f"SELECT {_word(name)}, c.k, {_word(ref)}, d.k FROM {names.table(kind)} t"
                    f" JOIN {place} c ON c.k = {own} JOIN {doomed[ref]} d ON d.k = {points}"
                )
    return found


def _word(text: str) -> str:
    return f"CAST('{text}' AS TEXT)"
