"""
Take back what a run did to the records of one entity: as SQL, decided record by record.

A record's *version* is the run whose values it holds: `_changed` of a row, `run` of the tombstone
of a deleted one.  Where the version is still the one that the run left, what was before comes
back, its version too; so the run before can be taken back next, and an undo like any other run.
Where it is another one, somebody has changed the record since: it is kept, and listed.

The images that the undo itself writes come first, and are what is then carried out.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from impexd.model.entity import Kind
from impexd.store.dialect import Names, quoted
from impexd.store.entities import PROVENANCE

RESTORE, INSERT, DELETE = "restore", "insert", "delete"
"""What is done to a record: its old values come back, it comes back, it goes."""
CHANGED, GONE, NEEDED = "changed", "gone", "needed"
"""Why a record is kept: another run changed it since, deleted it, or something points at it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken back: a run's work on one entity."""

    kind: Kind
    names: Names
    run: int

    @property
    def images(self) -> str:
        """SQL: the table of before-images."""
        return self.names.undo(self.kind)

    @property
    def table(self) -> str:
        """SQL: the table of records."""
        return self.names.table(self.kind)

    def before(self, i: str = "i") -> str:
        """SQL: an image of what was before the run; what it changed twice has later ones, too."""
        return f"{i}._run = {self.run:d} AND {i}._changed IS DISTINCT FROM {self.run:d}"

    def left(self, i: str = "i") -> str:
        """SQL: the version the run left the record in; 0 is that of a row that was never ours."""
        return f"COALESCE({i}._left, {self.run:d})"

    def same(self, one: str, other: str) -> str:
        """SQL: two rows have the same key."""
        return " AND ".join(f"{one}.{quoted(k)} = {other}.{quoted(k)}" for k in self.kind.key)

    def deleter(self, i: str = "i") -> str:
        """SQL: the version of a deleted record."""
        key = self.names.key_json(i, self.kind.key)
        return (
            f"(SELECT o.run FROM {self.names.live}tombstone o"
            f" WHERE o.entity = '{self.kind.name}' AND o.key = {key})"
        )

    def fresh(self, t: str = "t") -> str:
        """SQL: a row the run inserted where nothing had been before."""
        image = f"SELECT 1 FROM {self.images} i WHERE {self.before()} AND {self.same('i', t)}"
        return f"{t}._created = {self.run:d} AND NOT EXISTS ({image})"


def counts(taken: Taken) -> str:
    """Pure: a query for (act, records): what would be done, and what would be kept."""
    found = f"SELECT {_act(taken)} AS act FROM {_joined(taken)}"
    made = f"SELECT {_act_of_fresh(taken)} AS act FROM {taken.table} t WHERE {taken.fresh()}"
    return f"SELECT act, COUNT(*) FROM ({found} UNION ALL {made}) x WHERE act <> '' GROUP BY act"


def kept(taken: Taken, limit: int) -> str:
    """Pure: a query for (key, why, changed or deleted by) of the first records that are kept."""
    names, key = taken.names, taken.kind.key
    by = f"CASE WHEN t.{names.id} IS NULL THEN {taken.deleter()} ELSE t._changed END"
    found = (
        f"SELECT {names.key_json('i', key)} AS k, {_act(taken)} AS act, {by} AS by_run"
        f" FROM {_joined(taken)}"
    )
    made = (
        f"SELECT {names.key_json('t', key)} AS k, {_act_of_fresh(taken)} AS act,"
        f" t._changed AS by_run FROM {taken.table} t WHERE {taken.fresh()}"
    )
    return (
        f"SELECT k, act, by_run FROM ({found} UNION ALL {made}) x"
        f" WHERE act IN ('{CHANGED}', '{GONE}') ORDER BY k LIMIT {limit:d}"
    )


def _joined(taken: Taken) -> str:
    return (
        f"{taken.images} i LEFT JOIN {taken.table} t ON {taken.same('t', 'i')}"
        f" WHERE {taken.before()}"
    )


def _act(taken: Taken) -> str:
    """Pure: what becomes of an image `i` whose record is the row `t`, if there is one."""
    return (
        f"CASE WHEN t.{taken.names.id} IS NULL THEN"
        f" CASE WHEN i._op = 'i' THEN ''"
        f" WHEN {taken.deleter()} = {taken.left()} THEN '{INSERT}' ELSE '{GONE}' END"
        f" WHEN COALESCE(t._changed, 0) = {taken.left()} THEN"
        f" CASE WHEN i._op = 'i' THEN '{DELETE}' ELSE '{RESTORE}' END"
        f" WHEN i._op <> 'i' AND t._changed IS NOT DISTINCT FROM i._changed THEN ''"
        f" ELSE '{CHANGED}' END"
    )


def _act_of_fresh(taken: Taken) -> str:
    return f"CASE WHEN t._changed = {taken.run:d} THEN '{DELETE}' ELSE '{CHANGED}' END"


def doomed(taken: Taken) -> str:
    """Pure: a query for the keys, as text, of the rows that would be deleted."""
    key = taken.names.as_text(f"t.{quoted(taken.kind.key[0])}")
    made = f"{taken.fresh()} AND t._changed = {taken.run:d}"
    back = f"{_as_left(taken)} AND {taken.before()} AND i._op = 'i'"
    return (
        f"SELECT {key} FROM {taken.table} t WHERE {made} UNION ALL"
        f" SELECT {key} FROM {taken.table} t JOIN {taken.images} i ON {back}"
    )


def stays(taken: Taken) -> str:
    """Pure: SQL: nothing is done to a row `t`."""
    back = f"SELECT 1 FROM {taken.images} i WHERE {_as_left(taken)} AND {taken.before()}"
    return f"NOT EXISTS ({back}) AND NOT ({taken.fresh()} AND t._changed = {taken.run:d})"


def imaging(
    taken: Taken, acts: Collection[str], *, undo: int, spared: str = "1 = 1"
) -> Iterator[str]:
    """
    Pure: the statements that write the images of what is then taken back.

    `acts` are those that have any records, `undo` is the run that does it; a row `t` is deleted
    only if `spared` holds for it.
    """
    if RESTORE in acts:
        yield _restored_images(taken, undo)
    if INSERT in acts:
        yield _inserted_images(taken, undo)
    if DELETE in acts:
        yield from _deleted_images(taken, undo, spared)


def statements(taken: Taken, acts: Collection[str], *, undo: int, seq: int) -> Iterator[str]:
    """Pure: the statements that take it back, in order; `seq` is the change number of all rows."""
    if RESTORE in acts:
        yield _restoring(taken, seq)
    if INSERT in acts:
        yield _inserting(taken, undo, seq)
        yield _reviving(taken, undo)
    if DELETE in acts:
        yield _burying(taken, undo, seq)
        yield _deleting(taken, undo)


def _as_left(taken: Taken) -> str:
    """A row and its image, where the row is as the run left it."""
    return f"{taken.same('t', 'i')} AND COALESCE(t._changed, 0) = {taken.left()}"


def _untouched(taken: Taken) -> str:
    """An image of what was there before, and the row as the run left it."""
    return f"{taken.before()} AND i._op <> 'i' AND {_as_left(taken)}"


def _restored_images(taken: Taken, undo: int) -> str:
    return _image(taken, f"{undo:d}, 'u', COALESCE(i._changed, 0)") + (
        f" FROM {taken.images} i JOIN {taken.table} t ON {_untouched(taken)}"
    )


def _restoring(taken: Taken, seq: int) -> str:
    columns = [name for name in taken.kind.fields if name not in taken.kind.key]
    columns += [name for name in PROVENANCE if name != "_seq"]
    sets = [f"{quoted(name)} = i.{quoted(name)}" for name in columns] + [f"_seq = {seq:d}"]
    return (
        f"UPDATE {taken.table} AS t SET {', '.join(sets)} FROM {taken.images} i"
        f" WHERE {_untouched(taken)}"
    )


def _inserted_images(taken: Taken, undo: int) -> str:
    """The version of the tombstone, so that the undo of this undo can delete it again."""
    names, key = taken.names, ", ".join(map(quoted, taken.kind.key))
    theirs = ", ".join(f"i.{quoted(name)}" for name in taken.kind.key)
    alive = f"SELECT 1 FROM {taken.table} t WHERE {taken.same('t', 'i')}"
    return (
        f"INSERT INTO {taken.images} (_run, _op, _left, {key}, _changed, _seq)"
        f" SELECT {undo:d}, 'i', COALESCE(i._changed, 0), {theirs}, o.run, o.seq"
        f" FROM {taken.images} i JOIN {names.live}tombstone o"
        f" ON o.entity = '{taken.kind.name}' AND o.key = {names.key_json('i', taken.kind.key)}"
        f" WHERE {taken.before()} AND i._op <> 'i' AND o.run = {taken.left()}"
        f" AND NOT EXISTS ({alive})"
    )


def _inserting(taken: Taken, undo: int, seq: int) -> str:
    columns = [*taken.kind.fields, *PROVENANCE]
    values = [f"{seq:d}" if name == "_seq" else f"i.{quoted(name)}" for name in columns]
    order = ", ".join(f"x.{quoted(name)}" for name in taken.kind.key)
    return (
        f"INSERT INTO {taken.table} ({', '.join(map(quoted, columns))})"
        f" SELECT {', '.join(values)} FROM {taken.images} x JOIN {taken.images} i"
        f" ON {taken.before()} AND i._op <> 'i' AND {taken.same('i', 'x')}"
        f" WHERE x._run = {undo:d} AND x._op = 'i' ORDER BY {order}"
    )


def _reviving(taken: Taken, undo: int) -> str:
    key = taken.names.key_json("x", taken.kind.key)
    back = f"SELECT {key} FROM {taken.images} x WHERE x._run = {undo:d} AND x._op = 'i'"
    return (
        f"DELETE FROM {taken.names.live}tombstone"
        f" WHERE entity = '{taken.kind.name}' AND key IN ({back})"
    )


def _deleted_images(taken: Taken, undo: int, spared: str) -> Iterator[str]:
    there = _as_left(taken)
    yield _image(taken, f"{undo:d}, 'd', i._changed") + (
        f" FROM {taken.images} i JOIN {taken.table} t ON {there}"
        f" WHERE {taken.before()} AND i._op = 'i' AND {spared}"
    )
    order = ", ".join(f"t.{quoted(name)}" for name in taken.kind.key)
    yield _image(taken, f"{undo:d}, 'd', NULL") + (
        f" FROM {taken.table} t WHERE {taken.fresh()} AND t._changed = {taken.run:d}"
        f" AND {spared} ORDER BY {order}"
    )


def _burying(taken: Taken, undo: int, seq: int) -> str:
    """A deleted record has the version it had when it was deleted before, or this undo's."""
    key = taken.names.key_json("x", taken.kind.key)
    return (
        f"INSERT INTO {taken.names.live}tombstone (entity, key, seq, run)"
        f" SELECT '{taken.kind.name}', {key}, {seq:d}, COALESCE(x._left, {undo:d})"
        f" FROM {taken.images} x WHERE x._run = {undo:d} AND x._op = 'd'"
        " ON CONFLICT (entity, key) DO UPDATE SET seq = excluded.seq, run = excluded.run"
    )


def _deleting(taken: Taken, undo: int) -> str:
    doomed = (
        f"SELECT t.{taken.names.id} FROM {taken.images} x"
        f" JOIN {taken.table} t ON {taken.same('t', 'x')}"
        f" WHERE x._run = {undo:d} AND x._op = 'd'"
    )
    return f"DELETE FROM {taken.table} WHERE {taken.names.id} IN ({doomed})"


def _image(taken: Taken, ours: str) -> str:
    """The head of a statement that keeps rows `t` as they are now."""
    columns = [*taken.kind.fields, *PROVENANCE]
    theirs = ", ".join(f"t.{quoted(name)}" for name in columns)
    return (
        f"INSERT INTO {taken.images} (_run, _op, _left, {', '.join(map(quoted, columns))})"
        f" SELECT {ours}, {theirs}"
    )
