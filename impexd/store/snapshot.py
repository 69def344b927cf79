"""
One consistent view of the database, for a worker process that reads a great deal of it.

Blocking; nothing can be written through it.  On SQLite it is one read transaction on a connection
of its own, on PostgreSQL one that is repeatable and read-only, and whatever is read in the
block is read of the same moment.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.problem import Code
from impexd.store import errors
from impexd.store.dialect import Names
from impexd.store.selecting import Statement

FEW = 500
"""Rows fetched at once: they fit the processor's cache, and nothing waits long behind them."""

Rows = list[tuple[Any, ...]]


class Snapshot(Protocol):
    """The database as it is at one moment."""

    names: Names

    def each(self, statement: Statement) -> Iterator[Rows]:
        """Run a query of ours; its rows, some at a time."""
        ...

    def foreign(self, sql: str) -> tuple[list[str], Iterator[Rows]]:
        """Run a statement of the configuration: column names and rows.  DataError if it is wrong."""
        ...


def watermark(snapshot: Snapshot) -> int:
    """Give the number of the last change that the snapshot holds."""
    sql = f"SELECT value FROM {snapshot.names.live}counter WHERE name = 'change'"
    for rows in snapshot.each(Statement(sql)):
        return int(rows[0][0])
    return 0


class OnSqlite:
    """A read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.names = Names("sqlite", "main.", "")
        self._db = connection

    def each(self, statement: Statement) -> Iterator[Rows]:
        yield from self._rest(self._db.execute(statement.sql, statement.params))

    def foreign(self, sql: str) -> tuple[list[str], Iterator[Rows]]:
        self._db.set_authorizer(_reading)
        try:
            cursor = self._db.execute(sql)
        except sqlite3.DatabaseError as error:
            raise _wrong(error) from error
        finally:
            self._db.set_authorizer(None)
        return [name for name, *_ in cursor.description], self._rest(cursor)

    def _rest(self, cursor: sqlite3.Cursor) -> Iterator[Rows]:
        try:
            while found := cursor.fetchmany(FEW):
                yield found
        finally:
            with suppress(sqlite3.ProgrammingError):  # closed already, with its database
                cursor.close()


_READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)


def _reading(action: int, *_: object) -> int:
    """Let a statement read tables, and nothing else: no other files, no settings."""
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


class OnPostgres:
    """A transaction on a server."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self.names = Names("postgresql", "", "")
        self._db = connection
        self._numbers = count()

    def each(self, statement: Statement) -> Iterator[Rows]:
        with self._db.cursor(f"each{next(self._numbers)}") as cursor:
            cursor.execute(statement.sql.encode(), statement.params)
            while found := cursor.fetchmany(FEW):
                yield found

    def foreign(self, sql: str) -> tuple[list[str], Iterator[Rows]]:
        cursor = self._db.cursor(f"each{next(self._numbers)}")
        try:
            cursor.execute(sql.encode())
        except psycopg.Error as error:
            if error.sqlstate and error.sqlstate[:2] in ("42", "22", "0A", "25"):
                raise _wrong(error) from error
            raise
        return [column.name for column in cursor.description or ()], self._rest(cursor)

    def _rest(self, cursor: "psycopg.ServerCursor[tuple[Any, ...]]") -> Iterator[Rows]:
        with cursor:
            while found := cursor.fetchmany(FEW):
                yield found


def _wrong(error: Exception) -> DataError:
    what = str(error).strip().partition("\n")[0]
    hint = "correct `sql` in the descriptor; it may only read"
    return DataError(Code.BAD_QUERY, f"the statement cannot be run: {shown(what)}", hint=hint)


@contextmanager
def opened(url: str) -> Iterator[Snapshot]:
    """Take a snapshot for as long as the block lasts; `WorldError` where the database fails."""
    with errors.edge(reading=True):
        if url.startswith("sqlite"):
            path = f"file:{quote(url.partition('///')[2])}?mode=ro"
            with closing(sqlite3.connect(path, isolation_level=None, uri=True)) as db:
                for pragma in ("busy_timeout=10000", "query_only=1", "cache_size=-16000"):
                    db.execute(f"PRAGMA {pragma}").fetchall()
                db.execute("BEGIN")
                yield OnSqlite(db)
        else:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield OnPostgres(connection)
