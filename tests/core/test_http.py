"""Calling a peer: it costs at most so much time and memory, and never leads elsewhere."""

import gzip
import ipaddress
import ssl
import subprocess
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.abc
import pytest

from impexd.core import http
from impexd.core.http import Forbidden, NotSent, Request, Times, Unknown
from impexd.core.outbound import Address, Allowed
from tests.peer import HERE, answer, peer

SHORT = Times(connect=10, read=0.3, total=1)
"""For peers that never end."""


def resolving(*answers: list[str]) -> http.Resolve:
    """A name server that answers something else each time it is asked."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ipaddress.ip_address(text) for text in left.pop(0)]

    return resolve


async def test_a_request_arrives_as_it_was_said_and_its_answer_comes_back() -> None:
    async def play(_asked: str, stream: anyio.abc.ByteStream) -> None:
        await stream.send(answer(b"{}", "404 Nope", ETag='"a"', Set_Cookie="a=b"))

    async with peer(play) as there:
        request = Request(f"{there.url}/x?y=1", "POST", {"X-Key": "k"}, b"body")
        got = await http.send(request, HERE)
    assert (got.status, got.headers["etag"], got.body, got.good) == (404, '"a"', b"{}", False)
    assert there.asked[0].startswith("POST /x?y=1 HTTP/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{there.port}\r\n" in there.asked[0].lower()
    assert there.asked[0].endswith("\r\n\r\nbody")


async def test_a_redirect_is_an_answer_and_the_canary_hears_nothing() -> None:
    async with (
        peer(lambda _a, s: s.send(answer())) as canary,
        peer(
            lambda _a, s: s.send(answer(status="302 Found", Location=f"{canary.url}/ssrf"))
        ) as there,
    ):
        got = await http.send(Request(there.url), HERE)
    assert got.status == 302
    assert canary.asked == []


async def test_the_environment_cannot_put_a_proxy_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        peer(lambda _a, s: s.send(answer())) as proxy,
        peer(lambda _a, s: s.send(answer(b"[]"))) as there,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await http.send(Request(there.url), HERE)).body == b"[]"
    assert proxy.asked == []


async def test_a_name_is_resolved_once_and_the_judged_address_is_the_one_called() -> None:
    async with peer(lambda _a, s: s.send(answer())) as there:
        url = f"http://courier.example:{there.port}/"
        resolve = resolving(["127.0.0.1"], ["169.254.169.254"])
        assert (await http.send(Request(url), HERE, resolve=resolve)).status == 200
        assert f"\r\nhost: courier.example:{there.port}\r\n" in there.asked[0].lower()
        with pytest.raises(Forbidden, match=r"169\.254"):
            await http.send(Request(url), HERE, resolve=resolve)
    assert len(there.asked) == 1


async def test_a_name_with_one_good_and_one_bad_address_is_not_called() -> None:
    async with peer(lambda _a, s: s.send(answer())) as there:
        url = f"http://courier.example:{there.port}/"
        resolve = resolving(["127.0.0.1", "10.0.0.1"])
        with pytest.raises(Forbidden, match=r"10\.0\.0\.1"):
            await http.send(Request(url), HERE, resolve=resolve)
    assert there.asked == []


async def test_what_is_not_allowed_is_not_sent() -> None:
    async with peer(lambda _a, s: s.send(answer())) as there:
        with pytest.raises(Forbidden):
            await http.send(Request(there.url), Allowed(frozenset({"*"})))
    assert there.asked == []


async def test_a_peer_that_is_not_there_has_seen_nothing() -> None:
    async with peer(lambda _a, s: s.send(answer())) as there:
        url = there.url
    with pytest.raises(NotSent, match="no connection"):
        await http.send(Request(url), HERE)
    with pytest.raises(NotSent, match="resolved"):
        await http.send(Request("http://courier.example:9999/"), HERE)


async def _hang(_asked: str, _stream: anyio.abc.ByteStream) -> None:
    await anyio.sleep_forever()


async def _drip(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3600\r\n\r\n")
    while True:
        await stream.send(b" ")
        await anyio.sleep(0.1)


async def _break(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.aclose()


async def _half(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2")


async def _nonsense(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.send(b"SSH-2.0-OpenSSH_9.2\r\n")


async def _chunks(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZZZ\r\n"
    )


async def _halfzip(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.send(answer(gzip.compress(b"x" * 1000)[:-9], Content_Encoding="gzip"))


async def _brotli(_asked: str, stream: anyio.abc.ByteStream) -> None:
    await stream.send(answer(b"x", Content_Encoding="br"))


BAD = [_hang, _drip, _break, _half, _nonsense, _chunks, _halfzip, _brotli]


@pytest.mark.parametrize("play", BAD, ids=lambda play: play.__name__)
async def test_a_peer_that_was_reached_and_misbehaves_leaves_it_unknown_in_time(
    play: object,
) -> None:
    async with peer(play) as there:  # type: ignore[arg-type]
        with anyio.fail_after(20):  # less than what a call may take if nobody says
            with pytest.raises(Unknown):
                await http.send(Request(there.url), HERE, times=SHORT)


async def test_a_body_is_unpacked_no_further_than_it_may_be_large() -> None:
    bomb = gzip.compress(bytes(64 << 20))

    async def play(asked: str, stream: anyio.abc.ByteStream) -> None:
        if "/plain" in asked:
            while True:
                await stream.send(answer(b"x" * (1 << 16), Content_Length=str(1 << 40)))
        await stream.send(answer(bomb, Content_Encoding="gzip"))

    async with peer(play) as there:
        tracemalloc.start()
        for path in ("/zip", "/plain"):
            with pytest.raises(Unknown, match="more than 1048576") as told:
                await http.send(Request(there.url + path), HERE, most=1 << 20)
            assert told.value.status == 200
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        tracemalloc.stop()


async def test_a_packed_body_is_unpacked() -> None:
    async with peer(
        lambda _a, s: s.send(answer(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))
    ) as there:
        assert (await http.send(Request(there.url), HERE)).body == b'{"a": 1}'


def test_how_long_a_peer_wants_to_be_left_alone_is_an_hour_at_most() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)

    def asks(text: str) -> float | None:
        return http.Answer(429, {"retry-after": text}, b"").wait(now)

    assert asks("2") == 2
    assert asks("9" * 400) == 3600
    assert asks("Fri, 31 Dec 2199 23:59:59 GMT") == 3600
    assert asks("Mon, 01 Jun 2026 00:01:00 GMT") == 60
    assert asks("Mon, 01 Jun 2020 00:01:00 GMT") == 0
    assert asks("soon") is asks("") is asks("-1") is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for courier.example, signed by itself, and its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "courier.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        f" -subj /CN=courier.example -addext subjectAltName=DNS:courier.example"
        f" -keyout {path}.key -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


async def test_tls_is_verified_against_the_name_though_an_address_is_called(
    certificate: Path,
) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, f"{certificate}.key")
    names: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: names.append(name)
    rule = Allowed(frozenset({"*"}), private=HERE.private, ports=HERE.ports)
    async with peer(lambda _a, s: s.send(answer(b"[]")), served) as there:

        async def ask(host: str, ca: Path | None) -> bytes:
            request = Request(f"https://{host}:{there.port}/")
            resolve = resolving(["127.0.0.1"])
            return (await http.send(request, rule, ca=ca, resolve=resolve)).body

        assert await ask("courier.example", certificate) == b"[]"
        assert names == ["courier.example"]
        with pytest.raises(NotSent):
            await ask("courier.example", None)
        with pytest.raises(NotSent):
            await ask("other.example", certificate)
