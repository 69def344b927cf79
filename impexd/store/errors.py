"""
What the database says went wrong, in words of ours.

Takes the exceptions of SQLAlchemy and the drivers, gives an `ImpexError` or None.  None
means a bug or a broken rule (a violated constraint, wrong SQL), which goes up as it is.

WorldError
├── Contended     somebody else was in the way: a lock, a deadlock, a serialization failure
├── Full          no room on the disk
├── Faulty        the disk or the server failed below us
└── Unreachable   the server did not answer, or the connection broke
Unsafe            the database is corrupt
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc as sa

from impexd.core.errors import ImpexError, Unreachable, Unsafe, WorldError
from impexd.core.text import shown


class Contended(WorldError):
    """Somebody else was using the same rows, or the whole database."""


class Full(WorldError):
    """There is no room left for the database."""


class Faulty(WorldError):
    """The disk or the database server failed."""


RETRY = "it is tried again by itself; if it stays, look for what else holds the database"
ROOM = "make room on the disk; work goes on by itself"
DISK = "look at the disk and the system's log; work goes on by itself once it answers"
SERVER = "check that PostgreSQL runs, and `store.url` in impexd.toml"
CORRUPT = "stop impexd, keep a copy of the file and its -wal, and restore from a backup"

# Primary result codes: the low byte of SQLite's extended ones.
_SQLITE: dict[int, tuple[type[ImpexError], str]] = {
    sqlite3.SQLITE_BUSY: (Contended, RETRY),
    sqlite3.SQLITE_LOCKED: (Contended, RETRY),
    sqlite3.SQLITE_INTERRUPT: (Contended, RETRY),
    sqlite3.SQLITE_PROTOCOL: (Contended, RETRY),
    sqlite3.SQLITE_FULL: (Full, ROOM),
    sqlite3.SQLITE_IOERR: (Faulty, DISK),
    sqlite3.SQLITE_CANTOPEN: (Faulty, DISK),
    sqlite3.SQLITE_READONLY: (Faulty, DISK),
    sqlite3.SQLITE_NOMEM: (Faulty, DISK),
    sqlite3.SQLITE_CORRUPT: (Unsafe, CORRUPT),
    sqlite3.SQLITE_NOTADB: (Unsafe, CORRUPT),
}

# SQLSTATEs and their classes; the longest match counts.
_POSTGRES: dict[str, tuple[type[ImpexError], str]] = {
    "40001": (Contended, RETRY),
    "40P01": (Contended, RETRY),
    "55P03": (Contended, RETRY),
    "57014": (Contended, RETRY),
    "25006": (Faulty, "the server is read-only: a standby, or in recovery"),
    "08": (Unreachable, SERVER),
    "28": (Unreachable, SERVER),
    "3D": (Unreachable, SERVER),
    "57P": (Unreachable, SERVER),
    "53100": (Full, ROOM),
    "53": (Faulty, "the server is out of memory or connections"),
    "58": (Faulty, DISK),
    "XX001": (Unsafe, CORRUPT),
    "XX002": (Unsafe, CORRUPT),
}


def translated(exc: BaseException) -> ImpexError | None:
    """Say what an exception of the database means for us; None if it is no fault of the world."""
    if isinstance(exc, sa.TimeoutError):
        return Contended("no connection to the database became free in time", hint=RETRY)
    driver = exc.orig if isinstance(exc, sa.DBAPIError) else exc
    if driver is None:
        return None
    what = shown(str(driver).strip().partition("\n")[0])
    code = getattr(driver, "sqlite_errorcode", None)
    if code is not None:
        return _made(_SQLITE.get(code & 0xFF), what)
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(driver, psycopg.Error):
        if driver.sqlstate is None:
            lost = isinstance(driver, psycopg.OperationalError | psycopg.InterfaceError)
            return Unreachable(what, hint=SERVER) if lost else None
        lengths = (5, 3, 2)
        return _made(
            next(filter(None, (_POSTGRES.get(driver.sqlstate[:n]) for n in lengths)), None), what
        )
    if isinstance(exc, sa.DBAPIError) and exc.connection_invalidated:
        return Unreachable(f"the connection to the database broke: {what}", hint=RETRY)
    return None


def _made(kind: tuple[type[ImpexError], str] | None, what: str) -> ImpexError | None:
    return kind[0](f"database: {what}", hint=kind[1]) if kind else None


@contextmanager
def edge(*, reading: bool = False) -> Iterator[None]:
    """
    Translate what leaves the block.

    A reader that tries to write is refused with the same code as a disk that became
    read-only; the first is a bug, so with `reading` it is not translated.
    """
    try:
        yield
    except Exception as exc:
        better = None if reading and _readonly(exc) else translated(exc)
        if better is None:
            raise
        raise better from exc


def _readonly(exc: Exception) -> bool:
    driver = exc.orig if isinstance(exc, sa.DBAPIError) else exc
    code: int = getattr(driver, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_READONLY or getattr(driver, "sqlstate", "") == "25006"
