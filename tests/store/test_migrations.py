"""Our own tables: made, compared with their declaration, and refused when too new."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from impexd.core.errors import Unsafe
from impexd.store import engine, migrate, schema
from impexd.store.engine import Store
from tests.clock import FakeClock


def test_the_revisions_are_those_of_the_scripts() -> None:
    script = ScriptDirectory(str(migrate.SCRIPTS))
    assert tuple(reversed([one.revision for one in script.walk_revisions()])) == schema.REVISIONS
    assert script.get_heads() == [schema.HEAD]


async def test_migrated_tables_are_the_declared_ones(store: Store) -> None:
    def compare(connection: Connection) -> None:
        command.check(migrate.configuration(connection))

    async with store.writing() as tx:
        await tx.run_sync(compare)


async def test_an_empty_database_is_brought_to_the_head_once(empty_url: str) -> None:
    async with engine.opened(empty_url) as store:
        assert await migrate.revision(store) is None
        assert await migrate.migrate(store) is None
        assert await migrate.revision(store) == schema.HEAD
        assert await migrate.migrate(store) is None
        async with store.reading() as conn:
            assert (await conn.execute(text("SELECT name, value FROM counter"))).all() == [
                ("change", 0)
            ]


async def test_both_engines_have_the_same_tables(sqlite_url: str, postgres_url: str) -> None:
    def columns(connection: Connection) -> dict[str, list[str]]:
        looked = inspect(connection)
        return {
            name: [column["name"] for column in looked.get_columns(name)]
            for name in schema.METADATA.tables
        }

    found = []
    for url in (sqlite_url, postgres_url):
        async with engine.opened(url) as store, store.reading() as conn:
            found.append(await conn.run_sync(columns))
    assert found[0] == found[1]


async def test_daemons_that_start_together_migrate_once(postgres: Callable[..., str]) -> None:
    url = postgres()

    async def start() -> None:
        async with engine.opened(url) as store:
            await migrate.migrate(store)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(start)
    async with engine.opened(url) as store:
        assert await migrate.revision(store) == schema.HEAD


async def test_a_file_that_holds_something_is_copied_before_an_upgrade(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with engine.opened(f"sqlite:///{tmp_path}/impexd.db") as store:
        async with store.writing() as tx:
            await tx.execute(text("CREATE TABLE mine (a)"))
            await tx.execute(text("INSERT INTO mine VALUES (7)"))
        copy = await migrate.migrate(store, clock=clock)
        assert await migrate.revision(store) == schema.HEAD
        async with store.reading() as conn:
            assert await conn.scalar(text("SELECT a FROM mine")) == 7
            assert await conn.scalar(text("PRAGMA foreign_keys")) == 1
        async with store.writing() as tx:
            assert await tx.scalar(text("PRAGMA foreign_keys")) == 1
    assert copy is not None
    assert copy.name == f"impexd-before-{schema.HEAD}-20260131T080000Z.db"
    async with engine.opened(f"sqlite:///{copy}") as old, old.reading() as conn:
        assert await conn.scalar(text("SELECT a FROM mine")) == 7
        assert await conn.scalar(text("SELECT count(*) FROM sqlite_schema")) == 1


async def test_an_upgrade_that_fails_leaves_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with engine.opened(f"sqlite:///{tmp_path}/impexd.db") as store:
        async with store.writing() as tx:
            await tx.execute(text("CREATE TABLE tombstone (a)"))
        with pytest.raises(Exception, match="tombstone already exists"):
            await migrate.migrate(store, clock=clock)
        async with store.reading() as conn:
            assert await conn.scalar(text("SELECT count(*) FROM sqlite_schema")) == 1


async def test_tables_of_a_newer_release_are_refused_untouched(store_url: str) -> None:
    async with engine.opened(store_url) as store, store.writing() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    path = Path(store_url.removeprefix("sqlite:///"))
    before = path.read_bytes() if path.exists() else b""
    with pytest.raises(Unsafe, match="9999") as caught:
        async with engine.opened(store_url):
            pass
    assert caught.value.hint
    assert (path.read_bytes() if path.exists() else b"") == before


def test_opening_a_store_loads_neither_alembic_nor_procrastinate() -> None:
    code = (
        "import sys, impexd.store.engine, impexd.store.migrate;"
        "print([m for m in sys.modules if m in ('alembic', 'procrastinate', 'psycopg')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
