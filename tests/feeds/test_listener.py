"""The listener for couriers, over real sockets: it waits for nobody for long."""

import json
import socket
from pathlib import Path

import anyio
import anyio.abc
import pytest

from impexd.feeds import listener
from impexd.feeds.hooks import Hooks
from tests.feeds import house
from tests.feeds.house import HOOK, SECRET, aftership, opened, said

ETC = house.etc(shop=HOOK.format(scheme="aftership"))


async def _answer(stream: anyio.abc.ByteStream) -> bytes:
    text = b""
    with anyio.fail_after(5):
        while True:
            try:
                text += await stream.receive()
            except anyio.EndOfStream:
                return text
            if text.endswith(b"\r\n\r\n"):
                return text


def request(body: bytes, **more: str) -> bytes:
    headers = aftership(body) | {"content-length": str(len(body)), "host": "hooks"} | more
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /hooks/shop HTTP/1.1\r\n{lines}\r\n".encode() + body


async def test_it_takes_what_is_signed_and_waits_for_no_slow_head(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setattr(listener, "HEAD_TIME", 0.3)
    async with opened(tmp_path, sqlite_url, ETC) as place, anyio.create_task_group() as tasks:
        ports: list[int] = []
        said_so = place.bench.config().instance.webhooks
        tasks.start_soon(listener.listening, place.bench, Hooks(place.bench), said_so, ports.append)
        with anyio.fail_after(10):
            while not ports:
                await anyio.sleep(0.01)
        body = json.dumps(said()).encode()
        async with await anyio.connect_tcp("127.0.0.1", ports[0]) as stream:
            for _ in range(2):  # a connection may be used again
                await stream.send(request(body))
                assert (await _answer(stream)).startswith(b"HTTP/1.1 200 ")
            await stream.send(request(body)[:40])
            with anyio.fail_after(5):
                assert await _answer(stream) == b""  # closed, without a word
        async with await anyio.connect_tcp("127.0.0.1", ports[0]) as stream:
            assert await _answer(stream) == b""
        async with await anyio.connect_tcp("127.0.0.1", ports[0]) as stream:
            await stream.send(request(b"", **{"content-length": "9" * 15}))
            assert (await _answer(stream)).startswith(b"HTTP/1.1 413 ")
        tasks.cancel_scope.cancel()
    assert socket.socket().connect_ex(("127.0.0.1", ports[0])) != 0
