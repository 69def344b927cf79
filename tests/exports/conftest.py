"""An open instance with things in it, on each engine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.exports import things
from tests.exports.house import House
from tests.flows import inside


@pytest.fixture
async def house(tmp_path: Path, store_url: str) -> AsyncIterator[House]:
    """An instance that exports things in every format."""
    found: asyncio.Future[House] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def hold() -> None:
        # In one task from its beginning to its end: a fixture's two halves run in two.
        async with inside.opened(tmp_path, store_url, things.etc()) as opened:
            found.set_result(House(opened))
            await over.wait()

    holding = asyncio.create_task(hold())
    await asyncio.wait({holding, found}, return_when=asyncio.FIRST_COMPLETED)
    if holding.done():
        await holding
    yield found.result()
    over.set()
    await holding
