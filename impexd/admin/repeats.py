"""
A wish that comes twice under one Idempotency-Key is carried out once, and answered the same.

Takes the application; gives it with this before it.  Only of POSTs that carry the header; the
answer is kept for a day.  While the first is being answered, and if nobody knows what became of
it, the second is told 409.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impexd.admin import acting
from impexd.admin.house import House
from impexd.core.clock import stamp
from impexd.store import audit
from impexd.store.again import again

LARGEST = 1 << 20
KEY = 200
SECRET = ("/api/v1/users", "/api/v1/tokens", "/api/v1/setup")
"""What is answered here holds a secret, which is kept nowhere."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The application, with this before it."""

    app: ASGIApp
    house: House

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or answer it again."""
        key = _key(scope)
        if not key:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body() if _small(request.headers) else None
        if body is None or len(key) > KEY:
            answer = _told(
                413, "a wish with an Idempotency-Key may have 1 MiB, its key 200 letters"
            )
            await answer(scope, receive, send)
            return
        asked = hashlib.sha256(
            b"\0".join((scope["method"].encode(), scope["path"].encode(), body))
        ).hexdigest()
        who = acting.who().name
        known = await again(
            self.house.store,
            lambda tx: audit.begin(tx, who, key, asked, now=stamp(self.house.clock.now())),
            clock=self.house.clock,
        )
        if known.fresh:
            await self._first(scope, body, send, who, key)
            return
        await _again(known, asked)(scope, receive, send)

    async def _first(self, scope: Scope, body: bytes, send: Send, who: str, key: str) -> None:
        """Carry it out, and keep what is answered."""
        status, answer = 500, b""

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def hear(message: Message) -> None:
            nonlocal status, answer
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                answer += message.get("body", b"")
            await send(message)

        try:
            await self.app(scope, receive, hear)
        finally:
            kept = status < 500 and len(answer) <= LARGEST
            await again(
                self.house.store,
                lambda tx: (
                    audit.answered(tx, who, key, status, answer.decode("utf-8", "replace"))
                    if kept
                    else audit.give_up(tx, who, key)
                ),
                clock=self.house.clock,
            )


def _again(known: audit.Answered, asked: str) -> Response:
    """Pure: the answer to who asks once more."""
    if known.asked != asked:
        return _told(422, "this Idempotency-Key was used for another wish")
    if known.status is None or known.answer is None:
        return _told(409, "the first wish with this Idempotency-Key is not answered yet")
    headers = {"idempotency-replayed": "true"}
    kind = "application/json" if known.status < 400 else "application/problem+json"
    return Response(known.answer, known.status, headers, media_type=kind)


def _key(scope: Scope) -> str:
    if scope["type"] != "http" or scope["method"] != "POST":
        return ""
    path: str = scope["path"]
    if not path.startswith("/api/") or path.startswith(SECRET):
        return ""
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            text: str = value.decode("latin-1")
            return text
    return ""


def _small(headers: Mapping[str, str]) -> bool:
    length = headers.get("content-length", "")
    return length.isascii() and length.isdigit() and int(length) <= LARGEST


def _told(status: int, what: str) -> JSONResponse:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": "UsageError",
        "status": status,
        "detail": what,
        "hint": "",
    }
    return JSONResponse(document, status, media_type="application/problem+json")
