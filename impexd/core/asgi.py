"""
Serve an ASGI application by uvicorn in our own loop, on a socket that is open already.

Whoever serves opens the socket: uvicorn would open a unix socket to everybody.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import uvicorn


class _Server(uvicorn.Server):
    """uvicorn without its own way with signals, and woken once a second instead of ten times."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.ended = anyio.Event()
        self._listener = listener

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Keep the date of the answers right until the server is to end."""
        while not await self.on_tick(0):
            with anyio.move_on_after(1):
                await self.ended.wait()
        # asyncio forgets, unanswered, whom it accepts in the same turn in which it is closed.
        asyncio.get_running_loop().remove_reader(self._listener)
        for _ in range(3):
            await asyncio.sleep(0)


def bound(host: str, port: int) -> socket.socket:
    """
    Open a listening socket; OSError if somebody else has the port.

    Its protocol is named, because asyncio turns Nagle's delay off only where it is: an answer's body
    would wait 40 ms for the peer to acknowledge its head.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def served(
    app: Any, listener: socket.socket, *, grace: int, **more: Any
) -> AsyncIterator[None]:
    """Serve for as long as the block lasts, and `grace` seconds for what has begun by then."""
    listener.setblocking(False)
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=grace,
            ws="none",
            **({"http": "h11"} | more),
        ),
        listener,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_serve, server, listener)
        try:
            yield
        finally:
            server.should_exit = True
            server.ended.set()


async def _serve(server: _Server, listener: socket.socket) -> None:
    """
    Serve to the end, even when cancelled: uvicorn lets go of its socket only where it ends by itself.

    Cut short, it would leave the number of the closed socket with the loop, and whoever got that
    number next would never hear that somebody calls.
    """
    with anyio.CancelScope(shield=True):
        await server.serve(sockets=[listener])
