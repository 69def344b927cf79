"""
The way to an SFTP server: uploaded under a temporary name, renamed when complete.

A rename of SFTP replaces nothing.
"""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from impexd.core import sftp
from impexd.core.errors import Unreachable
from impexd.core.sftp import AGAIN, Login
from impexd.core.text import shown
from impexd.exports.publish import Placed
from impexd.exports.targets.carrier import Parcel, fetched
from impexd.model.target import Target

PATIENCE = 60.0
"""Seconds that one answer, or a piece of a file, may take."""
PIECE = 1 << 20
"""Bytes that are read, and sent in parallel requests, at a time."""


@asynccontextmanager
async def opened(target: Target, home: Path) -> AsyncIterator["OnServer"]:
    """Log in for as long as the block lasts; `Unreachable` if that, or anything in it, fails."""
    login = await anyio.to_thread.run_sync(_login, target, home)
    ssh = await sftp.library()
    with edge(ssh, target):
        async with sftp.opened(login) as client:
            yield OnServer(ssh, client, target)


def _login(target: Target, home: Path) -> Login:
    """Fetch the secrets."""
    assert target.host is not None and target.user is not None  # a target of this kind has both
    key = "" if target.key is None else fetched(target.key, home)
    password = "" if target.password is None else fetched(target.password, home)
    known = home / (target.known_hosts or "")
    return Login(target.host, target.port, target.user, known, key, password)


class OnServer:
    """A folder on a server."""

    def __init__(self, ssh: Any, client: Any, target: Target) -> None:
        self._ssh = ssh
        self._client = client
        self._folder = (target.path or ".").rstrip("/") or "/"

    def _at(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"

    async def taken(self, name: str) -> bool:
        """Say whether something is called that."""
        with anyio.fail_after(PATIENCE):
            return bool(await self._client.lexists(self._at(name)))

    async def upload(self, parcel: Parcel) -> None:
        """Have all of the file there under its draft's name, on the disk if the server can say so."""
        at = self._at(parcel.draft)
        with anyio.fail_after(PATIENCE):
            there = await self._client.open(at, "wb")
        async with there:
            async for piece in _pieces(parcel):
                with anyio.fail_after(PATIENCE):
                    await there.write(piece)
            with anyio.fail_after(PATIENCE):
                await self._synced(there)
        with anyio.fail_after(PATIENCE):
            size = (await self._client.stat(at)).size
        if size != parcel.size:
            raise Unreachable(f"the server has {size} bytes of {parcel.size}")

    async def _synced(self, there: Any) -> None:
        with suppress(self._ssh.SFTPOpUnsupported):  # few servers besides OpenSSH's know it
            await there.fsync()

    async def place(self, parcel: Parcel, name: str, *, again: bool) -> Placed:
        """Rename the draft; of a draft that is gone a rename before has been the end."""
        draft, at = self._at(parcel.draft), self._at(name)
        try:
            with anyio.fail_after(PATIENCE):
                await self._client.rename(draft, at)
        except self._ssh.SFTPNoSuchFile:
            # Whether or not it is still there: who takes files away may have been quicker.
            return Placed.THERE if again else Placed.LOST
        except (self._ssh.SFTPFailure, self._ssh.SFTPFileAlreadyExists):
            if not await self.taken(name):
                raise
            # A server that renames by link and unlink may have died between the two.
            if again and await self._same(at, parcel):
                await self.clear(parcel)
                return Placed.THERE
            return Placed.TAKEN
        return Placed.THERE

    async def _same(self, at: str, parcel: Parcel) -> bool:
        """Say whether a file over there has the bytes of ours."""
        with anyio.fail_after(PATIENCE):
            there = await self._client.open(at, "rb")
        hashed, size = hashlib.sha256(), 0
        async with there:
            while size <= parcel.size:
                with anyio.fail_after(PATIENCE):
                    piece = await there.read(PIECE)
                if not piece:
                    break
                hashed.update(piece)
                size += len(piece)
        return hashed.hexdigest() == parcel.sha256

    async def clear(self, parcel: Parcel) -> None:
        """Remove the draft, if there is one."""
        try:
            with anyio.fail_after(PATIENCE):
                await self._client.remove(self._at(parcel.draft))
        except self._ssh.SFTPNoSuchFile:
            return


async def _pieces(parcel: Parcel) -> AsyncIterator[bytes]:
    if parcel.path is None:
        yield parcel.data
        return
    async with await anyio.open_file(parcel.path, "rb") as source:
        while piece := await source.read(PIECE):
            yield piece


@contextmanager
def edge(ssh: Any, target: Target) -> Iterator[None]:
    """Say in our words what goes wrong with a server."""
    try:
        yield
    except TimeoutError as error:
        raise Unreachable(f"{target.shown}: no answer", hint=AGAIN) from error
    except (ssh.Error, ssh.SFTPError, OSError) as error:
        told = shown(str(error) or type(error).__name__, limit=300)
        raise Unreachable(f"{target.shown}: {told}", hint=AGAIN) from error
