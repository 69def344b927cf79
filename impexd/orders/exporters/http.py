"""
A request for each task: an idempotency key in a header, the same bytes each time, a checked answer.

What the peer answers decides: what it calls the thing on success, whether it has certainly not
taken it (`not_taken`), will never take it (4xx), or nobody knows (5xx, silence, a broken line).
"""

from collections.abc import Iterator

from impexd.core import http
from impexd.core.errors import WorldError
from impexd.core.http import Answer, Request, Times
from impexd.model import outbound
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.outbound import Outbound
from impexd.model.telling import (
    Doubtful,
    Frozen,
    Means,
    NotTaken,
    Outcome,
    Telling,
    Unknown,
)
from impexd.orders.exporters import body, http_answer, http_proof, naming
from impexd.orders.exporters.http_settings import (
    Settings,
)

LARGEST = 1 << 20
"""Bytes of an answer."""


class Http:
    """Sends requests."""

    settings = Settings
    on_unknown = OnUnknown.RETRY
    asks = True
    manual = False

    def faults(self, settings: Settings, calls: Outbound, /) -> Iterator[Fault]:
        """Look at the URLs, the expressions, the body."""
        yield from _url("url", settings.url, calls)
        if settings.ask is not None:
            for fault in _url("url", settings.ask.url, calls):
                yield Fault(("ask", *fault.path), fault.what)
            for name in ("found", "ref"):
                yield from http_answer.expression(("ask", name), getattr(settings.ask, name))
        for name in ("accept", "ref"):
            yield from http_answer.expression(("answer", name), getattr(settings.answer, name))
        if settings.bearer is not None and settings.basic is not None:
            yield Fault(("basic",), "only one of bearer and basic can say who we are")
        for name, value in settings.headers.items():
            if not value.isprintable() or not value.isascii():
                yield Fault(("headers", name), "a header is one line of plain characters")
            elif name.lower() in ("authorization", "cookie", "host", "content-length"):
                yield Fault(("headers", name), "this one is not yours to set; secrets are named")
        for fault in body.faults(settings.body):
            yield Fault(("body", *fault.path), fault.what)

    def freeze(self, settings: Settings, telling: Telling, _means: Means, /) -> Frozen:
        """Write the body and settle the URLs."""
        fixed = {"url": naming.url(settings.url, telling)}
        if settings.ask is not None:
            fixed["ask"] = naming.url(settings.ask.url, telling)
        return Frozen(body.made(settings.body, telling), settings.body.media, fixed)

    async def send(self, settings: Settings, frozen: Frozen, key: str, means: Means, /) -> Outcome:
        """Send it."""
        headers = dict(settings.headers) | {"Content-Type": frozen.content}
        if settings.key_header is not None:
            headers[settings.key_header] = key
        if settings.sign is not None:
            wrong = http_proof.sign(settings.sign, frozen.body, headers, means)
            if wrong:
                return NotTaken(wrong, partner=True)
        url = str(frozen.fixed["url"])
        answer = await _called(settings, Request(url, settings.method, headers, frozen.body), means)
        if not isinstance(answer, Answer):
            return answer
        return http_answer.judged(settings.answer, answer, wait=answer.wait(means.clock.now()))

    async def ask(self, settings: Settings, frozen: Frozen, key: str, means: Means, /) -> Outcome:
        """Ask whether the peer knows a key."""
        if settings.ask is None:
            return Doubtful("`[http.ask]` does not say how to ask")
        headers = {} if settings.key_header is None else {settings.key_header: key}
        answer = await _called(settings, Request(str(frozen.fixed["ask"]), "GET", headers), means)
        if not isinstance(answer, Answer):
            return answer if not isinstance(answer, NotTaken) else Unknown(answer.reason)
        return http_answer.known(settings.ask, answer)


async def _called(settings: Settings, request: Request, means: Means) -> Answer | Outcome:
    """Call the peer; gives an outcome if there is no answer."""
    headers = dict(request.headers)
    wrong = http_proof.authorize(settings, headers, means)
    if wrong:
        return NotTaken(wrong, partner=True)
    calls = means.outbound
    try:
        return await http.send(
            Request(request.url, request.method, headers, request.body),
            outbound.allowed(calls, [request.url]),
            times=Times(settings.connect, settings.read, settings.total),
            most=LARGEST,
            ca=None if calls.ca_file is None else means.etc / calls.ca_file,
            identity=http_proof.identity(settings.certificate, means.etc),
        )
    except http.NotSent as error:
        return NotTaken(str(error), partner=True)
    except WorldError as error:
        return Unknown(str(error))


def _url(name: str, pattern: str, calls: Outbound) -> Iterator[Fault]:
    if reason := naming.fault(pattern):
        yield Fault((name,), reason)
        return
    host = pattern.partition("://")[2].partition("/")[0].partition("?")[0]
    if "{" in host:
        yield Fault((name,), "who is called must not depend on an order")
    elif reason := outbound.fault(calls, naming.MARK.sub("x", pattern)):
        yield Fault((name,), reason)
