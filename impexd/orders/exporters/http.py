"""
A request for each task: an idempotency key in a header, the same bytes each time, a checked answer.

What the peer answers decides: what it calls the thing on success, whether it has certainly not
taken it (`not_taken`), will never take it (4xx), or nobody knows (5xx, silence, a broken line).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from impexd.core import http, secret
from impexd.core.errors import WorldError
from impexd.core.http import Answer, Identity, Request, Times
from impexd.core.text import shown
from impexd.model import outbound
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.outbound import Outbound
from impexd.model.secret import Secret
from impexd.model.telling import (
    Done,
    Doubtful,
    Frozen,
    Means,
    NotTaken,
    Outcome,
    Refused,
    Telling,
    Unknown,
)
from impexd.orders.exporters import body, naming
from impexd.orders.exporters.http_settings import (
    Asking,
    Certificate,
    Expected,
    Settings,
    Signature,
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
                yield from _expression(("ask", name), getattr(settings.ask, name))
        for name in ("accept", "ref"):
            yield from _expression(("answer", name), getattr(settings.answer, name))
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
            wrong = _signed(settings.sign, frozen.body, headers, means)
            if wrong:
                return NotTaken(wrong, partner=True)
        url = str(frozen.fixed["url"])
        answer = await _called(settings, Request(url, settings.method, headers, frozen.body), means)
        if not isinstance(answer, Answer):
            return answer
        return judged(settings.answer, answer, wait=answer.wait(means.clock.now()))

    async def ask(self, settings: Settings, frozen: Frozen, key: str, means: Means, /) -> Outcome:
        """Ask whether the peer knows a key."""
        if settings.ask is None:
            return Doubtful("`[http.ask]` does not say how to ask")
        headers = {} if settings.key_header is None else {settings.key_header: key}
        answer = await _called(settings, Request(str(frozen.fixed["ask"]), "GET", headers), means)
        if not isinstance(answer, Answer):
            return answer if not isinstance(answer, NotTaken) else Unknown(answer.reason)
        return known(settings.ask, answer)


def judged(expected: Expected, answer: Answer, *, wait: float | None) -> Outcome:
    """Pure: what an answer says became of the task."""
    status = answer.status
    if status in expected.not_taken:
        return NotTaken(f"answered {status}", after=wait, partner=status == 429)
    if answer.good:
        return _agreed(expected, answer)
    if status == 409:
        if expected.conflict == "done":
            return Done(None)
        return Doubtful(f"answered 409: the key is known for something else: {_said(answer)}")
    if 400 <= status < 500:
        return Refused(f"answered {status}: {_said(answer)}")
    if 300 <= status < 400:
        return Refused(f"answered {status}: redirects are not followed")
    return Unknown(f"answered {status}: {_said(answer)}")


def known(ask: Asking, answer: Answer) -> Outcome:
    """Pure: what an answer says about a key we asked for."""
    if answer.status == 404:
        return NotTaken("the partner does not know the key")
    if not answer.good:
        return Unknown(f"asked about the key, answered {answer.status}")
    tree = _json(answer.body) if ask.found or ask.ref else None
    if ask.found and not _search(ask.found, tree):
        return NotTaken("the partner does not have it")
    return Done(_ref(ask.ref, tree))


def _agreed(expected: Expected, answer: Answer) -> Outcome:
    """Pure: a 2xx counts only if it says what it should."""
    if expected.accept is None and expected.ref is None:
        return Done(None)
    tree = _json(answer.body)
    if tree is None:
        return Doubtful(f"answered {answer.status}, but no JSON: {_said(answer)}")
    if expected.accept is not None and not _search(expected.accept, tree):
        return Doubtful(f"answered {answer.status}, but not as agreed: {_said(answer)}")
    ref = _ref(expected.ref, tree)
    if expected.ref is not None and ref is None:
        return Doubtful(f"answered {answer.status} without its reference: {_said(answer)}")
    return Done(ref)


async def _called(settings: Settings, request: Request, means: Means) -> Answer | Outcome:
    """Call the peer; gives an outcome if there is no answer."""
    headers = dict(request.headers)
    wrong = _authorized(settings, headers, means)
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
            identity=_identity(settings.certificate, means.etc),
        )
    except http.NotSent as error:
        return NotTaken(str(error), partner=True)
    except WorldError as error:
        return Unknown(str(error))


def _authorized(settings: Settings, headers: dict[str, str], means: Means) -> str:
    """Add who we are; gives what is wrong with the place of a secret."""
    kept = settings.bearer or (settings.basic.password if settings.basic else None)
    if kept is None:
        return ""
    text, wrong = _fetched(kept, means)
    if settings.basic is not None:
        pair = f"{settings.basic.user}:{text}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        headers["Authorization"] = f"Bearer {text}"
    return wrong


def _signed(sign: Signature, data: bytes, headers: dict[str, str], means: Means) -> str:
    """Add the signature; gives what is wrong with the place of its secret."""
    text, wrong = _fetched(sign.secret, means)
    if sign.timestamp is not None:
        moment = str(int(means.clock.now().timestamp()))
        headers[sign.timestamp] = moment
        data = moment.encode() + b"." + data
    digest = hmac.new(text.encode(), data, hashlib.sha256).digest()
    encoded = digest.hex() if sign.encoding == "hex" else base64.b64encode(digest).decode()
    headers[sign.header] = sign.prefix + encoded
    return wrong


def _fetched(kept: Secret, means: Means) -> tuple[str, str]:
    return secret.fetched(means.etc, file=kept.file, credential=kept.credential, env=kept.env)


def _identity(said: Certificate | None, etc: Path) -> Identity | None:
    return None if said is None else Identity(etc / said.certificate, etc / said.key)


def _url(name: str, pattern: str, calls: Outbound) -> Iterator[Fault]:
    if reason := naming.fault(pattern):
        yield Fault((name,), reason)
        return
    host = pattern.partition("://")[2].partition("/")[0].partition("?")[0]
    if "{" in host:
        yield Fault((name,), "who is called must not depend on an order")
    elif reason := outbound.fault(calls, naming.MARK.sub("x", pattern)):
        yield Fault((name,), reason)


def _expression(path: tuple[str, str], text: str | None) -> Iterator[Fault]:
    import jmespath
    from jmespath.exceptions import JMESPathError

    if text is None:
        return
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        told = str(error).partition("\n")[0]
        yield Fault(path, f"this is no JMESPath expression: {shown(told)}")


def _search(expression: str, tree: Any) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, tree)
    except JMESPathError:
        return None


def _ref(expression: str | None, tree: Any) -> str | None:
    found = None if expression is None else _search(expression, tree)
    if found is None or isinstance(found, (dict, list)):
        return None
    return shown(str(found))


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _said(answer: Answer) -> str:
    return shown(answer.body, limit=120) or "nothing"
