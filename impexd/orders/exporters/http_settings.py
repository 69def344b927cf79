"""What `[http]` may say: whom to call, who we are, how it is signed, what a good answer is."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from impexd.model.base import Model
from impexd.model.secret import Secret
from impexd.orders.exporters.body import Body

Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Basic(Model):
    """`basic = { user = "...", password = { file = "..." } }`."""

    user: str
    password: Secret


class Certificate(Model):
    """`certificate = { certificate = "client.pem", key = "client.key" }`: files, below etc."""

    certificate: str
    key: str


class Signature(Model):
    """`[http.sign]`: HMAC-SHA256 over the body, or over a time stamp, a dot and the body."""

    secret: Secret
    header: Header = "X-Signature"
    prefix: str = "sha256="
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: Header | None = None
    """A header with the seconds since 1970: then they are signed, too."""


class Expected(Model):
    """`[http.answer]`: what a good answer is."""

    accept: Expression | None = None
    """JMESPath on the JSON of the answer: it must give something true."""
    ref: Expression | None = None
    """JMESPath: what the peer calls it; kept with the task."""
    not_taken: tuple[Annotated[int, Field(ge=400, le=599)], ...] = (408, 425, 429, 503)
    """Statuses that say that it was certainly not taken: tried again."""
    conflict: Literal["hold", "done"] = "hold"
    """409: a key that was used for something else, or (`done`) the peer's way to say it has it."""


class Asking(Model):
    """`[http.ask]`: how the peer is asked whether it knows a key."""

    url: str
    found: Expression | None = None
    """JMESPath: true if it has it; if not said, any 2xx says so.  404 always says no."""
    ref: Expression | None = None


class Settings(Model):
    """`[http]`."""

    url: str
    """With {order}, {delivery}, {flag}, {key}, {task} filled in."""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    key_header: Header | None = "Idempotency-Key"
    headers: Mapping[Header, str] = {}
    bearer: Secret | None = None
    basic: Basic | None = None
    certificate: Certificate | None = None
    sign: Signature | None = None
    connect: float = Field(default=5, ge=0.1, le=60)
    read: float = Field(default=20, ge=0.1, le=600)
    total: float = Field(default=30, ge=0.1, le=600)
    body: Body = Body()
    answer: Expected = Expected()
    ask: Asking | None = None
