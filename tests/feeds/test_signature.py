"""Each scheme of signatures: what is right is taken, what is not quite right is not."""

import base64
import hmac
from collections.abc import Callable

import pytest

from impexd.feeds import signature
from impexd.feeds.signature import Posted, Signed
from impexd.model.feed import WebhookFeed

NOW = 1_780_000_000
BODY = b'{"a": "\xc3\xa4"}'
SECRETS = {"standard": "whsec_" + base64.b64encode(b"k" * 24).decode(), "easypost": "s\u00e9cret"}
OLD = {"standard": "whsec_" + base64.b64encode(b"o" * 24).decode()}


def _digest(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _standard(body: bytes, secret: str, at: int) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = base64.b64encode(_digest(key, f"msg_1.{at}.".encode() + body)).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1a,xx v1,{signed}",
    }


def _aftership(body: bytes, secret: str, _at: int) -> dict[str, str]:
    return {"aftership-hmac-sha256": base64.b64encode(_digest(secret.encode(), body)).decode()}


def _easypost(body: bytes, secret: str, _at: int) -> dict[str, str]:
    # As the courier's own library does it: the secret in its decomposed form.
    key = secret.replace("\u00e9", "e\u0301").encode()
    return {"x-hmac-signature": "hmac-sha256-hex=" + _digest(key, body).hex()}


def _shippo(body: bytes, secret: str, at: int) -> dict[str, str]:
    return {
        "shippo-auth-signature": f"t={at},v1={_digest(secret.encode(), f'{at}.'.encode() + body).hex()}"
    }


def _hmac(body: bytes, secret: str, _at: int) -> dict[str, str]:
    return {"x-sign": "sha256=" + _digest(secret.encode(), body).hex()}


def _token(_body: bytes, secret: str, _at: int) -> dict[str, str]:
    return {"x-sign": secret}


Sign = Callable[[bytes, str, int], dict[str, str]]
SIGNS: dict[str, Sign] = {
    "standard": _standard,
    "aftership": _aftership,
    "easypost": _easypost,
    "shippo": _shippo,
    "hmac": _hmac,
    "token": _token,
}
TIMED = ("standard", "shippo")


def _feed(scheme: str) -> WebhookFeed:
    said = {"kind": "webhook", "map": "m", "scheme": scheme, "secrets": ({"env": "X"},)}
    if scheme in ("hmac", "token"):
        said["header"] = "X-Sign"
    return WebhookFeed.model_validate(said)


def _verify(scheme: str, headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> bool:
    now_good = SECRETS.get(scheme, "s3cret")
    secrets = [OLD.get(scheme, "old"), now_good]
    found = signature.verify(_feed(scheme), Posted(headers, body), secrets, now=now)
    return isinstance(found, Signed)


def _signed(scheme: str, body: bytes = BODY, at: int = NOW, secret: str = "") -> dict[str, str]:
    return SIGNS[scheme](body, secret or SECRETS.get(scheme, "s3cret"), at)


@pytest.mark.parametrize("scheme", SIGNS)
def test_what_is_signed_with_any_secret_that_is_good_now_is_taken(scheme: str) -> None:
    assert _verify(scheme, _signed(scheme))
    assert _verify(scheme, _signed(scheme, secret=OLD.get(scheme, "old")))


@pytest.mark.parametrize("scheme", SIGNS)
def test_what_is_not_signed_or_by_another_is_refused(scheme: str) -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode() if scheme == "standard" else "other"
    assert not _verify(scheme, {})
    assert not _verify(scheme, _signed(scheme, secret=other))
    for name, value in _signed(scheme).items():
        for broken in ("", value[:-1], value + "0", value.swapcase(), "\xff" * 64, "v1,", "="):
            if broken.lower() != value.lower() or scheme == "token":
                assert not _verify(scheme, _signed(scheme) | {name: broken}), (name, broken)


@pytest.mark.parametrize("scheme", [name for name in SIGNS if name != "token"])
def test_a_body_that_was_changed_by_a_byte_is_refused(scheme: str) -> None:
    assert not _verify(scheme, _signed(scheme), BODY + b" ")
    assert not _verify(scheme, _signed(scheme), BODY.replace(b"a", b"b"))


@pytest.mark.parametrize("scheme", TIMED)
def test_a_moment_is_good_for_five_minutes_and_covered_by_the_signature(scheme: str) -> None:
    for off in (-300, 0, 300):
        assert _verify(scheme, _signed(scheme, at=NOW + off))
    for off in (-301, 301, -(10**9)):
        assert not _verify(scheme, _signed(scheme, at=NOW + off))
    headers = _signed(scheme)
    name, value = next((n, v) for n, v in headers.items() if str(NOW) in v)
    assert not _verify(scheme, headers | {name: value.replace(str(NOW), str(NOW + 1))})
    assert not _verify(scheme, headers | {name: value.replace(str(NOW), "٣" * 10)})


def test_the_id_of_a_standard_webhook_is_covered_by_the_signature() -> None:
    found = signature.verify(
        _feed("standard"), Posted(_signed("standard"), BODY), [SECRETS["standard"]], now=NOW
    )
    assert found == Signed("msg_1")
    assert not _verify("standard", _signed("standard") | {"webhook-id": "msg_2"})
