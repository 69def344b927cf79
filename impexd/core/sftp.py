"""
Log in to an SFTP server, for as long as a block lasts.

The server is known by its key or not spoken to; only the given ways to log in are tried, and
nothing of this machine's own keys or settings.  asyncssh is loaded when first needed, off the loop.
"""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from impexd.core.errors import Unreachable
from impexd.core.text import shown

CONNECT = 20.0
"""Seconds to log in."""
BEAT = 15.0
"""Seconds after which a silent server is asked whether it is still there."""
AGAIN = "look at the server; it is tried again by itself"


@dataclass(frozen=True, slots=True)
class Login:
    """Where to, and as whom."""

    host: str
    port: int
    user: str
    known_hosts: Path
    """A file with the server's key, as `ssh-keyscan` writes it."""
    key: str = field(default="", repr=False)
    """A private key, as text."""
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """What it is called where people read."""
        return f"sftp://{shown(self.user)}@{shown(self.host)}" + (
            f":{self.port}" if self.port != 22 else ""
        )


async def library() -> Any:
    """Give asyncssh."""
    return await anyio.to_thread.run_sync(importlib.import_module, "asyncssh")


@asynccontextmanager
async def opened(login: Login) -> AsyncIterator[Any]:
    """Give an SFTP client; raises `Unreachable` if logging in fails, before anything was sent."""
    ssh = await library()
    options = await anyio.to_thread.run_sync(_options, ssh, login)
    async with _connection(ssh, login, options) as connection:
        try:
            with anyio.fail_after(CONNECT):
                client = await connection.start_sftp_client()
        except (TimeoutError, ssh.Error, OSError) as error:
            raise _told(ssh, login, error) from error
        async with client:
            yield client


@asynccontextmanager
async def _connection(ssh: Any, login: Login, options: dict[str, Any]) -> AsyncIterator[Any]:
    try:
        with anyio.fail_after(CONNECT):
            connection = await ssh.connect(**options)
    except (TimeoutError, ssh.Error, OSError) as error:
        raise _told(ssh, login, error) from error
    async with connection:
        yield connection


def _options(ssh: Any, login: Login) -> dict[str, Any]:
    try:
        keys = (
            [ssh.import_private_key(login.key + "\n")] if login.key else []
        )  # a tuple is a key and its certificate
        known = ssh.read_known_hosts(str(login.known_hosts))
    except (ssh.KeyImportError, ssh.KeyEncryptionError) as error:
        hint = "a private key without passphrase is wanted; it is tried again by itself"
        raise Unreachable(
            f"{login.shown}: the private key cannot be used: {shown(str(error))}", hint=hint
        ) from error
    except (OSError, ValueError) as error:
        what = f"`{shown(str(login.known_hosts))}` holds no known hosts: {shown(str(error))}"
        raise Unreachable(what, hint="write it with ssh-keyscan, and compare the key") from error
    return {
        "host": login.host,
        "port": login.port,
        "username": login.user,
        "known_hosts": known,
        "client_keys": keys or None,
        "password": login.password or None,
        "config": None,
        "agent_path": None,
        "keepalive_interval": BEAT,
        "preferred_auth": ["publickey"] * bool(keys)
        + ["password", "keyboard-interactive"] * bool(login.password),
    }


def _told(ssh: Any, login: Login, error: Exception) -> Unreachable:
    """Say in our words why there is no way in."""
    if isinstance(error, TimeoutError):
        return Unreachable(f"{login.shown}: no answer", hint=AGAIN)
    if isinstance(error, ssh.HostKeyNotVerifiable):
        known = shown(str(login.known_hosts))
        what = f"{login.shown}: the server shows a key that {known} does not have"
        hint = "nothing was sent: somebody may stand between; ask the partner for the server's key"
        return Unreachable(what, hint=hint)
    if isinstance(error, ssh.PermissionDenied):
        hint = "look at user, key and password; it is tried again by itself"
        return Unreachable(f"{login.shown}: the server does not let us in", hint=hint)
    return Unreachable(f"{login.shown}: {shown(str(error) or type(error).__name__)}", hint=AGAIN)
