"""
The database, opened for as long as a block lasts.

Takes a URL, gives a `Store` with three ways in: `writing` (one transaction), `reading`
(one snapshot) and `alone` (the bare writer).  On SQLite there is one writer connection for
the whole process, so writers queue here, in order, and not in SQLite's unfair busy loop.
What the database says went wrong leaves as an `ImpexError` (see `errors`).

Cancellation at any point, anyio's or a bare `task.cancel()`, leaves no transaction open:
SQLAlchemy drops the connection it was using.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from impexd.core.errors import UsageError
from impexd.store import direct, errors, postgres, sqlite
from impexd.store.heart import Heart
from impexd.store.line import Line

Dialect = Literal["sqlite", "postgresql"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """The open database."""

    url: str
    """As configured.  It may hold a password: never to be shown."""
    dialect: Dialect
    path: Path | None
    """The database file; None for a server."""
    _writer: AsyncEngine
    _reader: AsyncEngine
    heart: Heart
    """Whether the writer gets on; of a server nothing is known."""
    _line: Line
    _after: dict[int, list[Callable[[], None]]] = field(default_factory=dict)
    _inside: set[object] = field(default_factory=set)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """
        One transaction: committed at the end of the block, rolled back on any exception.

        Not to be nested: the inner one would wait for the outer one's end, so that is refused.
        """
        with errors.edge(), self._not_nested():
            async with self._writer.begin() as tx, _calls(self._after, tx) as calls:
                yield tx
        for call in calls:
            call()

    async def at_once(self, work: direct.Work[T]) -> T:
        """
        One transaction of many small statements, without a wait between them; gives what it gives.

        `work` MUST have no effect, and wait for nothing, but through its connection.
        """
        if self.dialect != "sqlite":
            async with self.writing() as through:
                return await work(through)
        tx = direct.Direct()
        calls = self._after[id(tx)] = []
        try:
            with errors.edge(), self._not_nested():
                result = await self._line.carried(tx, work)
        finally:
            del self._after[id(tx)]
        for call in calls:
            call()
        return result

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot, taken by the first statement of the block; nothing can be written."""
        with errors.edge(reading=True):
            async with self._reader.connect() as conn:
                yield conn

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        """
        Lend the writer without a transaction, for ATTACH and the like.

        On SQLite nobody else can write meanwhile.  The caller sends BEGIN IMMEDIATE and
        COMMIT by `exec_driver_sql`.  A transaction or an attached database left behind,
        or any exception, costs the connection: it is closed, which undoes both.
        """
        with errors.edge(), self._not_nested():
            async with self._writer.connect() as bare, _calls(self._after, bare) as calls:
                conn = await self._unbegun(bare)
                try:
                    yield conn
                    if not await self._clean(conn):
                        await conn.invalidate()
                except BaseException:
                    with anyio.CancelScope(shield=True):
                        await conn.invalidate()
                    raise
        for call in calls:
            call()

    def after_commit(self, tx: AsyncConnection, call: Callable[[], None]) -> None:
        """
        Have `call` called, on the loop, once the block that gave `tx` has ended well.

        Not called if the block fails.  KeyError if `tx` is of no `writing` or `alone` block.
        """
        self._after[id(tx)].append(call)

    @contextmanager
    def _not_nested(self) -> Iterator[None]:
        task = asyncio.current_task()
        if task in self._inside:
            raise RuntimeError("a transaction inside a transaction would wait for itself")
        self._inside.add(task)
        try:
            yield
        finally:
            self._inside.discard(task)

    async def _clean(self, conn: AsyncConnection) -> bool:
        if conn.invalidated:
            return True
        return self.dialect == "sqlite" and not await sqlite.left_behind(conn)

    async def _unbegun(self, conn: AsyncConnection) -> AsyncConnection:
        if self.dialect == "sqlite":
            return await conn.execution_options(**{sqlite.UNBEGUN: True})
        return await conn.execution_options(isolation_level="AUTOCOMMIT")


@asynccontextmanager
async def _calls(
    after: dict[int, list[Callable[[], None]]], tx: AsyncConnection
) -> AsyncIterator[list[Callable[[], None]]]:
    """Keep the list of what is to be called after `tx` for as long as `tx` is ours."""
    calls = after[id(tx)] = []
    try:
        yield calls
    finally:
        del after[id(tx)]


@asynccontextmanager
async def opened(
    url: str, *, read_pool: int = 4, allow_unsafe_durability: bool = False
) -> AsyncIterator[Store]:
    """
    Open `sqlite:////abs/path/impexd.db` or `postgresql://...` for as long as the block lasts.

    Raises `Unsafe` (and touches nothing) if the database is corrupt, newer than we are, or
    would lose what it acknowledged; `Unreachable` if the server does not answer.  The last
    check on PostgreSQL is waived by `allow_unsafe_durability`.
    """
    path: Path | None = None
    dialect: Dialect
    heart = Heart()
    if url.startswith("sqlite:///"):
        dialect, path = "sqlite", Path(url.removeprefix("sqlite:///"))
        await sqlite.inspect(path)
        writer, reader = sqlite.engines(path, readers=read_pool)
        heart.listen(writer)
    elif url.startswith("postgresql://"):
        dialect = "postgresql"
        writer, reader = postgres.engines(url, readers=read_pool)
    else:
        scheme = url.partition(":")[0]
        raise UsageError(
            f"store.url: no database of the kind {scheme!r}",
            hint="write sqlite:////path/impexd.db or postgresql://user@host/database",
        )
    try:
        with errors.edge():
            if dialect == "postgresql":
                await postgres.inspect(writer, allow_unsafe_durability=allow_unsafe_durability)
            else:
                await sqlite.settle(writer)
        yield Store(url, dialect, path, writer, reader, heart, Line(writer, heart))
    finally:
        with anyio.CancelScope(shield=True):
            await reader.dispose()
            if dialect == "sqlite":
                await sqlite.folded(writer)
            await writer.dispose()
