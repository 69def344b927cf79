"""
Where the files of an export group are laid down: `[target]`.

Whatever the kind, each file is laid into the group's outbox first; one that goes elsewhere is sent
from there, and stays there for as long as the group keeps its files.  No secret stands in it, only
where keys and passwords are kept.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from impexd.model.base import Model
from impexd.model.secret import Secret

Host = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$")
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


class Target(Model):
    """Where files are laid down: `[target]`."""

    kind: Literal["local", "sftp", "s3"] = "local"
    path: str | None = None
    """
    local: the folder; `outbox/<group>` below var if not said, relative paths stand below var.
    sftp: the folder on the server, which must be there; where one lands if not said.
    s3: what keys begin with, `exports/prices`.
    """
    # sftp
    host: Host | None = None
    port: int = Field(default=22, ge=1, le=65535)
    user: Text | None = None
    known_hosts: Text | None = None
    """A file with the server's key, as `ssh-keyscan` writes it; a relative path stands below etc."""
    key: Secret | None = None
    """Where a private key without passphrase is kept."""
    password: Secret | None = None
    # s3
    bucket: Bucket | None = None
    region: Text | None = None
    endpoint: Text | None = None
    """The URL of a store that is not Amazon's."""
    allow_http: bool = False
    """Go without encryption; for a store on this machine or a network of your own."""
    access: Secret | None = None
    """Where two words are kept, access key id and secret access key; as Amazon's own tools if not said."""

    @property
    def away(self) -> bool:
        """Are files sent somewhere else?"""
        return self.kind != "local"

    @property
    def shown(self) -> str:
        """What it is called where people read; holds no secret."""
        path = (self.path or "").strip("/")
        if self.kind == "s3":
            return f"s3://{self.bucket}" + (f"/{path}" if path else "")
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host
        port = f":{self.port}" if self.port != 22 else ""
        lead = "/" if (self.path or "").startswith("/") else "/~/" if path else ""
        return f"sftp://{self.user}@{host}{port}{lead}{path}"


KEYS: Mapping[str, frozenset[str]] = {
    "local": frozenset(),
    "sftp": frozenset({"host", "port", "user", "known_hosts", "key", "password"}),
    "s3": frozenset({"bucket", "region", "endpoint", "allow_http", "access"}),
}
"""What each kind knows, besides `kind` and `path`."""
SECRETS = ("key", "password", "access")
"""The keys that say where a secret is kept."""
