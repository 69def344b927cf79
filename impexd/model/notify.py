"""Who is told what, and how: `[notify]` in impexd.toml, `[expect]` in an import group."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from impexd.model.base import Model, Slug

Kind = Literal[
    "held",
    "failed",
    "rejected",
    "late",
    "silent",
    "breaker",
    "disk",
    "dead",
    "conflict",
    "inbox",
    "config",
    "test",
]
"""What a notice may be about."""
Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")

Address = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$")
]


class Relay(Model):
    """The mail server that takes our mail: `[notify.relay]`."""

    host: str = "localhost"
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    ca: str | None = None
    """A file of certificates that are trusted instead of the system's."""
    sender: Address = Field(default="impexd@localhost", alias="from")
    user: str | None = None
    password_file: str | None = None
    """A file that only its owner may read."""
    credential: Slug | None = None
    """The name of a systemd credential with the password in it."""
    timeout: float = Field(default=30, gt=0, le=300)


class Recipient(Model):
    """Who is told: `[notify.to.NAME]`."""

    mail: tuple[Address, ...] = ()
    webhook: str | None = None
    """A URL that is called by POST with what there is to tell, as JSON."""
    webhook_file: str | None = None
    """A file that only its owner may read, with such a URL that holds a secret."""
    private: bool = False
    """The webhook may lie in a private network, and be plain HTTP."""
    severity: Severity = "warning"
    """Told of this and worse."""
    groups: tuple[str, ...] = ()
    """Told of these groups, and of the instance itself; of all if empty."""
    kinds: tuple[Kind, ...] = ()
    """Told of these; of all if empty."""
    digest: float = Field(default=600, ge=0, le=86_400)
    """Seconds for which notices are gathered once one has been sent."""


class Notify(Model):
    """Who is told what."""

    relay: Relay | None = None
    rejected: int = Field(default=100, ge=0)
    """Rejected rows of one load that are worth telling of."""
    silent: float = Field(default=24, gt=0, le=8760)
    """Hours without an answer after which a feed is silent."""
    to: dict[Slug, Recipient] = {}


class Expect(Model):
    """When a file must have come: `[expect]` of an import group."""

    by: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    """The time of day, `"06:00"`."""
    days: str = "*"
    """Days of the week as cron has them: `"mon-fri"`."""
    zone: str = "UTC"

    @property
    def cron(self) -> str:
        """Pure: the same as a cron expression."""
        hour, minute = self.by.split(":")
        return f"{int(minute)} {int(hour)} * * {self.days}"
