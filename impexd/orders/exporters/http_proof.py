"""Who we are, and that a request is ours: bearer, basic, a certificate, a signature; from secrets."""

import base64
import hashlib
import hmac
from pathlib import Path

from impexd.core import secret
from impexd.core.http import Identity
from impexd.model.secret import Secret
from impexd.model.telling import Means
from impexd.orders.exporters.http_settings import Certificate, Settings, Signature


def authorize(settings: Settings, headers: dict[str, str], means: Means) -> str:
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


def sign(said: Signature, data: bytes, headers: dict[str, str], means: Means) -> str:
    """Add the signature; gives what is wrong with the place of its secret."""
    text, wrong = _fetched(said.secret, means)
    if said.timestamp is not None:
        moment = str(int(means.clock.now().timestamp()))
        headers[said.timestamp] = moment
        data = moment.encode() + b"." + data
    digest = hmac.new(text.encode(), data, hashlib.sha256).digest()
    encoded = digest.hex() if said.encoding == "hex" else base64.b64encode(digest).decode()
    headers[said.header] = said.prefix + encoded
    return wrong


def identity(said: Certificate | None, etc: Path) -> Identity | None:
    """Pure: where our certificate is kept, if we have one."""
    return None if said is None else Identity(etc / said.certificate, etc / said.key)


def _fetched(kept: Secret, means: Means) -> tuple[str, str]:
    return secret.fetched(means.etc, file=kept.file, credential=kept.credential, env=kept.env)
