"""
The way to an SFTP server: uploaded under a temporary name, renamed when complete.

The server is known by its key or not spoken to; of ways to log in only those that the target
names are tried, and nothing of this machine's own keys or settings.  A rename of SFTP replaces
nothing.  asyncssh is loaded when first needed, away from the loop.
"""

import hashlib
import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from impexd.core.errors import Unreachable
from impexd.core.text import shown
from impexd.exports.publish import Placed
from impexd.exports.targets.carrier import Parcel, fetched, unready
from impexd.model.target import Target

CONNECT = 20.0
"""Seconds to log in."""
PATIENCE = 60.0
"""Seconds that one answer, or a piece of a file, may take."""
PIECE = 1 << 20
"""Bytes that are read, and sent in parallel requests, at a time."""


@asynccontextmanager
async def opened(target: Target, home: Path) -> AsyncIterator["OnServer"]:
    """Log in for as long as the block lasts; `Unreachable` if that, or anything in it, fails."""
    ssh = await anyio.to_thread.run_sync(importlib.import_module, "asyncssh")
    options = await anyio.to_thread.run_sync(_options, ssh, target, home)
    with edge(ssh, target):
        with anyio.fail_after(CONNECT):
            connection = await ssh.connect(**options)
        async with connection:
            with anyio.fail_after(CONNECT):
                client = await connection.start_sftp_client()
            async with client:
                yield OnServer(ssh, client, target)


def _options(ssh: Any, target: Target, home: Path) -> dict[str, Any]:
    """What the connection is made with."""
    known = home / (target.known_hosts or "")
    keys: tuple[Any, ...] = ()
    password: str | None = None
    if target.key is not None:
        try:
            keys = (ssh.import_private_key(fetched(target.key, home) + "\n"),)
        except (ssh.KeyImportError, ssh.KeyEncryptionError) as error:
            raise unready(f"{target.shown}: the private key cannot be used: {error}") from error
    if target.password is not None:
        password = fetched(target.password, home)
    try:
        known_hosts = ssh.read_known_hosts(str(known))
    except (OSError, ValueError) as error:
        raise unready(f"`{known}` holds no known hosts: {error}") from error
    return {
        "host": target.host,
        "port": target.port,
        "username": target.user,
        "known_hosts": known_hosts,
        "client_keys": list(keys) or None,
        "password": password,
        "config": None,
        "agent_path": None,
        "keepalive_interval": PATIENCE / 4,
        "preferred_auth": ["publickey"] * bool(keys)
        + ["password", "keyboard-interactive"] * bool(password),
    }


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
        raise Unreachable(
            f"{target.shown}: no answer", hint="it is tried again by itself"
        ) from error
    except ssh.HostKeyNotVerifiable as error:
        what = f"{target.shown}: the server shows a key that {target.known_hosts} does not have"
        hint = "nothing was sent: somebody may stand between; ask the partner for the server's key"
        raise Unreachable(what, hint=hint) from error
    except ssh.PermissionDenied as error:
        hint = "look at user, key and password of the target; it is tried again by itself"
        raise Unreachable(f"{target.shown}: the server does not let us in", hint=hint) from error
    except (ssh.Error, ssh.SFTPError, OSError) as error:
        told = shown(str(error) or type(error).__name__, limit=300)
        hint = "look at the server; it is tried again by itself"
        raise Unreachable(f"{target.shown}: {told}", hint=hint) from error
