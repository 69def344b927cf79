"""
Apply: the plan put into the live tables, as statements of one transaction.

For each sheet in order: before-images of what is overwritten or deleted, deletions with
their tombstones, updates, insertions in key order with an image where a tombstone was.  Named
parameters: `run`, `base` (part ids of the run start above it), `seq` (the change number of all
rows of this transaction).
"""

from collections.abc import Iterator

from impexd.store.dialect import Names, quoted, unmarked
from impexd.store.entities import PROVENANCE
from impexd.store.stage import Sheet


def statements(
    sheet: Sheet, names: Names, *, acts: frozenset[str], defaults: dict[str, str]
) -> Iterator[str]:
    """
    Pure: the statements that apply one sheet, in order; only those that its `acts` call for.

    `defaults` gives SQL literals for fields of new records that the sheet does not bring.
    """
    if acts & {"l", "k"}:
        yield from _resolved(sheet, names)
    if acts & {"u", "l", "m"}:
        yield _images(sheet, names, "u", ("u", "m"))
    if acts & {"d", "k"}:
        yield _images(sheet, names, "d", ("d",))
        yield _tombstones(sheet, names)
        yield _deletion(sheet, names)
    if acts & {"u", "l"}:
        yield _update(sheet, names)
    if "m" in acts:
        yield _lacking(sheet, names)
    if acts & {"i", "l"}:
        yield _insertion(sheet, names, defaults)
        yield _reborn(sheet, names)
        yield _revived(sheet, names)


def acting(sheet: Sheet, names: Names) -> str:
    """Pure: the query for the acts that a sheet's plan holds."""
    return f"SELECT DISTINCT act FROM {sheet.table('p', names)}"


def _resolved(sheet: Sheet, names: Names) -> Iterator[str]:
    """What an earlier sheet of this drop changes, too, is looked up now that it has."""
    s, p = sheet.table("s", names), sheet.table("p", names)
    found = (
        f"SELECT t.{names.id} FROM {names.table(sheet.kind)} t, {s} s"
        f" WHERE s.n = r AND {sheet.same_key('s', 't')}"
    )
    yield f"UPDATE {p} SET t = ({found}) WHERE act IN ('l', 'k')"
    yield f"UPDATE {p} SET act = 'd' WHERE act = 'k' AND t IS NOT NULL"
    yield f"UPDATE {p} SET act = CASE WHEN t IS NULL THEN 'i' ELSE 'u' END WHERE act = 'l'"


def _images(sheet: Sheet, names: Names, op: str, acts: tuple[str, ...]) -> str:
    which = ", ".join(f"'{act}'" for act in acts)
    columns = ", ".join(quoted(name) for name in (*sheet.kind.fields, *PROVENANCE))
    old = ", ".join(f"t.{quoted(name)}" for name in (*sheet.kind.fields, *PROVENANCE))
    return (
        f"INSERT INTO {names.undo(sheet.kind)} (_run, _op, {columns}) SELECT {names.run}, '{op}', {old}"
        f" FROM {sheet.table('p', names)} p JOIN {names.table(sheet.kind)} t"
        f" ON t.{names.id} = p.t WHERE p.act IN ({which})"
    )


def _tombstones(sheet: Sheet, names: Names) -> str:
    key = names.key_json("t", sheet.kind.key)
    return (
        f"INSERT INTO {names.live}tombstone (entity, key, seq, run)"
        f" SELECT '{sheet.kind.name}', {key}, :seq, {names.run} FROM {sheet.table('p', names)} p"
        f" JOIN {names.table(sheet.kind)} t ON t.{names.id} = p.t WHERE p.act = 'd'"
        " ON CONFLICT (entity, key) DO UPDATE SET seq = excluded.seq, run = excluded.run"
    )


def _deletion(sheet: Sheet, names: Names) -> str:
    doomed = f"SELECT t FROM {sheet.table('p', names)} WHERE act = 'd'"
    return f"DELETE FROM {names.table(sheet.kind)} WHERE {names.id} IN ({doomed})"


def _reborn(sheet: Sheet, names: Names) -> str:
    """An image where a deleted record is inserted again: who had deleted it, and when."""
    key = ", ".join(map(quoted, sheet.kind.key))
    new = ", ".join(f"s.{cell}" for cell in sheet.keys)
    return (
        f"INSERT INTO {names.undo(sheet.kind)} (_run, _op, {key}, _changed, _seq)"
        f" SELECT {names.run}, 'i', {new}, o.run, o.seq FROM {_buried(sheet, names)}"
    )


def _revived(sheet: Sheet, names: Names) -> str:
    """A record that is there again has no tombstone."""
    return (
        f"DELETE FROM {names.live}tombstone WHERE entity = '{sheet.kind.name}'"
        f" AND key IN (SELECT o.key FROM {_buried(sheet, names)})"
    )


def _buried(sheet: Sheet, names: Names) -> str:
    """The new records `s` that have a tombstone `o`; looked for only if the entity has any."""
    join = "CROSS JOIN" if names.engine == "sqlite" else "JOIN"
    key = names.key_json("s", sheet.kind.key, sheet.keys)
    return (
        f"{sheet.table('p', names)} p {join} {sheet.table('s', names)} s ON s.n = p.r"
        f" {join} {names.live}tombstone o ON o.entity = '{sheet.kind.name}' AND o.key = {key}"
        f" WHERE p.act = 'i' AND EXISTS"
        f" (SELECT 1 FROM {names.live}tombstone WHERE entity = '{sheet.kind.name}')"
    )


def _update(sheet: Sheet, names: Names) -> str:
    sets = [
        f"{quoted(field)} = {value}"
        for field, value in _values(sheet, names, "t", unless="insert").items()
        if field not in sheet.kind.key
    ]
    sets += [f"_changed = {names.run}", "_part = :base + s._part", "_line = s._line"]
    sets += ["_seq = :seq", "_hash = s._hash"]
    join = f"{sheet.table('p', names)} p JOIN {sheet.table('s', names)} s ON s.n = p.r"
    return (
        f"UPDATE {names.table(sheet.kind)} AS t SET {', '.join(sets)} FROM {join}"
        f" WHERE t.{names.id} = p.t AND p.act = 'u'"
    )


def _lacking(sheet: Sheet, names: Names) -> str:
    """Records that the files lack get their values; no line of a file is to be named for it."""
    sets = [
        f"{quoted(name)} = {unmarked(names.literal(sheet.kind.fields[name], value))}"
        for name, value in sheet.missing_rows
    ]
    sets += ["_changed = :run", "_part = NULL", "_line = NULL", "_seq = :seq", "_hash = NULL"]
    rows = f"SELECT t FROM {sheet.table('p', names)} WHERE act = 'm'"
    return f"UPDATE {names.table(sheet.kind)} SET {', '.join(sets)} WHERE {names.id} IN ({rows})"


def _insertion(sheet: Sheet, names: Names, defaults: dict[str, str]) -> str:
    values = _values(sheet, names, "", unless="update")
    given = {name: unmarked(sql) for name, sql in defaults.items() if name not in values}
    values = given | values
    values |= {
        "_created": names.run,
        "_changed": names.run,
        "_part": ":base + s._part",
        "_line": "s._line",
        "_seq": ":seq",
        "_hash": "s._hash",
    }
    return (
        f"INSERT INTO {names.table(sheet.kind)} ({', '.join(map(quoted, values))})"
        f" SELECT {', '.join(values.values())} FROM {sheet.table('p', names)} p"
        f" {'CROSS JOIN' if names.engine == 'sqlite' else 'JOIN'} {sheet.table('s', names)} s"
        f" ON s.n = p.r WHERE p.act = 'i' ORDER BY p.n"
    )


def _values(sheet: Sheet, names: Names, old: str, *, unless: str) -> dict[str, str]:
    """Pure: field -> SQL of its new value; languages of one field go together."""
    values: dict[str, str] = {}
    languages: dict[str, dict[str, str]] = {}
    for n, target in enumerate(sheet.targets):
        if target.only == unless:
            continue
        if target.language:
            languages.setdefault(target.field, {})[target.language] = f"s.c{n}"
        else:
            values[target.field] = f"s.c{n}"
    for field, changes in languages.items():
        values[field] = names.patch(f"{old}.{quoted(field)}" if old else "NULL", changes)
    return values
