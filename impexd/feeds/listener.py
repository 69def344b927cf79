"""
The listener for what couriers push: one of its own, so that its guests never see the pages.

It is opened, moved and closed as the configuration says, by each reload.  A connection on which no
whole head of a request has come for a while is closed: a slow sender holds no place.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
AGAIN = 5.0
"""Seconds until a port that somebody else has is tried again."""

log = structlog.get_logger(__name__)


class Impatient(H11Protocol):
    """uvicorn's HTTP/1.1 by h11, with an end to waiting for a head."""

    _late: asyncio.TimerHandle | None = None

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

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_TIME, self._close)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


@asynccontextmanager
async def opened(bench: Bench, changed: Callable[[], anyio.Event]) -> AsyncIterator[None]:
    """Listen for as long as the block lasts."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tend, bench, changed)
        yield
        tasks.cancel_scope.cancel()


async def tend(bench: Bench, changed: Callable[[], anyio.Event]) -> None:
    """Listen as the configuration in force says, until cancelled."""
    hooks = Hooks(bench)
    while True:
        event, said = changed(), bench.config().instance.webhooks
        async with anyio.create_task_group() as tasks:
            if said.listen != listener.OFF:
                tasks.start_soon(listening, bench, hooks, said)
            while bench.config().instance.webhooks == said:
                await event.wait()
                event = changed()
            tasks.cancel_scope.cancel()


async def listening(
    bench: Bench, hooks: Hooks, said: Webhooks, opened: Callable[[int], None] = lambda port: None
) -> None:
    """Listen until cancelled; `opened` is told the port."""
    host, port = listener.address(said.listen) or ("127.0.0.1", 0)
    host = "127.0.0.1" if host == "localhost" else host
    home = bench.config().etc
    more: dict[str, Any] = {"http": Impatient, "limit_concurrency": said.connections}
    if said.tls_cert and said.tls_key:
        more |= {
            "ssl_certfile": str(home / said.tls_cert),
            "ssl_keyfile": str(home / said.tls_key),
            "ssl_version": ssl.PROTOCOL_TLS_SERVER,
        }
    while True:
        try:
            mine = asgi.bound(host, port)
        except OSError as error:
            log.error("webhooks not open", listen=said.listen, why=error.strerror or str(error))
            await anyio.sleep(AGAIN)
            continue
        with mine:
            async with asgi.served(hooks, mine, grace=5, proxy_headers=False, **more):
                at = mine.getsockname()[1]
                log.info("webhooks open", host=host, port=at)
                opened(at)
                await anyio.sleep_forever()
