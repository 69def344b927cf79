"""
The listener: uvicorn in the daemon's own loop, on a unix socket.

The socket is made here, not by uvicorn, which would open it to everybody: it is for the
daemon's user and group, 0660 in a folder of ours.
"""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio
import uvicorn
from fastapi import FastAPI

from impexd.core import address


class _Server(uvicorn.Server):
    """uvicorn without its own way with signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
        listener.setblocking(False)
        server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=5,
                http="h11",
                ws="none",
            )
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_serve, server, listener)
            try:
                yield
            finally:
                server.should_exit = True
                with suppress(FileNotFoundError):
                    path.unlink()


async def _serve(server: _Server, listener: socket.socket) -> None:
    await server.serve(sockets=[listener])
