"""One instance for the tests of a module, on each engine; time goes only when a test lets it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.clock import FakeClock
from tests.flows import place as places
from tests.flows.conftest import database
from tests.orders.chain.house import ETC, House, quick

__all__ = ["database", "house"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(database: str, tmp_path_factory) -> AsyncIterator[House]:
    """An open instance; a test begins with `fresh`."""
    home: Path = tmp_path_factory.mktemp("chain")
    async with places.opened(home, database, FakeClock(), quick(ETC, database, home)) as place:
        yield House(place)
