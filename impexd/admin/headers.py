"""The headers that keep a browser from doing what it should not; on every answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from impexd.admin.origin import Place


class Headed:
    """Adds them to an answer as it goes out."""

    def __init__(self, send: Send, place: Place, *, still: bool) -> None:
        self._send, self._place, self._still = send, place, still

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if not self._still:
                headers.setdefault("cache-control", "no-store")
            if self._place.secure:
                headers["strict-transport-security"] = "max-age=31536000"
        await self._send(message)


HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
