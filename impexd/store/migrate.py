"""
Bring our own tables to the revision this release knows.

Takes an open `Store`; gives the copy made before the change, if one was made.  All steps are
one transaction, so a process killed in the middle leaves the old tables.  Alembic is loaded
only if there is something to do: it costs 0.4 s and 28 MB.
"""

import importlib
import os
from pathlib import Path
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import SYSTEM, Clock
from impexd.core.errors import Unsafe
from impexd.store import postgres, schema
from impexd.store.engine import Store

SCRIPTS = Path(__file__).parent / "migrations"

# Any number will do; it must be the same in all daemons of one database.
_LOCK = 0x696D70657864


async def migrate(store: Store, *, clock: Clock = SYSTEM) -> Path | None:
    """
    Upgrade to `schema.HEAD` if need be.

    An SQLite file that holds something already is copied first, beside itself.  Raises
    `Unsafe` for tables of a newer release.
    """
    if await revision(store) == schema.HEAD:
        return None
    await anyio.to_thread.run_sync(importlib.import_module, "alembic.command")
    if store.path is None:
        async with store.writing() as tx:
            # Of several daemons that start together one upgrades, the others wait.
            await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if await postgres.revision(tx) != schema.HEAD:
                await tx.run_sync(_upgrade)
        return None
    copy = await _copied(store, store.path, clock)
    async with store.alone() as conn:
        await _in_one_transaction(conn)
        # The connection was set otherwise for this: let the pool make a new one.
        await conn.invalidate()
    return copy


async def revision(store: Store) -> str | None:
    """Say which revision the tables have; None if there are none.  Raises `Unsafe` if newer."""
    async with store.reading() as conn:
        if store.dialect == "postgresql":
            found = await postgres.revision(conn)
        else:
            named = text("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'")
            found = None
            if await conn.scalar(named):
                found = await conn.scalar(text("SELECT version_num FROM alembic_version"))
    schema.refuse_newer(found, "the database")
    return found


async def _copied(store: Store, path: Path, clock: Clock) -> Path | None:
    """Copy the file as it is now, durably; None if it holds nothing."""
    async with store.reading() as conn:
        if await conn.scalar(text("SELECT count(*) FROM sqlite_schema")) == 0:
            return None
    when = clock.now().strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.stem}-before-{schema.HEAD}-{when}{path.suffix}")
    async with store.alone() as conn:
        await conn.exec_driver_sql("VACUUM INTO ?", (str(copy),))
    await anyio.to_thread.run_sync(_synced, copy)
    return copy


def _synced(file: Path) -> None:
    for path in (file, file.parent):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


async def _in_one_transaction(conn: AsyncConnection) -> None:
    """Upgrade on SQLite, where a changed table is a new one: its children must not notice."""
    await conn.exec_driver_sql("PRAGMA foreign_keys=OFF")
    await conn.exec_driver_sql("BEGIN IMMEDIATE")
    await conn.run_sync(_upgrade)
    if broken := (await conn.exec_driver_sql("PRAGMA foreign_key_check")).first():
        raise Unsafe(f"rows of table {broken[0]} would point nowhere after the upgrade")
    await conn.exec_driver_sql("COMMIT")


def configuration(connection: Connection) -> Any:
    """Give Alembic's configuration for this connection; there is no ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(configuration(connection), schema.HEAD)
