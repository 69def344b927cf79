"""Each scheme of signatures: what is right is taken, what is not quite right is not."""

import base64
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from impexd.feeds import signature
from impexd.feeds.signature import Posted, Signed
from impexd.model.feed import WebhookFeed

NOW = 1_780_000_000
BODY = b'{"a": "\xc3\xa4"}'
SECRETS = {
    "standard": "whsec_" + base64.b64encode(b"k" * 24).decode(), "easypost": "s\u00e9cret",
    "easypost-v2": "s\u00e9cret",
}  # fmt: skip
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


def _easypost_v2(body: bytes, secret: str, at: int) -> dict[str, str]:
    said, path = format_datetime(datetime.fromtimestamp(at, UTC).replace(tzinfo=None)), "/hooks/x"
    key = secret.replace("\u00e9", "e\u0301").encode()
    signed = "hmac-sha256-hex=" + _digest(key, f"{said}POST{path}".encode() + body).hex()
    return {"x-timestamp": said, "x-path": path, "x-hmac-signature-v2": signed}


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
    "easypost-v2": _easypost_v2,
    "shippo": _shippo,
    "hmac": _hmac,
    "token": _token,
}
TIMED = ("standard", "easypost-v2", "shippo")


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
    headers, later = _signed(scheme), _signed(scheme, at=NOW + 1)
    if scheme == "shippo":
        later = {name: value.replace(str(NOW), str(NOW + 1)) for name, value in headers.items()}
    name = {"standard": "webhook-timestamp", "easypost-v2": "x-timestamp"}.get(
        scheme, "shippo-auth-signature"
    )
    assert not _verify(scheme, headers | {name: later[name]})
    for none in ("٣" * 10, "x", "Tue, 19", "Tue, 99 Aug 2025 20:37:09 -0000", "-1", "9" * 40):
        broken = none if scheme != "shippo" else headers[name].replace(str(NOW), none)
        assert not _verify(scheme, headers | {name: broken})


def test_the_path_is_covered_by_the_second_signature_of_easypost_and_the_first_is_not_enough() -> (
    None
):
    headers = _signed("easypost-v2")
    for path in ("", "/hooks/y", "/hooks/x ", "\u0663"):
        assert not _verify("easypost-v2", headers | {"x-path": path})
    assert not _verify("easypost-v2", _signed("easypost", secret=SECRETS["easypost-v2"]))


def test_what_others_have_published_is_verified() -> None:
    """The examples of Standard Webhooks, and the event the clients of EasyPost are tested with."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for secret in (key, key.removeprefix("whsec_")):
        posted = Posted(headers, b'{"test": 2432232314}')
        assert signature.verify(_feed("standard"), posted, [secret], now=1614265330) == Signed(
            "msg_p5jXN8AQM9LWM0D4loKWxJek"
        )
    body = (
        b'{"result":{"id":"batch_123...","object":"Batch","mode":"test","state":"created",'
        b'"num_shipments":0,"reference":null,"created_at":"2022-07-26T17:22:32Z",'
        b'"updated_at":"2022-07-26T17:22:32Z","scan_form":null,"shipments":[],"status":{"created":0,'
        b'"queued_for_purchase":0,"creation_failed":0,"postage_purchased":0,'
        b'"postage_purchase_failed":0},"pickup":null,"label_url":null},"description":"batch.created",'
        b'"mode":"test","previous_attributes":null,"completed_urls":null,"user_id":"user_123...",'
        b'"status":"pending","object":"Event","id":"evt_123..."}'
    )
    mark = "hmac-sha256-hex=e93977c8ccb20363d51a62b3fe1fc402b7829be1152da9e88cf9e8d07115a46b"
    posted = Posted({"x-hmac-signature": mark}, body)
    assert signature.verify(_feed("easypost"), posted, ["s\u00e9cret"], now=NOW) == Signed()


def test_the_id_of_a_standard_webhook_is_covered_by_the_signature() -> None:
    found = signature.verify(
        _feed("standard"), Posted(_signed("standard"), BODY), [SECRETS["standard"]], now=NOW
    )
    assert found == Signed("msg_1")
    assert not _verify("standard", _signed("standard") | {"webhook-id": "msg_2"})
