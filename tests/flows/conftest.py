"""Instances with real processes, and one of each engine that many tests share."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clock import FakeClock
from tests.flows import place as places
from tests.flows.place import Place
from tests.processes import bare, site

__all__ = ["bare", "database", "place", "site"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database of each engine, for all tests of a module."""
    if request.param == "sqlite":
        source: Path = request.getfixturevalue("migrated_file")
        path = tmp_path_factory.mktemp("place-database") / "impexd.db"
        shutil.copyfile(source, path)
        return f"sqlite:///{path}"
    make = request.getfixturevalue("postgres")
    url: str = make(template=request.getfixturevalue("migrated_template"))
    return url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """An open instance; a test begins with `fresh`."""
    async with places.opened(tmp_path_factory.mktemp("place"), database, FakeClock()) as opened:
        yield opened
