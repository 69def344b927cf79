"""What the door reads of a request before its route does: a cookie, a small body; given once more."""

from http.cookies import CookieError, SimpleCookie

from starlette.requests import Request
from starlette.types import Message, Receive

LARGEST = 1 << 20
"""Bytes of a body that is not an upload."""


def cookie(request: Request, name: str) -> str:
    """Pure: the value of a cookie; "" if there is none."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""


async def read(receive: Receive) -> bytes | None:
    """Read a small body whole; None if it is not small."""
    body = b""
    while True:
        message = await receive()
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > LARGEST or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body"):
            return body


def given(body: bytes) -> Receive:
    """Give a body once more."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return left.pop() if left else {"type": "http.disconnect"}

    return receive
