"""
The listeners: uvicorn in the daemon's own loop, on a unix socket for commands, on TCP for people.

The socket is made here, not by uvicorn, which would open it to everybody: it is for the
daemon's user and group, 0660 in a folder of ours.  Whoever can open it is believed; what comes over
TCP goes through the door (`Door`), which is why only a `Door` can be served there.
"""

import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from impexd.admin.door import Door
from impexd.core import address, asgi
from impexd.model.instance import Admin


@asynccontextmanager
async def listening(app: FastAPI, path: Path) -> AsyncIterator[None]:
    """Serve an application on a unix socket for as long as the block lasts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as listener:
        with suppress(FileNotFoundError):
            path.unlink()  # left by a daemon that was killed; ours is the instance's lock
        before = os.umask(0o117)
        try:
            with address.short(path) as name:
                listener.bind(name)
        finally:
            os.umask(before)
        listener.listen(128)
        async with asgi.served(app, listener, grace=5, proxy_headers=False):
            try:
                yield
            finally:
                with suppress(FileNotFoundError):
                    path.unlink()


@asynccontextmanager
async def open_to_browsers(
    door: Door, listener: socket.socket, admin: Admin, home: Path
) -> AsyncIterator[None]:
    """Serve the pages for as long as the block lasts; closes the socket at its end."""
    more: dict[str, Any] = {"proxy_headers": False}
    if admin.behind_proxy:
        more = {"proxy_headers": True, "forwarded_allow_ips": list(admin.trusted_proxies)}
    if admin.tls_cert and admin.tls_key:
        more |= {
            "ssl_certfile": str(home / admin.tls_cert),
            "ssl_keyfile": str(home / admin.tls_key),
            "ssl_version": ssl.PROTOCOL_TLS_SERVER,
        }
    with listener:
        async with asgi.served(door, listener, grace=1, **more):
            yield
