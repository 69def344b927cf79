"""A real peer on this machine: answers raw HTTP as a test says, and keeps what it was asked."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
import anyio.abc
from anyio.streams.tls import TLSListener

from impexd.core import outbound
from impexd.core.outbound import Allowed

HERE = Allowed(
    frozenset({"127.0.0.1", "courier.example"}),
    frozenset({"127.0.0.1", "courier.example"}),
    outbound.networks(["127.0.0.1"]),
    (range(1024, 65_536),),
)
OUTBOUND = '[outbound]\nhttp = ["127.0.0.1"]\nprivate = ["127.0.0.1"]\nports = ["1024-65535"]\n'
"""What impexd.toml says so that peers on this machine are called."""

Play = Callable[[str, anyio.abc.ByteStream], Awaitable[None]]
"""Answers a request: gets it as text, and the stream."""


@dataclass
class Peer:
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """Each request as it came."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer, after which the connection ends."""
    given = {"Content-Type": "application/json", "Content-Length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n".encode() + body


async def _request(stream: anyio.abc.ByteStream) -> str:
    """A whole request, head and body."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += await stream.receive()
    head, _, body = text.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next((int(x[16:]) for x in lines if x.startswith("content-length: ")), 0)
    while len(body) < length:
        body += await stream.receive()
    return (head + b"\r\n\r\n" + body).decode()


@asynccontextmanager
async def peer(play: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    made = Peer()

    async def serve(stream: anyio.abc.ByteStream) -> None:
        # The client may have had enough, of asking or of the answer.
        gone = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
        async with stream:
            with suppress(*gone):
                made.asked.append(await _request(stream))
                await play(made.asked[-1], stream)

    listener: anyio.abc.Listener[anyio.abc.ByteStream]
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    made.port = plain.extra(anyio.abc.SocketAttribute.local_port)
    listener = plain if tls is None else TLSListener(plain, tls, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield made
        tasks.cancel_scope.cancel()
