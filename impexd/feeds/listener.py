"""
The listener for what couriers push: one of its own, so that its guests never see the pages.

It is opened, moved and closed as the configuration says, by each reload.  A connection on which no
whole head of a request has come for a while is closed: a slow sender holds no place.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from impexd.core import asgi
from impexd.feeds.bench import Bench
from impexd.feeds.hooks import Hooks
from impexd.model.faults import listener
from impexd.model.instance import Webhooks

HEAD_TIME = 10.0
"""Seconds in which the head of a request has to come."""
FRESH_TIME = 3.0
"""Seconds for which a listener that ends waits for the request of who has only just called."""
AGAIN = 5.0
"""Seconds until a port that somebody else has is tried again."""

log = structlog.get_logger(__name__)


class Impatient(H11Protocol):
    """uvicorn's HTTP/1.1 by h11, with an end to waiting for a head."""

    _late: asyncio.TimerHandle | None = None
    _ending = False

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting while the head is not whole."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._late is None and self.conn.trailing_data[0]:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End as soon as what was begun is answered; who has only just called is heard, too."""
        if self.cycle is None and not self._ending:
            self._ending = True
            self.loop.call_later(FRESH_TIME, self.shutdown)
        elif not self.transport.is_closing():
            super().shutdown()

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_TIME, self._close)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class Port:
    """
    Where it listens: kept open from one listener to the next, so that a reload turns nobody away.

    Who calls while one listener takes over from another waits in the system's queue.
    """

    def __init__(self) -> None:
        self._at: tuple[str, int] | None = None
        self._socket: socket.socket | None = None

    def taken(self, host: str, port: int) -> socket.socket:
        """Give a socket of a listener's own; OSError if somebody else has the port."""
        if self._socket is None or self._at != (host, port):
            self.close()
            self._socket, self._at = asgi.bound(host, port), (host, port)
        return self._socket.dup()

    def close(self) -> None:
        """Let go of it."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


@asynccontextmanager
async def opened(bench: Bench, changed: Callable[[], anyio.Event]) -> AsyncIterator[None]:
    """Listen for as long as the block lasts."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tend, bench, changed)
        yield
        tasks.cancel_scope.cancel()


async def tend(bench: Bench, changed: Callable[[], anyio.Event]) -> None:
    """
    Listen as the configuration in force says, until cancelled.

    A listener that another takes over from answers what it has begun.
    """
    hooks, over = Hooks(bench), anyio.Event()
    with closing(Port()) as port:
        async with anyio.create_task_group() as tasks:
            while True:
                event, said = changed(), bench.config().instance.webhooks
                before, over = over, anyio.Event()
                if said.listen == listener.OFF:
                    port.close()
                else:
                    tasks.start_soon(partial(listening, bench, hooks, said, port=port, over=over))
                before.set()
                while bench.config().instance.webhooks == said:
                    await event.wait()
                    event = changed()


async def listening(
    bench: Bench,
    hooks: Hooks,
    said: Webhooks,
    opened: Callable[[int], None] = lambda port: None,
    *,
    port: Port,
    over: anyio.Event,
) -> None:
    """Listen at a port until cancelled, or `over`; `opened` is told its number."""
    host, number = listener.address(said.listen) or ("127.0.0.1", 0)
    host = "127.0.0.1" if host == "localhost" else host
    while not over.is_set():
        try:
            mine = port.taken(host, number)
        except OSError as error:
            log.error("webhooks not open", listen=said.listen, why=error.strerror or str(error))
            with anyio.move_on_after(AGAIN):
                await over.wait()
            continue
        with mine:
            async with asgi.served(
                hooks, mine, grace=5, proxy_headers=False, **_more(said, bench.config().etc)
            ):
                at = mine.getsockname()[1]
                log.info("webhooks open", host=host, port=at)
                opened(at)
                await over.wait()


def _more(said: Webhooks, home: Path) -> dict[str, Any]:
    """Pure: what uvicorn is told besides."""
    more: dict[str, Any] = {"http": Impatient, "limit_concurrency": said.connections}
    if said.tls_cert and said.tls_key:
        more |= {
            "ssl_certfile": str(home / said.tls_cert),
            "ssl_keyfile": str(home / said.tls_key),
            "ssl_version": ssl.PROTOCOL_TLS_SERVER,
        }
    return more
