"""
The door: what comes over the network passes here before any route sees it.

In this order: is the host ours, which route is it, has it a rule, who asks, is their role enough,
does a change come from our own page (CSRF), do their grants reach.  What fails is answered here.
What passes knows who asks (`acting`), leaves a line in the audit if it may change anything, and
goes out with the headers that keep a browser from doing what it should not.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impexd.admin import acting, bodies, headers, origin, refusals, rights, scopes
from impexd.admin.house import House
from impexd.admin.origin import Place
from impexd.admin.rights import Rule
from impexd.admin.signing import Signing, csrf
from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.model.people import LOCAL, Who
from impexd.store import audit
from impexd.store.again import again
from impexd.store.audit import Entry

SAFE = ("GET", "HEAD", "OPTIONS")
FORM = b"application/x-www-form-urlencoded"

log = structlog.get_logger(__name__)

Page = Callable[[Request, int, str, str], Response]
"""Says in a page what went wrong: (request, status, what, hint)."""


@dataclass(slots=True)
class Door:
    """An application with its door."""

    app: ASGIApp
    routes: Iterable[Any]
    house: House
    signing: Signing
    place: Place
    page: Page
    nobody: Who = field(default=Who("nobody", LOCAL.role, (), (), via="nobody"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        headed = headers.Headed(send, self.place, still=scope["path"].startswith("/static/"))
        entered = acting.enter(self.nobody)
        try:
            await self._answered(scope, receive, headed)
        finally:
            acting.leave(entered)

    async def _answered(self, scope: Scope, receive: Receive, headed: Send) -> None:
        request = Request(scope, receive)
        refused, found = await self._judged(request)
        if refused is not None:
            if found is not None and found.rule is not None and request.method not in SAFE:
                await self._noted(request, found, refused.status_code)
            await refused(scope, receive, headed)
            return
        if found is None:
            raise LookupError(scope["path"])
        scope["state"]["lives"] = self._lives(request, found.who)
        through: Send = headed
        if found.rule is not None and found.rule.noted and request.method not in SAFE:
            through = _Noting(headed, self, request, found)
        await self.app(scope, found.receive or receive, through)

    async def _judged(self, request: Request) -> tuple[Response | None, "_Found | None"]:
        """Give the answer of the door, or what it found if the request may pass."""
        if not self.place.ours(request.headers.get("host", "")):
            return self.page(request, 421, "this is not the name of this server", ""), None
        path, params, allowed = self._route(request)
        if path is None and not allowed:
            rule, least = None, "unknown"
        else:
            rule, least = (rights.rule(request.method, path) if path else None), "known"
        secret = bodies.cookie(request, self.place.cookie)
        who = await self._who(request, secret)
        found = _Found(who, rule, params, csrf(secret) if who and who.session is not None else "")
        acting.enter(who or self.nobody)  # until the request is answered; see __call__
        request.scope.setdefault("state", {})["csrf"] = found.csrf
        if who is None and (rule is None or rule.least is not None):
            return self._sign_in(request), found
        if rule is None:
            status = {"unknown": 404}.get(least, 405 if path is None else 403)
            return self.page(request, status, _SAID[status], ""), found
        if who and rule.least and not who.reaches(rule.least):
            return self._denied(request, f"this takes the role {rule.least}"), found
        if request.method not in SAFE and (who is None or who.via == "session"):
            if not origin.same(request.headers, self.place, request.url):
                return self._denied(request, "this did not come from our own page"), found
            if who and rule.least and not await self._from_our_form(request, found):
                return self._denied(request, "the form was not ours; load the page again"), found
        if _beyond((*params.values(), *request.query_params.values())):
            return self.page(request, 404, "there is nothing with such a number", ""), found
        if who is not None and (reason := await scopes.refused(self.house, rule, params, who)):
            return self._denied(request, reason), found
        return None, found

    def _route(self, request: Request) -> tuple[str | None, dict[str, Any], bool]:
        """Find the route: its path, the parts of the path, and whether another method has one."""
        other = False
        for route in self.routes:
            match, child = route.matches(request.scope)
            if match is Match.FULL:
                return route.path, child.get("path_params", {}), True
            other = other or match is Match.PARTIAL
        return None, {}, other

    async def _who(self, request: Request, secret: str) -> Who | None:
        address = request.client.host if request.client else ""
        given = request.headers.get("authorization", "")
        if given:
            kind, _, token = given.partition(" ")
            if kind.lower() != "bearer":
                return None
            return await self.signing.bearer(token.strip(), address)
        return await self.signing.who(secret, address) if secret else None

    def _lives(self, request: Request, who: Who | None) -> Callable[[], Awaitable[bool]]:
        """Give what says, while an answer lasts, whether who asked may still have it."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        secret = bodies.cookie(request, self.place.cookie)

        async def lives() -> bool:
            return who is not None and await self.signing.lives(
                who, secret=secret, token=token.strip()
            )

        return lives

    async def _from_our_form(self, request: Request, found: "_Found") -> bool:
        """Does the request carry the token of its session: in a header, or in its form?"""
        given = request.headers.get("x-csrf-token", "")
        if not given and request.headers.get("content-type", "").encode().startswith(FORM):
            body = await bodies.read(request.receive)
            if body is None:
                return False
            found.receive = bodies.given(body)
            given = parse_qs(body.decode("utf-8", "replace")).get("csrf", [""])[0]
        return bool(given) and origin.equal(given, found.csrf)

    def _sign_in(self, request: Request) -> Response:
        """Send a browser to the sign-in page, a program away."""
        if "text/html" not in request.headers.get("accept", "") or request.headers.get("x-fetched"):
            return refusals.document(401, "sign in first", "send `Authorization: Bearer TOKEN`")
        if request.method not in SAFE:
            return RedirectResponse("/sign-in", 303)
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        after = f"?next={quote(wanted, safe='')}" if wanted != "/" else ""
        return RedirectResponse(f"/sign-in{after}", 303)

    def _denied(self, request: Request, why: str) -> Response:
        return self.page(request, 403, why, acting.ASK if "role" in why or "grant" in why else "")

    async def _noted(self, request: Request, found: "_Found", status: int) -> None:
        """Write a line of the audit."""
        who = found.who or self.nobody
        outcome = "done" if status < 400 else "denied" if status in (401, 403) else "failed"
        path = found.rule.path if found.rule else shown(request.url.path)
        line = Entry(
            at=stamp(self.house.clock.now()),
            who=who.name,
            via=who.via,
            address=request.client.host if request.client else "",
            action=f"{request.method} {path}",
            target=" ".join(shown(str(value)) for value in found.params.values()),
            outcome=outcome,
            status=status,
            note=request.scope.get("state", {}).get("note"),
        )
        try:
            await again(self.house.store, lambda tx: audit.write(tx, line), clock=self.house.clock)
        except WorldError as error:  # what was asked for has been done; it must be answered
            log.error("audit not written", why=str(error), who=line.who, action=line.action)


@dataclass(slots=True)
class _Found:
    who: Who | None
    rule: Rule | None
    params: dict[str, Any]
    csrf: str
    receive: Receive | None = None


_SAID = {
    404: "there is no such page",
    405: "this cannot be done here",
    403: "no rule says who may do this, so nobody may",
}


class _Noting:
    """Writes the audit before the answer goes out."""

    def __init__(self, send: Send, door: Door, request: Request, found: _Found) -> None:
        self._send, self._door, self._request, self._found = send, door, request, found

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._door._noted(self._request, self._found, message["status"])
        await self._send(message)


def _beyond(texts: Iterable[Any]) -> bool:
    """Pure: is one of these a number that no database can hold?"""
    numbers = (str(text).removeprefix("-") for text in texts)
    return any(len(one) > LONGEST and one.isascii() and one.isdigit() for one in numbers)


LONGEST = 18
"""Digits of a number."""
