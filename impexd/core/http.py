"""
Call a peer by HTTP: once, for so long and no longer, and nobody but whom we may call.

Takes a URL and the rule of `core.outbound`; gives an `Answer`, whatever its status is.  The host is
resolved once, every address of it judged, and the connection made to one that was judged, with the
name kept for TLS and `Host`.  No redirect is followed, no proxy of the environment used, no cookie
kept.  A body is unpacked as it comes, and never beyond `most` bytes.

WorldError
└── Unreachable
    ├── NotSent    the peer has not seen the request: nothing has happened there
    │   └── Forbidden  it may not be called, by our own rule
    └── Unknown    whether the peer has acted on it is not known
"""

import ipaddress
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path

import anyio
import httpx2

from impexd.core import outbound, secret
from impexd.core.errors import Unreachable
from impexd.core.outbound import Address, Allowed, Target
from impexd.core.text import shown

MOST = 10 << 20
KEYS = "a certificate and its private key are wanted, both as PEM"
LONGEST_WAIT = 3600.0
"""The longest that a peer may ask us to wait, in seconds."""


class NotSent(Unreachable):
    """The peer could not be reached; it has seen nothing of the request."""


class Forbidden(NotSent):
    """This may not be called."""


class Unknown(Unreachable):
    """The peer was reached, and did not answer as it should: it may have acted, or not."""

    def __init__(self, what: str, *, status: int | None = None) -> None:
        super().__init__(what, hint="it is tried again by itself")
        self.status = status
        """The status of its answer, if there was one."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that a call may take."""

    connect: float = 5.0
    read: float = 20.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer answered."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def good(self) -> bool:
        """Is it a 2xx?"""
        return 200 <= self.status < 300

    def wait(self, now: datetime) -> float | None:
        """Give the seconds that `Retry-After` asks for, an hour at most; None if it asks for none."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            return min(float(said[:9]), LONGEST_WAIT)
        try:
            seconds = (parsedate_to_datetime(said) - now).total_seconds()
        except (ValueError, TypeError):
            return None
        return min(max(seconds, 0.0), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """How we prove to a peer who we are: files with a certificate and its private key (PEM)."""

    certificate: Path
    key: Path


Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


async def resolved(host: str, port: int) -> Sequence[Address]:
    """Ask for the addresses of a host, once; raises `NotSent` if there are none."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"{shown(host, limit=80)} cannot be resolved") from None
    texts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return [ipaddress.ip_address(text) for text in texts]


async def send(
    request: Request,
    allowed: Allowed,
    *,
    times: Times = Times(),
    most: int = MOST,
    ca: Path | None = None,
    identity: Identity | None = None,
    resolve: Resolve = resolved,
) -> Answer:
    """
    Send a request and give its answer, of any status.

    Raises `Forbidden`, `NotSent` or `Unknown`; none of them says the URL, whose query may be secret.
    """
    target = outbound.target(request.url, allowed)
    if isinstance(target, str):
        raise Forbidden(target)
    begun: list[bool] = []
    try:
        with anyio.fail_after(times.total):
            found = await _addresses(target, allowed, resolve)
            return await _sent(request, target, found, begun, times, most, _trust(ca, identity))
    except TimeoutError:
        told = f"no answer from {target.host} within {times.total:g} s"
        raise (Unknown(told) if begun else NotSent(told)) from None


async def _addresses(target: Target, allowed: Allowed, resolve: Resolve) -> Sequence[Address]:
    """Resolve a host and judge all it resolves to: one address that may not be called forbids it."""
    try:
        found: Sequence[Address] = [ipaddress.ip_address(target.host)]
    except ValueError:
        found = await resolve(target.host, target.port)
    for address in found:
        if reason := outbound.address(address, allowed):
            raise Forbidden(f"{target.host}: {reason}")
    if not found:
        raise NotSent(f"{target.host} has no address")
    return found


async def _sent(
    request: Request,
    target: Target,
    found: Sequence[Address],
    begun: list[bool],
    times: Times,
    most: int,
    trust: ssl.SSLContext,
) -> Answer:
    """Send to the first address that takes the connection."""
    failed: Exception | None = None
    for address in found:
        try:
            return await _one(request, target, address, begun, times, most, trust)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            begun.clear()
            failed = error
        except httpx2.TimeoutException:
            raise Unknown(f"{target.host} was silent for {times.read:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, zlib.error) as error:
            told = f"{target.host} broke off or answered nonsense ({type(error).__name__})"
            raise Unknown(told) from error
    told = f"no connection to {target.host} ({type(failed).__name__})"
    raise NotSent(told, hint="it is tried again by itself") from failed


async def _one(
    request: Request,
    target: Target,
    address: Address,
    begun: list[bool],
    times: Times,
    most: int,
    trust: ssl.SSLContext,
) -> Answer:
    patience = httpx2.Timeout(times.read, connect=times.connect)
    headers = {"Accept-Encoding": "gzip", "User-Agent": "impexd", **request.headers}
    headers["Host"] = target.authority
    named = {} if str(address) == target.host else {"sni_hostname": target.host}

    async def noted(event: str, _info: object) -> None:
        if event.endswith("send_request_headers.started"):
            begun.append(True)

    url = httpx2.URL(request.url).copy_with(host=str(address))
    async with (
        httpx2.AsyncClient(
            follow_redirects=False, timeout=patience, trust_env=False, verify=trust
        ) as http,
        http.stream(
            request.method,
            url,
            headers=headers,
            content=request.body,
            extensions={**named, "trace": noted},
        ) as response,
    ):
        plain = {name.lower(): value for name, value in response.headers.items()}
        body = await _body(response, plain.get("content-encoding", ""), target.host, most)
        return Answer(response.status_code, plain, body)


async def _body(response: httpx2.Response, coding: str, host: str, most: int) -> bytes:
    """Read a body, unpacked as it comes; a megabyte that stands for a gigabyte stays a megabyte."""
    unpacked = bytearray()
    inflate = zlib.decompressobj(31) if coding.strip().lower() in ("gzip", "x-gzip") else None
    if inflate is None and coding.strip().lower() not in ("", "identity"):
        told = f"{host} answered in a coding that was not asked for"
        raise Unknown(told, status=response.status_code)
    async for chunk in response.aiter_raw(65_536):
        room = most + 1 - len(unpacked)
        unpacked += chunk if inflate is None else inflate.decompress(chunk, room)
        if len(unpacked) > most:
            raise Unknown(f"{host} sent more than {most} bytes", status=response.status_code)
    if inflate is not None and unpacked and not inflate.eof:
        raise Unknown(f"{host} sent half a body", status=response.status_code)
    return bytes(unpacked)


def _trust(ca: Path | None, identity: Identity | None) -> ssl.SSLContext:
    """
    Whom TLS trusts: the certificates of the system, and those of one more file; and who we are.

    Files that were renewed are read again.  Raises `NotSent` if one cannot be used; a private key
    that others may read cannot.
    """
    editions = [] if ca is None else [_edition(ca)]
    if identity is not None:
        editions += [_edition(identity.certificate), _edition(identity.key, private=True)]
    try:
        return _read(ca, identity, tuple(editions))
    except OSError as error:
        what = f"the certificates cannot be used: {error.strerror or error}"
        raise NotSent(what, hint=f"look at {ca}" if identity is None else KEYS) from error


def _edition(path: Path, *, private: bool = False) -> tuple[int, int]:
    """Tell one edition of a file from another."""
    try:
        secret.regular(path, 0, private=private)
        about = path.stat()
    except OSError as error:
        name = shown(str(path), limit=80)
        raise NotSent(f"`{name}` cannot be read: {error.strerror or error}") from error
    return about.st_ino, about.st_mtime_ns


@lru_cache(maxsize=8)
def _read(
    ca: Path | None, identity: Identity | None, _editions: tuple[tuple[int, int], ...]
) -> ssl.SSLContext:
    made = ssl.create_default_context()
    if ca is not None:
        made.load_verify_locations(ca)
    if identity is not None:
        made.load_cert_chain(identity.certificate, identity.key)
    return made
