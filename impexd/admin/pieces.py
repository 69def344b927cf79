"""
The bytes of uploads in var/uploads: pieces added at their place, and durable before they count.

Takes what a browser sends; gives how much there is.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread

from impexd.admin.house import House
from impexd.core.errors import DataError, UsageError, WorldError
from impexd.core.text import shown
from impexd.store import uploads
from impexd.store.again import again
from impexd.store.uploads import Upload

PIECE = 64 << 20
"""Most bytes of a piece."""
GATHERED = 1 << 20
"""Bytes that are written at once."""


class Behind(UsageError):
    """This piece does not go where the last one ended."""

    def __init__(self, received: int) -> None:
        super().__init__("this piece does not begin where the last one ended")
        self.received = received


def folder(house: House) -> Path:
    """Where the bytes are."""
    return house.bench.config.var / "uploads"


async def add(house: House, one: Upload, at: int, body: AsyncIterator[bytes]) -> int:
    """Add a piece; gives how much there is now.  Raises `Behind`."""
    home = folder(house)
    await anyio.Path(home).mkdir(mode=0o700, exist_ok=True)
    try:
        file = await anyio.to_thread.run_sync(_opened, home / one.token)
    except OSError as error:
        raise WorldError(f"{home}: {error.strerror or error}") from error
    try:
        if (size := os.fstat(file).st_size) != at:
            raise Behind(size)
        gathered, end = bytearray(), at
        most = min(one.bytes, at + PIECE)
        async for chunk in body:
            gathered += chunk
            if end + len(gathered) > most:
                raise DataError("too-large", "more bytes came than were announced")
            if len(gathered) >= GATHERED:
                await anyio.to_thread.run_sync(_add, file, bytes(gathered), end)
                end += len(gathered)
                gathered.clear()
        await anyio.to_thread.run_sync(_add, file, bytes(gathered), end)
        await anyio.to_thread.run_sync(os.fdatasync, file)
        return end + len(gathered)
    except OSError as error:
        raise WorldError(f"{shown(one.name)}: {error.strerror or error}") from error
    finally:
        os.close(file)


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _add(file: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(file, left, at)
        left, at = left[written:], at + written


async def remove(house: House, one: Upload) -> None:
    """Let an upload and its bytes go."""
    await anyio.Path(folder(house) / one.token).unlink(missing_ok=True)
    await again(house.store, lambda tx: uploads.forget(tx, one.token), clock=house.clock)
