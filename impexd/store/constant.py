"""
Statements that are always the same: compiled once for each engine, and sent to the driver as they are.

SQLAlchemy finds a compiled statement again by a key of all that is in it, and makes a context and
typed rows each time; an event of an order has a dozen small statements, and that cost more than
the statements themselves.  What is said here is said once, and is the same on both engines; the
types of columns still decide how values are bound and read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store.direct import Direct

Values = Mapping[str, Any]
Reading = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement as one driver takes it."""

    sql: str
    names: tuple[str, ...]
    positional: bool
    bind: Mapping[str, Reading]
    read: tuple[tuple[int, Reading], ...]

    def given(self, values: Values) -> Any:
        """Pure: values as the driver wants them."""
        bind = self.bind
        if bind:
            values = {n: bind[n](v) if n in bind else v for n, v in values.items()}
        if self.positional:
            return tuple([values[name] for name in self.names])
        return {name: values[name] for name in self.names}


class Constant:
    """One statement; `columns` are those that an INSERT or UPDATE sets."""

    __slots__ = ("_columns", "_ready", "_statement")

    def __init__(self, statement: Any, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._ready: dict[tuple[str, str], _Ready] = {}

    async def rows(self, tx: AsyncConnection, values: Values) -> Sequence[Any]:
        """Send it; gives all rows."""
        ready = self._for(tx.dialect)
        found: Sequence[Any]
        if isinstance(tx, Direct):
            found = tx.plain(ready.sql, ready.given(values))
        else:
            found = (await tx.exec_driver_sql(ready.sql, ready.given(values))).all()
        return [_read(row, ready.read) for row in found] if ready.read else found

    async def scalar(self, tx: AsyncConnection, values: Values) -> Any:
        """Send it; gives the first cell of the first row, None if there is no row."""
        found = await self.rows(tx, values)
        return found[0][0] if found else None

    async def send(self, tx: AsyncConnection, values: Sequence[Values]) -> None:
        """Send it once for each of some values."""
        ready = self._for(tx.dialect)
        given = [ready.given(one) for one in values]
        if isinstance(tx, Direct):
            tx.plain_many(ready.sql, given)
            return
        await tx.exec_driver_sql(ready.sql, given[0] if len(given) == 1 else given)

    def _for(self, dialect: Any) -> _Ready:
        name = (dialect.name, dialect.driver)
        ready = self._ready.get(name)
        if ready is None:
            ready = self._ready[name] = _compiled(self._statement, self._columns, dialect)
        return ready


def _read(row: Sequence[Any], read: Sequence[tuple[int, Reading]]) -> list[Any]:
    cells = list(row)
    for n, how in read:
        cells[n] = how(cells[n])
    return cells


def _compiled(statement: Any, columns: Sequence[str] | None, dialect: Any) -> _Ready:
    made = statement.compile(dialect=dialect, column_keys=columns)
    bind: dict[str, Reading] = {}
    for name, param in made.binds.items():
        how = param.type.dialect_impl(dialect).bind_processor(dialect)
        if how is not None:
            bind[name] = how
    read: list[tuple[int, Reading]] = []
    for n, column in enumerate(getattr(statement, "exported_columns", ())):
        how = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if how is not None:
            read.append((n, how))
    names = tuple(made.positiontup) if made.positional else tuple(made.binds)
    return _Ready(made.string, names, made.positional, bind, tuple(read))
