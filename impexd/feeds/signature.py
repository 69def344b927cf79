"""
Is this really from the courier?  Signatures of webhooks, checked on the body as it came.

Pure.  Every secret that is good now is tried, each comparison takes the same time whatever is
compared, and a signature without a moment of its own is protected from replay by the message's id.

- standard    Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature` ("v1,BASE64 ...");
              HMAC-SHA256 of "ID.TIMESTAMP.BODY" with what stands in base64 after "whsec_"
- aftership   `aftership-hmac-sha256`: base64 of the HMAC-SHA256 of the body
- easypost    `x-hmac-signature`: "hmac-sha256-hex=HEX" of the body, the secret in NFKD
- easypost-v2 `x-hmac-signature-v2`: the same of `x-timestamp` (RFC 2822), "POST", `x-path` and the body, one
              behind the other; EasyPost sends both, and who asks for this one takes no other
- shippo      `shippo-auth-signature`: "t=SECONDS,v1=HEX"; HMAC-SHA256 of "SECONDS.BODY"
- hmac        a header of your choice: HMAC-SHA256 of the body, in hexadecimal or base64
- token       a header of your choice holds the secret itself
"""

import base64
import binascii
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from impexd.model.feed import WebhookFeed


@dataclass(frozen=True, slots=True)
class Signed:
    """The sender has proved to be who it is."""

    id: str | None = None
    """The id of the message, if the signature covers one."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came."""

    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes


def verify(
    feed: WebhookFeed, posted: Posted, secrets: Sequence[str], *, now: float
) -> Signed | str:
    """Pure: give that it is signed, or why not: for our log, never for the answer."""
    check = _SCHEMES.get(feed.scheme)
    if check is not None:
        return check(posted, secrets, now, feed.window)
    said = posted.headers.get((feed.header or "").lower(), "")
    if not said:
        return "no signature"
    if feed.scheme == "token":
        return _matched(said.encode(), (secret.encode() for secret in secrets))
    plain = _MARK.sub("", said)
    return _matched(_decoded(plain), (_hmac(s.encode(), posted.body) for s in secrets))


_MARK = re.compile(r"^(hmac-)?sha256(-hex)?=", re.IGNORECASE)
"""What some write before a signature."""


def _standard(posted: Posted, secrets: Sequence[str], now: float, window: int) -> Signed | str:
    id, at, said = (
        posted.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (id and at and said):
        return "no signature"
    if reason := _stale(at, now, window):
        return reason
    content = f"{id}.{at}.".encode() + posted.body
    expected = [_hmac(key, content) for secret in secrets if (key := _whsec(secret)) is not None]
    good = False
    for part in said.split(" ")[:10]:
        version, _, signature = part.partition(",")
        if version == "v1":
            good |= isinstance(_matched(_decoded(signature), expected), Signed)
    return Signed(id) if good else "the signature is wrong"


def _aftership(posted: Posted, secrets: Sequence[str], _now: float, _window: int) -> Signed | str:
    said = posted.headers.get("aftership-hmac-sha256", "")
    return _of_body(posted, secrets, _based(said)) if said else "no signature"


def _easypost(posted: Posted, secrets: Sequence[str], _now: float, _window: int) -> Signed | str:
    said = posted.headers.get("x-hmac-signature", "")
    return _easypost_of(said, secrets, posted.body)


def _easypost_v2(posted: Posted, secrets: Sequence[str], now: float, window: int) -> Signed | str:
    at, path, said = (
        posted.headers.get(f"x-{name}", "") for name in ("timestamp", "path", "hmac-signature-v2")
    )
    if not (at and path and said):
        return "no signature"
    moment = _mail_moment(at)
    if reason := "the moment is none" if moment is None else _far(moment, now, window):
        return reason
    try:
        signed = f"{at}POST{path}".encode("latin-1")
    except UnicodeEncodeError:
        return "the signature is wrong"
    return _easypost_of(said, secrets, signed + posted.body)


def _easypost_of(said: str, secrets: Sequence[str], content: bytes) -> Signed | str:
    mark, _, signature = said.partition("=")
    if mark != "hmac-sha256-hex":
        return "no signature"
    normal = (unicodedata.normalize("NFKD", secret).encode() for secret in secrets)
    return _matched(_hexed(signature), (_hmac(key, content) for key in normal))


def _mail_moment(said: str) -> float | None:
    """Seconds of "Tue, 19 Aug 2025 20:37:09 -0000"; None if it is no moment."""
    try:
        moment = parsedate_to_datetime(said[:64])
    except (ValueError, OverflowError, TypeError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()  # -0000 is UTC, and no zone


def _shippo(posted: Posted, secrets: Sequence[str], now: float, window: int) -> Signed | str:
    said = posted.headers.get("shippo-auth-signature", "")
    parts = [part.strip().partition("=") for part in said.split(",")[:10]]
    at = next((value for name, _, value in parts if name == "t"), "")
    signatures = [value for name, _, value in parts if name == "v1"]
    if not (at and signatures):
        return "no signature"
    if reason := _stale(at, now, window):
        return reason
    expected = [_hmac(secret.encode(), f"{at}.".encode() + posted.body) for secret in secrets]
    good = False
    for signature in signatures:
        good |= isinstance(_matched(_hexed(signature), expected), Signed)
    return Signed() if good else "the signature is wrong"


_SCHEMES: Mapping[str, Callable[[Posted, Sequence[str], float, int], Signed | str]] = {
    "standard": _standard,
    "aftership": _aftership,
    "easypost": _easypost,
    "easypost-v2": _easypost_v2,
    "shippo": _shippo,
}


def _of_body(posted: Posted, secrets: Sequence[str], said: bytes) -> Signed | str:
    return _matched(said, (_hmac(secret.encode(), posted.body) for secret in secrets))


def _matched(said: bytes, expected: Iterable[bytes]) -> Signed | str:
    """Compare with every one, however early one matches."""
    good = False
    for one in expected:
        good |= hmac.compare_digest(said, one)
    return Signed() if good else "the signature is wrong"


def _stale(at: str, now: float, window: int) -> str:
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        return "the moment is none"
    return _far(int(at), now, window)


def _far(at: float, now: float, window: int) -> str:
    return "" if abs(now - at) <= window else "the moment is too far off"


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _whsec(secret: str) -> bytes | None:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _decoded(said: str) -> bytes:
    """A signature in hexadecimal or base64; nothing that could match if it is neither."""
    return _hexed(said) if len(said) == 64 else _based(said)


def _hexed(said: str) -> bytes:
    try:
        return bytes.fromhex(said)
    except ValueError:
        return b""


def _based(said: str) -> bytes:
    try:
        return base64.b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        return b""
