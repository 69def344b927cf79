"""
A file for each task on an SFTP server: written under a temporary name, renamed when complete.

The name holds the task's number or key and a rename replaces nothing, so sending it again finds
the file there with the same bytes, and is done.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import anyio
from pydantic import Field, StringConstraints

from impexd.core import secret, sftp
from impexd.core.errors import Unreachable
from impexd.core.sftp import Login
from impexd.core.text import shown
from impexd.model.base import Model
from impexd.model.faults import Fault, place
from impexd.model.outbound import Outbound
from impexd.model.secret import Secret
from impexd.model.telling import Done, Doubtful, Frozen, Means, NotTaken, Outcome, Unknown
from impexd.orders.exporters import named
from impexd.orders.exporters.body import Body
from impexd.orders.exporters.named import NAME, Laying

Host = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$")
]


class Settings(Model):
    """`[sftp]`."""

    host: Host
    port: int = Field(default=22, ge=1, le=65_535)
    user: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    known_hosts: str
    """A file with the server's key, as `ssh-keyscan` writes it; relative to the folder of impexd.toml."""
    key: Secret | None = None
    """A private key without passphrase."""
    password: Secret | None = None
    folder: str = "."
    """The folder on the server, which must be there."""
    name: str = NAME
    timeout: float = Field(default=60, ge=1, le=3600)
    """Seconds for all of it, once logged in."""
    body: Body = Field(default=Body())


class Sftp(Laying):
    """Puts files on a server."""

    settings = Settings

    def faults(self, settings: Settings, _outbound: Outbound, /) -> Iterator[Fault]:
        """Look at the ways to log in, the name, the body."""
        if settings.key is None and settings.password is None:
            yield Fault((), "needs `key` or `password` to log in")
        if reason := place.written(settings.known_hosts, up=True):
            yield Fault(("known_hosts",), reason)
        yield from named.faults(settings)

    async def send(self, settings: Settings, frozen: Frozen, key: str, means: Means, /) -> Outcome:
        """Upload and rename; whatever breaks after logging in leaves it unknown."""
        login = _login(settings, means)
        if isinstance(login, str):
            return NotTaken(login, partner=True)
        ssh = await sftp.library()
        inside = False
        try:
            async with sftp.opened(login) as client:
                inside = True
                with anyio.fail_after(settings.timeout):
                    return await _put(ssh, client, settings.folder, frozen, key)
        except Unreachable as error:
            return Unknown(str(error)) if inside else NotTaken(str(error), partner=True)
        except (ssh.SFTPNoSuchPath, ssh.SFTPNoSuchFile):
            return NotTaken(f"the folder {shown(settings.folder)} is not there", partner=True)
        except (ssh.SFTPPermissionDenied, ssh.SFTPWriteProtect) as error:
            return NotTaken(f"the server does not let us write: {shown(str(error))}", partner=True)
        except TimeoutError:
            return Unknown(f"{login.shown}: not done within {settings.timeout:g} s")
        except (ssh.Error, OSError) as error:
            return Unknown(f"{login.shown}: {shown(str(error) or type(error).__name__)}")


def _login(settings: Settings, means: Means) -> Login | str:
    """Fetch the secrets; gives what is wrong with their places."""
    found = {}
    for name, kept in (("key", settings.key), ("password", settings.password)):
        if kept is not None:
            found[name], wrong = secret.fetched(
                means.etc, file=kept.file, credential=kept.credential, env=kept.env
            )
            if wrong:
                return wrong
    known = means.etc / settings.known_hosts
    return Login(settings.host, settings.port, settings.user, known, **found)


async def _put(ssh: Any, client: Any, folder: str, frozen: Frozen, key: str) -> Outcome:
    root = folder.rstrip("/") or "/"
    name = str(frozen.fixed["name"])
    at, draft = f"{root}/{name}", f"{root}/.{key}.part"
    if await client.lexists(at):
        return await _there(client, at, name, frozen.body)
    async with await client.open(draft, "wb") as out:
        await out.write(frozen.body)
        with suppress(ssh.SFTPOpUnsupported):  # few servers besides OpenSSH's know it
            await out.fsync()
    try:
        await client.rename(draft, at)
    except (ssh.SFTPFailure, ssh.SFTPFileAlreadyExists):
        if not await client.lexists(at):
            raise
        return await _there(client, at, name, frozen.body)
    return Done(name)


async def _there(client: Any, at: str, name: str, data: bytes) -> Outcome:
    """Say whether what has the name already is ours."""
    async with await client.open(at, "rb") as there:
        found = await there.read(len(data) + 1)
    if hashlib.sha256(found).digest() == hashlib.sha256(data).digest():
        return Done(name)
    return Doubtful(f"{shown(name)} is there already, with other bytes")
