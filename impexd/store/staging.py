"""
The worker's own connection: blocking, with the stage to write and the live tables to read.

On SQLite the stage is a file of its own and the database is attached read-only; on PostgreSQL
it is a schema of unlogged tables filled by COPY.  Nothing here is durable on purpose: a
stage is made again after a crash.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

from impexd.store import errors, stage
from impexd.store.dialect import Names
from impexd.store.stage import Sheet

Values = tuple[Any, ...]


class Staging(Protocol):
    """A stage that is being filled, and the live tables beside it."""

    names: Names

    def execute(self, sql: str) -> int:
        """Run a statement; the number of rows it touched."""
        ...

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Run a query whose result is small."""
        ...

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query whose result may be large, a piece at a time."""
        ...

    def load(self, sheet: Sheet, part: int, records: Sequence[Values]) -> None:
        """Put records (in the order of `sheet.columns`) into a sheet."""
        ...

    def keys(self, sheet: Sheet, found: Sequence[Values]) -> None:
        """Note keys of rows that could not be converted, for a sheet."""
        ...

    def problems(self, found: Sequence[Values]) -> None:
        """Put problems (part, line, code, column, message, cell) into the stage."""
        ...

    def begin(self) -> None:
        """Start a transaction: one snapshot of the live tables."""
        ...

    def commit(self) -> None:
        """End the transaction."""
        ...


_NOTED = "INSERT INTO {}problem (part, line, code, col, message, cell) VALUES ({})"


class OnSqlite:
    """A stage in a SQLite file of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.names = Names("sqlite", "live.", "main.")
        self._db = connection

    def execute(self, sql: str) -> int:
        return self._db.execute(sql).rowcount

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self._db.execute(sql).fetchall()

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._db.execute(sql)
        while found := cursor.fetchmany(500):
            yield from found

    def load(self, sheet: Sheet, part: int, records: Sequence[Values]) -> None:
        self._db.executemany(stage.loading(sheet, part, self.names), records)

    def keys(self, sheet: Sheet, found: Sequence[Values]) -> None:
        self._db.executemany(stage.key_noting(sheet, self.names), found)

    def problems(self, found: Sequence[Values]) -> None:
        self._db.executemany(_NOTED.format("main.", "?, ?, ?, ?, ?, ?"), found)

    def begin(self) -> None:
        self._db.execute("BEGIN")

    def commit(self) -> None:
        self._db.execute("COMMIT")


class OnPostgres:
    """A stage in a schema of unlogged tables."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], schema: str) -> None:
        self.names = Names("postgresql", "", f"{schema}.")
        self._db = connection
        self._part: dict[int, int] = {}

    def execute(self, sql: str) -> int:
        return self._db.execute(sql).rowcount

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self._db.execute(sql).fetchall()

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        # A transaction, if there is none yet: the server's cursors live in one.
        with self._db.transaction(), self._db.cursor("each") as cursor:
            cursor.itersize = 500
            yield from cursor.execute(sql)

    def load(self, sheet: Sheet, part: int, records: Sequence[Values]) -> None:
        table = sheet.table("s", self.names)
        if self._part.get(sheet.k) != part:
            self._db.execute(f"ALTER TABLE {table} ALTER _part SET DEFAULT {part:d}")
            self._part[sheet.k] = part
        copying = f"COPY {table} ({', '.join(sheet.columns)}) FROM STDIN"
        with self._db.cursor() as cursor, cursor.copy(copying) as copy:
            for record in records:
                copy.write_row(record)

    def keys(self, sheet: Sheet, found: Sequence[Values]) -> None:
        sql = stage.key_noting(sheet, self.names).replace("?", "%s")
        with self._db.cursor() as cursor:
            cursor.executemany(sql, found)

    def problems(self, found: Sequence[Values]) -> None:
        sql = _NOTED.format(self.names.stage, "%s, %s, %s, %s, %s, %s")
        with self._db.cursor() as cursor:
            cursor.executemany(sql, found)

    def begin(self) -> None:
        self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")

    def commit(self) -> None:
        self._db.execute("COMMIT")


@contextmanager
def opened(url: str, scratch: Path, run: int, *, fresh: bool) -> Iterator[Staging]:
    """
    Open the stage of a run for as long as the block lasts; `fresh` empties it first.

    Raises `WorldError` where the database or the disk fails.
    """
    with errors.edge():
        if url.startswith("sqlite"):
            with _sqlite(Path(url.partition("///")[2]), scratch / "stage.db", fresh) as db:
                yield OnSqlite(db)
        else:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SET client_min_messages = error")
                schema = schema_of(run)
                if fresh:
                    connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
                    connection.execute(f"CREATE SCHEMA {schema}")
                yield OnPostgres(connection, schema)


def schema_of(run: int) -> str:
    """Pure: the schema that holds a run's stage on PostgreSQL."""
    return f"impexd_stage_{run:d}"


@contextmanager
def _complete(path: Path, *, fresh: bool) -> Iterator[None]:
    """A stage that could not be filled is of use to nobody, and most of all not on a full disk."""
    try:
        yield
    except BaseException:
        if fresh:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def _sqlite(live: Path, path: Path, fresh: bool) -> Iterator[sqlite3.Connection]:
    if (
        fresh
    ):  # attempts before this one may have ended without a word: their stages only fill the disk
        for stale in path.parent.parent.glob(f"*/{path.name}"):
            stale.unlink(missing_ok=True)
    with (
        _complete(path, fresh=fresh),
        closing(sqlite3.connect(path, isolation_level=None, uri=True)) as db,
    ):
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-24000"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("ATTACH ? AS live", (f"file:{quote(str(live))}?mode=ro",))
        db.execute("PRAGMA live.busy_timeout=10000").fetchall()
        db.execute("PRAGMA live.cache_size=-16000").fetchall()
        yield db
