"""The listener for couriers, over real sockets: it waits for nobody for long."""

import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import anyio.abc
import pytest

from impexd.feeds import listener
from impexd.feeds.hooks import Hooks
from tests.feeds import house
from tests.feeds.house import HOOK, SECRET, House, aftership, opened, said

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


async def listening(place: House, opened: Callable[[int], None]) -> None:
    said_so, hooks = place.bench.config().instance.webhooks, Hooks(place.bench)
    with closing(listener.Port()) as port:
        await listener.listening(place.bench, hooks, said_so, opened, port=port, over=anyio.Event())


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
        tasks.start_soon(listening, place, ports.append)
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


async def test_a_listener_that_another_takes_over_from_turns_nobody_away(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    async with opened(tmp_path, sqlite_url, ETC) as place, anyio.create_task_group() as tasks:
        instance, port = place.site.instance, listener.Port()
        with port.taken("127.0.0.1", 0) as mine:
            address = mine.getsockname()
        monkeypatch.setattr(listener, "Port", lambda: port)
        tasks.start_soon(listener.tend, place.bench, lambda: instance.changed)
        begun = await anyio.connect_tcp(*address)
        whole = request(json.dumps(said()).encode())
        await begun.send(whole[:-5])
        main = tmp_path / "etc" / "impexd.toml"
        text = main.read_text()
        for n in range(5):
            main.write_text(text.replace("[webhooks]\n", f"[webhooks]\nconnections = {n + 10}\n"))
            await instance.reload()
            async with await anyio.connect_tcp(*address) as stream:
                await stream.send(request(json.dumps(said(n + 2)).encode()))
                assert (await _answer(stream)).startswith(b"HTTP/1.1 200 ")
        await begun.send(whole[-5:])
        assert (await _answer(begun)).startswith(b"HTTP/1.1 200 ")
        await begun.aclose()
        tasks.cancel_scope.cancel()
    assert socket.socket().connect_ex(address) != 0
