"""
A transaction of many small statements, carried out in SQLite's own thread in one go.

A statement through the loop costs four hops between threads, more than the statement itself; an
event of an order has a dozen.  So the whole coroutine is driven in the thread that owns the
connection, on a connection whose `execute` never waits.  What waits for anything else is a bug
and undone.  The same coroutine runs on PostgreSQL as it is.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import StaticPool
from sqlalchemy.util.concurrency import greenlet_spawn

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


class Direct:
    """As much of an `AsyncConnection` as statements need; it never waits."""

    def __init__(self) -> None:
        self.raw: sqlite3.Connection = cast("sqlite3.Connection", None)
        self._engine: Engine = cast("Engine", None)
        self._sync: Connection | None = None
        self._points = 0

    def begin(self, raw: sqlite3.Connection, engine: Engine) -> None:
        """Begin the transaction on a connection, which `engine` is made for."""
        self.raw, self._engine = raw, engine
        raw.execute("BEGIN IMMEDIATE")

    def end(self, how: str) -> None:
        """End it: COMMIT or ROLLBACK."""
        try:
            if self.raw.in_transaction:  # a full disk may have ended it
                self.raw.execute(how)
            elif how == "COMMIT":
                raise RuntimeError("the transaction was ended by somebody else")
        finally:
            if self._sync is not None:
                self._sync.close()

    @property
    def sync(self) -> Connection:
        """SQLAlchemy's connection, made when the first statement needs it."""
        if self._sync is None:
            self._sync = self._engine.connect()
        return self._sync

    @property
    def dialect(self) -> Any:
        """The dialect, with its `name`."""
        return self._engine.dialect

    def plain(self, sql: str, values: Any) -> list[Any]:
        """Send a statement to the driver as it is; gives all rows."""
        return self.raw.execute(sql, values).fetchall()

    def plain_many(self, sql: str, values: Any) -> None:
        """Send a statement once for each of some values."""
        self.raw.executemany(sql, values)

    async def execute(self, statement: Any, parameters: Any = None, **more: Any) -> Any:
        """As `AsyncConnection.execute`."""
        return self.sync.execute(statement, parameters, **more)

    async def scalar(self, statement: Any, parameters: Any = None, **more: Any) -> Any:
        """As `AsyncConnection.scalar`."""
        return self.sync.scalar(statement, parameters, **more)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> Any:
        """As `AsyncConnection.exec_driver_sql`."""
        return self.sync.exec_driver_sql(statement, parameters)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """As `AsyncConnection.begin_nested` in an `async with`: a savepoint."""
        self._points += 1
        name = f"direct_{self._points}"
        self.raw.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            if self.raw.in_transaction:
                self.raw.execute(f"ROLLBACK TO {name}")
                self.raw.execute(f"RELEASE {name}")
            raise
        self.raw.execute(f"RELEASE {name}")


@dataclass(slots=True)
class Lent:
    """The writer's connection as aiosqlite has it, for as long as a block lasts."""

    driver: Any
    broken: bool = False
    """Was a broken disk seen?  Then it is closed."""

    async def do(self, what: Callable[[], T]) -> T:
        """Do something in the connection's thread; once begun it ends, whoever is cancelled."""
        given: T = await self.driver._execute(what)
        return given


@asynccontextmanager
async def lent(engine: AsyncEngine) -> AsyncIterator[Lent]:
    """
    Lend the connection out of an engine's pool, without what SQLAlchemy puts around it.

    One that saw a broken disk is closed; one that comes back in the middle of something is rolled
    back first, by a task that no cancellation reaches.
    """
    taken = await greenlet_spawn(engine.sync_engine.raw_connection)
    one = Lent(taken.driver_connection)
    try:
        yield one
    except BaseException:
        back = taken.invalidate if one.broken else taken.close
        await asyncio.shield(asyncio.ensure_future(greenlet_spawn(back)))
        raise
    if one.broken:
        await greenlet_spawn(taken.invalidate)
    else:
        taken.close()


_ENGINES: "WeakKeyDictionary[Any, Engine]" = WeakKeyDictionary()
"""One for each driver connection: its compiled statements are worth keeping."""


def transaction(driver: Any, tx: Direct, work: Work[T]) -> T:
    """In the connection's thread: do `work` in one transaction; committed if it ends well."""
    raw: sqlite3.Connection = driver._conn
    if driver not in _ENGINES:
        made = create_engine(
            "sqlite://", creator=lambda: raw, poolclass=StaticPool, hide_parameters=True
        )
        made.connect().close()  # its first connection asks things, and rolls back
        _ENGINES[driver] = made
    tx.begin(raw, _ENGINES[driver])
    try:
        result = driven(cast("Coroutine[Any, Any, T]", work(cast("AsyncConnection", tx))))
    except BaseException:
        tx.end("ROLLBACK")
        raise
    try:
        tx.end("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise
    return result


def driven(work: Coroutine[Any, Any, T]) -> T:
    """Drive a coroutine that waits for nothing to its end."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise RuntimeError("work in the database's own thread waits for something else")
