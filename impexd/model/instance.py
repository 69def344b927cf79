"""`etc/impexd.toml`: the instance itself; where it keeps things, how much it takes, how it is run."""

from typing import Literal

from pydantic import Field

from impexd.model.base import Model, Slug
from impexd.model.limits import Limits, MiB, Size
from impexd.model.notify import Notify
from impexd.model.ordering import Orders
from impexd.model.outbound import Outbound


class Place(Model):
    """Who and where: `[instance]`."""

    name: Slug = "impexd"
    var: str = "../var"
    """The state folder, as seen from the folder of impexd.toml."""
    roots: tuple[str, ...] = ()
    """If any: the only folders, besides var, in which an inbox with an absolute path may stand."""


class Store(Model):
    """The database: `[store]`.  At most one of `url`, `url_file`, `credential`; none: SQLite in var."""

    url: str | None = None
    """`sqlite:///NAME.db` (below var), `sqlite:////ABSOLUTE.db`, or `postgresql://...` without password."""
    url_file: str | None = None
    """A file that only its owner may read, with the URL in it."""
    credential: Slug | None = None
    """The name of a systemd credential (`LoadCredential=`) with the URL in it."""
    allow_unsafe_durability: bool = False
    """Run on a database that may lose what it has confirmed."""


class Log(Model):
    """What is said, and how: `[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """`auto`: for people on a terminal, else JSON."""


class Daemon(Model):
    """How the daemon goes about it: `[daemon]`."""

    stop_deadline: float = Field(default=30, ge=1, le=3600)
    """Seconds it may take to stop."""
    rescan: float = Field(default=30, ge=0.1, le=3600)
    """Seconds between two looks at all inboxes, whether or not something was heard."""
    workers: int = Field(default=2, ge=1, le=64)
    """Runs that are worked on at the same time, of different groups."""
    reserve: Size = Field(default=256 * MiB, ge=0)
    """Bytes of disk that stay free: below it nothing new is taken."""


class Keep(Model):
    """For how long things are kept that are not needed any more: `[keep]`."""

    undo: int = Field(default=14, ge=0, le=36_500)
    """Days for which a run can be taken back: what was before it is kept for so long."""
    failed: int = Field(default=90, ge=1, le=36_500)
    """Days for which the files of refused drops are kept, if their group does not say less."""
    log: int = Field(default=30, ge=1, le=36_500)
    """Days for which what was logged about a run is kept with it."""
    messages: int = Field(default=90, ge=1, le=36_500)
    """Days for which what feeds said is kept after it has ended."""
    audit: int = Field(default=400, ge=1, le=36_500)
    """Days for which it is kept who did what in the pages, and which configuration was in force."""
    notices: int = Field(default=90, ge=1, le=36_500)
    """Days for which notices are kept."""


class Control(Model):
    """Where the commands reach the daemon: `[control]`."""

    socket: str = "impexd.sock"
    """A unix socket; a relative path stands below var."""


class Admin(Model):
    """The pages and the API for people and programs elsewhere: `[admin]`."""

    listen: str = "127.0.0.1:8470"
    """Address and port, or "off"."""
    url: str | None = None
    """How browsers reach it, if not by that address: `https://impexd.example.com`."""
    tls_cert: str | None = None
    """PEM files; relative paths stand beside impexd.toml."""
    tls_key: str | None = None
    behind_proxy: bool = False
    """A proxy of ours speaks TLS to the browsers."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses whose X-Forwarded-For is believed."""
    idle: int = Field(default=30, ge=1, le=1440)
    """Minutes after which a session that is not used ends."""
    longest: int = Field(default=12, ge=1, le=720)
    """Hours after which every session ends."""
    edit: bool = False
    """Descriptors may be written to etc/ by an administrator's browser."""


class Webhooks(Model):
    """The listener for what couriers push: `[webhooks]`.  It serves nothing else."""

    listen: str = "off"
    """Address and port, or "off": nobody listens."""
    tls_cert: str | None = None
    """PEM files; relative paths stand beside impexd.toml."""
    tls_key: str | None = None
    behind_proxy: bool = False
    """A proxy before us speaks TLS: allow an address that others reach without `certificate`."""
    connections: int = Field(default=500, ge=1, le=65_536)
    """Most connections at a time; more are turned away."""


class Instance(Model):
    """All of `etc/impexd.toml`."""

    instance: Place = Place()
    store: Store = Store()
    limits: Limits = Limits()
    log: Log = Log()
    daemon: Daemon = Daemon()
    keep: Keep = Keep()
    notify: Notify = Notify()
    control: Control = Control()
    orders: Orders = Orders()
    outbound: Outbound = Outbound()
    admin: Admin = Admin()
    webhooks: Webhooks = Webhooks()
