"""
Feeds: how we hear from a courier or a partner, and maps: what their words mean.

`etc/feeds/<name>.toml` is one of them, told by its `kind`: `rest` is asked on a schedule, `webhook`
is pushed to us, `folder` comes through an import group; a `map` says, by JMESPath, which value of
a message is what, and what each status word means.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from impexd.model.base import Model, Slug
from impexd.model.limits import MiB, Size
from impexd.model.message import Said
from impexd.model.secret import Secret

Path = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""A JMESPath expression."""
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""One line."""
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""A strptime pattern."""
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]


class Meaning(Model):
    """Where the values of a message are: `[message]`.  Each is a JMESPath on one message."""

    id: Path | None = None
    """Its own id; none: made of order, delivery, tracking, status and moment."""
    order: Path | None = None
    """The number of the order."""
    delivery: Path | None = None
    """The number of the delivery."""
    warehouse: Path | None = None
    status: Path | None = None
    at: Path | None = None
    """When it happened: a moment in ISO 8601, seconds since 1970, or as `moments` says."""
    tracking: Path | None = None
    tracking_url: Path | None = None
    carrier: Path | None = None
    estimated_from: Path | None = None
    estimated_to: Path | None = None
    guaranteed: Path | None = None
    confirmed: Path | None = None
    invoice: Path | None = None
    invoice_date: Path | None = None
    proof: Path | None = None
    remarks: Path | None = None
    amount: Path | None = None
    lines: Path | None = None
    """The list of its lines; none: it has no lines."""
    extra: Mapping[str, Path] = {}
    """Further values to be kept: name -> JMESPath."""


class LineMeaning(Model):
    """Where the values of a line are: `[line]`.  Each is a JMESPath on one of `message.lines`."""

    ref: Path | None = None
    sku: Path | None = None
    warehouse: Path | None = None
    ordered: Path | None = None
    shipped: Path | None = None
    rejected: Path | None = None
    invoice: Path | None = None
    invoice_date: Path | None = None
    remarks: Path | None = None
    extra: Mapping[str, Path] = {}


class FeedMap(Model):
    """`etc/feeds/<name>.toml` with `kind = "map"`."""

    kind: Literal["map"]
    label: str = ""
    message: Meaning
    line: LineMeaning = LineMeaning()
    status: Mapping[str, Said] = {}
    """A status word, in any capitals -> what it means."""
    other: Said = Said.UNKNOWN
    """What a word means that is not there."""
    moments: tuple[Pattern, ...] = ()
    """How moments and days are written, as strptime's, if that is none of the ways that are known."""
    zone: str = "UTC"
    """Time zone of moments that are written without one."""


class Auth(Model):
    """How we say who we are: `[auth]`.  A header with a secret, or a user with a password."""

    header: HeaderName = "Authorization"
    prefix: Annotated[str, StringConstraints(max_length=100, pattern=r"^[ -~]*$")] = ""
    """What stands before the secret: `"Bearer "`."""
    user: Text | None = None
    """If said: basic authentication with this user, `secret` is the password."""
    secret: Secret


class Pages(Model):
    """How more than one page is asked for: `[pages]`."""

    by: Literal["cursor", "page", "since", "link"]
    """`cursor`: the answer names the next; `page`: they are numbered; `since`: what came after a
    moment or number of the answer; `link`: the answer has the next URL, on the same host."""
    parameter: Text | None = None
    """The name of the query's parameter; not for `link`."""
    next: Path | None = None
    """JMESPath on the answer: the next cursor or link (none: it stands in the `Link` header); for
    `since` the newest there was; for `page` whether there is another (none: until one is empty)."""
    start: str | None = None
    """The first cursor, or the moment to begin with; none: the parameter is left out at first."""
    first: int = Field(default=1, ge=0)
    """page: the number of the first one."""
    step: int = Field(default=1, ge=1, le=100_000)
    """page: how much is added for the next; the messages of a page where the courier counts them (offset)."""
    most: int = Field(default=100, ge=1, le=10_000)
    """Pages asked for at one time."""


class Heard(Model):
    """What all feeds have."""

    label: str = ""
    map: Slug
    """The map: `etc/feeds/<map>.toml`."""
    quantities: Literal["total", "added"] = "total"
    """Are the quantities of lines what there is by now, or what is new?  `added` needs message ids."""
    park_for: float = Field(default=14, gt=0, le=3650)
    """Days that a message waits for its order, or for its turn, before it is dead."""


class RestFeed(Heard):
    """`etc/feeds/<name>.toml` with `kind = "rest"`."""

    kind: Literal["rest"]
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    schedule: str | None = None
    every: str | None = None
    zone: str = "UTC"
    items: Path = "@"
    """JMESPath on the answer: the list of messages."""
    params: Mapping[str, str] = {}
    """Further parameters of the query."""
    headers: Mapping[HeaderName, Text] = {}
    auth: Auth | None = None
    pages: Pages | None = None
    body: Size = Field(default=10 * MiB, ge=1024, le=100 * MiB)
    """Bytes of one answer, unpacked."""


WHOLE = "[@]"

Scheme = Literal["standard", "aftership", "easypost", "easypost-v2", "shippo", "hmac", "token"]


class WebhookFeed(Heard):
    """`etc/feeds/<name>.toml` with `kind = "webhook"`: POST to `/hooks/<name>` of the listener."""

    kind: Literal["webhook"]
    scheme: Scheme
    header: HeaderName | None = None
    """hmac, token: the header with the signature (hexadecimal or base64), or with the token itself."""
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=10)
    """All that are good now: two while one is being replaced."""
    window: int = Field(default=300, ge=10, le=3600)
    """Seconds that a signed moment may lie off ours."""
    items: Path = WHOLE
    """JMESPath on the body: the list of messages; if not said, the body is one, or the list of them."""
    body: Size = Field(default=MiB, ge=1, le=16 * MiB)
    rate: int = Field(default=100, ge=1, le=100_000)
    """Requests a second that one address may send; twice as many at once."""


class FolderFeed(Heard):
    """`etc/feeds/<name>.toml` with `kind = "folder"`: files that come through an import group."""

    kind: Literal["folder"]
    group: Slug
    """The import group; its descriptors with `service = "messages"` bring the messages."""


Feed = RestFeed | WebhookFeed | FolderFeed

KINDS: Mapping[str, type[Model]] = {
    "rest": RestFeed,
    "webhook": WebhookFeed,
    "folder": FolderFeed,
    "map": FeedMap,
}


def kind(tree: Mapping[str, Any]) -> type[Model] | None:
    """Pure: the model of a file by its `kind`; None if it says none that there is."""
    said = tree.get("kind")
    return KINDS.get(said) if isinstance(said, str) else None
