"""
SQLite as one writer and some readers on one file, set so that it keeps its word.

`inspect` looks at the file before anything could change it; `engines` makes the two
engines; each connection is given `SETTINGS` and asked whether it took them.
"""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import anyio.to_thread
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from impexd.core.errors import ImpexError, Unsafe
from impexd.store import errors, schema

UNBEGUN = "impexd_unbegun"
"""Execution option: send no BEGIN, the caller does."""

CHECKED = 256 * 2**20
"""Files up to this many bytes are checked page by page at start (a second at most)."""

# First the timeout: the others need the lock.  Then what is asked, and what must be answered.
SETTINGS: tuple[tuple[str, str, object], ...] = (
    ("busy_timeout", "10000", 10000),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("journal_size_limit", "67108864", 67108864),
)
READER = tuple(s for s in SETTINGS if s[0] not in {"journal_mode", "journal_size_limit"})

# After these the connection cannot be trusted: it is closed and opened anew.
_FATAL = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
)


def engines(path: Path, *, readers: int) -> tuple[AsyncEngine, AsyncEngine]:
    """Make the writer (one connection, waited for without limit) and the readers."""
    writer = _engine(path, "rwc", pool_size=1, max_overflow=0, pool_timeout=None)
    reader = _engine(path, "ro", pool_size=readers, max_overflow=readers)
    _configured(writer, SETTINGS, begin="BEGIN IMMEDIATE")
    _configured(reader, (*READER, ("query_only", "ON", 1)), begin="BEGIN")
    return writer, reader


def _engine(path: Path, mode: str, **pool: Any) -> AsyncEngine:
    url = URL.create("sqlite+aiosqlite", database=_uri(path), query={"mode": mode, "uri": "true"})
    # Without an isolation level the driver begins nothing behind our back.
    return create_async_engine(
        url,
        connect_args={"isolation_level": None},
        hide_parameters=True,
        pool_reset_on_return=None,  # `_returned` does it
        **pool,
    )


def _uri(path: Path) -> str:
    return "file:" + quote(str(path.absolute()))


def _configured(
    engine: AsyncEngine, settings: tuple[tuple[str, str, object], ...], *, begin: str
) -> None:
    """Have each new connection set and asked, and each transaction begun by `begin`."""

    def connected(connection: Any, _record: object) -> None:
        try:
            for name, wanted, _ in settings:
                _pragma(connection, f"{name}={wanted}")
            found = {name: _pragma(connection, name) for name, _, _ in settings}
            refuse(missing(settings, found))
        except BaseException:
            connection.close()
            raise

    def begun(connection: Connection) -> None:
        if not connection.get_execution_options().get(UNBEGUN):
            connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    event.listen(engine.sync_engine, "handle_error", _failed)
    event.listen(engine.sync_engine, "reset", _returned)


def _returned(connection: Any, _record: object, _state: object) -> None:
    """
    Roll back what a connection that is given back has left open.

    Where nothing is open its thread is not asked: there and back costs as much as a statement.
    """
    if connection.driver_connection.in_transaction:
        connection.rollback()


def _pragma(connection: Any, words: str) -> object:
    """Send a pragma and read its answer: one that is not read keeps a lock."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA {words}")
        row = cursor.fetchone()
    finally:
        cursor.close()
    return row[0] if row else None


def missing(settings: tuple[tuple[str, str, object], ...], found: dict[str, object]) -> list[str]:
    """Pure: name the settings that were asked for and do not hold."""
    return [
        f"{name} is {found.get(name)!r}, not {wanted}"
        for name, wanted, answer in settings
        if found.get(name) != answer
    ]


def refuse(faults: list[str]) -> None:
    """Raise `Unsafe` if there are any."""
    if faults:
        raise Unsafe(
            f"the database would lose acknowledged work: {'; '.join(faults)}",
            hint="put the database on a local disk (ext4, xfs, btrfs)",
        )


def fatal(error: BaseException) -> bool:
    """Pure: was the disk or the file seen broken, so that the connection cannot be trusted?"""
    driver = getattr(error, "orig", None) or error
    return getattr(driver, "sqlite_errorcode", 0) & 0xFF in _FATAL


def _failed(context: ExceptionContext) -> None:
    """Stop a statement whose task was cancelled; close a connection that saw a broken disk."""
    error = context.original_exception
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _FATAL:
        context.is_disconnect = True
    connection = context.connection
    if isinstance(error, Exception) or connection is None:
        return
    if connection.closed or connection.invalidated:
        return
    adapted: Any = connection.connection.dbapi_connection
    _interrupt(adapted.driver_connection)
    # A statement that was still waiting for its thread did not hear that one.
    asyncio.get_running_loop().call_later(0.05, _interrupt, adapted.driver_connection)
    # A connection closed with a cursor alive lives on, and holds its locks: end those first.
    # Cancelled once more it is queued already, in front of the close.
    adapted.run_async(lambda driver: driver.rollback())


def _interrupt(driver: Any) -> None:
    """End the statement in progress, a merge of minutes perhaps: a close would wait for it."""
    with suppress(ValueError, sqlite3.ProgrammingError):  # closed by now
        driver._conn.interrupt()


async def left_behind(conn: AsyncConnection) -> bool:
    """Say whether a transaction or an attached database is still there."""
    driver = (await conn.get_raw_connection()).driver_connection
    rows = (await conn.exec_driver_sql("PRAGMA database_list")).mappings()
    extra = {row["name"] for row in rows} - {"main", "temp"}
    return bool(driver and driver.in_transaction) or bool(extra)


async def settle(writer: AsyncEngine) -> None:
    """Open the first connection: makes the file if there is none, and checks the settings."""
    async with writer.connect() as conn:
        await conn.exec_driver_sql("SELECT 1")


async def folded(writer: AsyncEngine) -> None:
    """
    See to it that the last connection to close is one that can fold the -wal into the file.

    Best effort: a -wal that stays is read at the next start.
    """
    with suppress(ImpexError), errors.edge(), anyio.move_on_after(5):
        await settle(writer)


async def inspect(path: Path) -> None:
    """Refuse, by `Unsafe` and without a change, a file that is no good database of ours."""
    await anyio.to_thread.run_sync(_inspect, path)


def _inspect(path: Path) -> None:
    if not path.parent.is_dir():
        raise Unsafe(
            f"there is no folder {path.parent} for the database",
            hint="make it, or correct `store.url`; `impexd init DIR` makes a new instance",
        )
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return
    if not path.is_file():
        raise Unsafe(f"{path} is no regular file", hint="correct `store.url`")
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise Unsafe(
                f"{path} is no SQLite database",
                hint="correct `store.url`; the file was left as it is",
            )
    with errors.edge():
        connection = sqlite3.connect(f"{_uri(path)}?mode=ro", uri=True, timeout=10)
        try:
            if path.stat().st_size <= CHECKED:
                _whole(connection, path)
            schema.refuse_newer(_revision(connection), str(path))
        finally:
            connection.close()


def _whole(connection: sqlite3.Connection, path: Path) -> None:
    """Check every page; a bad one shows as a row of the answer, or as an exception."""
    try:
        fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as exc:
        if exc.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        fault = str(exc)
    if fault != "ok":
        raise Unsafe(f"{path} is corrupt: {fault}", hint=errors.CORRUPT)


def _revision(connection: sqlite3.Connection) -> str | None:
    named = "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
    if not connection.execute(named).fetchone():
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None
