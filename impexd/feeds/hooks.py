"""
What couriers push: POST /hooks/FEED, and nothing else.

In this order: is it a feed's path, may this address send so much, is it JSON by its own account, is
it small enough, is the signature right; only then is the body looked into.  It is answered 200 when
it is durable.  Who has no good signature learns nothing: whether the feed is there, the signature
wrong, or its moment old, the answer is the same.

200 kept (or kept before) · 400 signed, but no JSON that we take · 401 · 404 · 405 · 408 too slow · 409 another
message came under this id · 413 · 415 · 429 · 503 try again
"""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import structlog

from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.feeds import intake, mapping, reading, signature
from impexd.feeds.bench import Bench, NoSecret
from impexd.feeds.intake import Taken
from impexd.feeds.mapping import Unmapped
from impexd.feeds.post import Post
from impexd.feeds.signature import Posted, Signed
from impexd.model.feed import WHOLE, WebhookFeed
from impexd.store.messages import Fresh

PREFIX = "/hooks/"
BODY_TIME = 10.0
"""Seconds in which a body has to come."""
COMMIT_TIME = 5.0
"""Seconds in which it has to be durable; else the courier is asked to come again."""
ADDRESSES = 10_000
"""Addresses whose rate is remembered."""

_JSON = re.compile(r"application/([\w.-]+\+)?json", re.IGNORECASE | re.ASCII)
"""JSON by its own account, also as `application/cloudevents+json`."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The request is answered with this status, and no more."""

    def __init__(self, status: int, *, retry: int = 0) -> None:
        super().__init__(status)
        self.status = status
        self.retry = retry


@dataclass(slots=True)
class Rates:
    """How fast each address sends to each feed: a bucket that fills again."""

    _buckets: OrderedDict[tuple[str, str], tuple[float, float]] = field(default_factory=OrderedDict)

    def allows(self, feed: str, address: str, rate: int, now: float) -> bool:
        """Take one request out of a bucket of twice a second's requests; False if it is empty."""
        key = feed, address
        left, since = self._buckets.pop(key, (2.0 * rate, now))
        left = min(2.0 * rate, left + (now - since) * rate)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left), now
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return allowed


@dataclass(slots=True)
class _Noise:
    """Says at most once a second that something is refused, and how often it was."""

    _said: float = float("-inf")
    _since: int = 0

    def __call__(self, now: float, **about: str) -> None:
        self._since += 1
        if now - self._said >= 1:
            log.warning("webhook refused", times=self._since, **about)
            self._said, self._since = now, 0


class Hooks:
    """The application: ASGI."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._rates = Rates()
        self._noise = _Noise()

        async def commit(requests: Sequence[Sequence[Fresh]]) -> Sequence[Taken]:
            return await intake.take(bench, requests)

        self._post: Post[Sequence[Fresh], Taken] = Post(commit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            await self._heard(scope, receive)
        except _Refused as refused:
            await _answer(send, refused.status, retry=refused.retry)
        else:
            await _answer(send, 200)

    async def _heard(self, scope: Scope, receive: Receive) -> None:
        path: str = scope["path"]
        if not path.startswith(PREFIX):
            raise _Refused(404)
        if scope["method"] != "POST":
            raise _Refused(405)
        name = path.removeprefix(PREFIX)
        feed = self._bench.config().feeds.get(name)
        feed = feed if isinstance(feed, WebhookFeed) else None
        address = str((scope.get("client") or ("", 0))[0])
        now = self._bench.clock.monotonic()
        if not self._rates.allows(name if feed else "", address, feed.rate if feed else 10, now):
            raise _Refused(429, retry=1)
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if not _JSON.fullmatch(headers.get("content-type", "").partition(";")[0].strip()):
            raise _Refused(415)
        body = await _body(headers, receive, feed.body if feed else 1 << 20)
        signed = await self._verified(feed, Posted(headers, body))
        if feed is None or isinstance(signed, str):
            self._noise(now, feed=shown(name, limit=64), address=address, why=str(signed))
            raise _Refused(401)
        await self._kept(self._fresh(name, feed, body, signed))

    async def _verified(self, feed: WebhookFeed | None, posted: Posted) -> Signed | str:
        if feed is None:
            return "there is no such feed"
        try:
            secrets = [await self._bench.secret(one) for one in feed.secrets]
        except NoSecret as error:
            log.error("webhook without a secret", why=str(error))
            raise _Refused(503, retry=60) from None
        return signature.verify(feed, posted, secrets, now=self._bench.clock.now().timestamp())

    def _fresh(self, name: str, feed: WebhookFeed, body: bytes, signed: Signed) -> list[Fresh]:
        config, received = self._bench.config(), stamp(self._bench.clock.now())
        try:
            document = reading.read(body)
            alone = feed.items == WHOLE and isinstance(document, list)
            found = mapping.items(document, "@" if alone else feed.items)
        except (reading.Unreadable, Unmapped) as error:
            log.warning("webhook not understood", feed=name, why=shown(str(error)))
            raise _Refused(400) from None
        used = config.maps[feed.map]
        own = signed.id if len(found) == 1 else None
        return [intake.fresh(one, used, name, "webhook", received, own) for one in found]

    async def _kept(self, some: list[Fresh]) -> None:
        if not some:
            return
        try:
            with anyio.fail_after(COMMIT_TIME):
                taken = await self._post.put(some)
        except (WorldError, TimeoutError) as error:
            log.warning("webhook put off", why=str(error) or "the database is busy")
            raise _Refused(503, retry=5) from None
        if taken is Taken.CONFLICT:
            raise _Refused(409)


async def _body(headers: dict[str, str], receive: Receive, most: int) -> bytes:
    """Read the body as it came: no more, and no longer, than it may be."""
    length = headers.get("content-length")
    if length is not None:
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
            raise _Refused(400)
        if int(length) > most:
            raise _Refused(413)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _Refused(415)
    read = bytearray()
    with anyio.move_on_after(BODY_TIME) as patience:
        while True:
            event = await receive()
            if event["type"] != "http.request":
                raise _Refused(400)  # it has gone
            read += event.get("body", b"")
            if len(read) > most:
                raise _Refused(413)
            if not event.get("more_body"):
                break
    if patience.cancelled_caught:
        raise _Refused(408)
    return bytes(read)


async def _answer(send: Send, status: int, *, retry: int = 0) -> None:
    headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in (400, 408, 413, 415):
        headers.append((b"connection", b"close"))
    if retry:
        headers.append((b"retry-after", str(retry).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
