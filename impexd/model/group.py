"""Groups: what starts an operation.  An import group owns an inbox."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from impexd.model.base import Model, Slug
from impexd.model.notify import Expect
from impexd.model.secret import Secret

Bound = (
    Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?\s*%?$")]
    | Annotated[int, Field(ge=0)]
)
"""A count, or a share written as `"30 %"`."""


CatchUp = Literal["none", "one", "all"]
"""What is done about moments that went by while nobody was there: nothing, one for all, each."""


class Inbox(Model):
    """Where drops come in."""

    path: str | None = None
    """The folder; `inbox/<group>` below var if not said.  Relative paths stand below var."""
    match: str | None = None
    """An RE2 expression for names that are drops of ours; others are left alone."""
    settle: float = Field(default=2.0, ge=0, le=3600)
    """Seconds a file keeps still before it is taken."""
    incomplete_after: float = Field(default=3600.0, gt=0)
    """Seconds after which a file that still proves incomplete is put into failed."""
    companion: str | None = None
    """`.ready` or `.sha256`: a drop is complete when NAME + companion lies beside it."""
    copy_mode: bool = Field(default=False, alias="copy")
    """Copy instead of rename: for network mounts and folders other users own."""
    schedule: str | None = None
    """A cron expression: what lies here is taken then, and not as soon as it is complete."""
    every: str | None = None
    """The same as an interval, `"2 h"`."""
    zone: str = "UTC"
    """The time zone of `schedule`."""
    catch_up: CatchUp = "one"


class Guard(Model):
    """Limits of a plan; outside them the run is held for a person."""

    max_deletes: Bound | None = None
    max_changes: Bound | None = None
    max_rejects: Bound | None = None
    min_rows: Bound | None = None
    max_change: dict[str, Bound] = {}
    """For each `entity.field`: the most a number may move, as a share of its old value."""


class ImportGroup(Model):
    """`etc/groups/<name>.toml` with `kind = "import"`."""

    kind: Literal["import"]
    label: str = ""
    descriptors: tuple[Slug, ...] = Field(min_length=1)
    inbox: Inbox = Inbox()
    on_problem: Literal["reject-row", "reject-file", "reject-drop"] = "reject-row"
    atomic: Literal["archive", "file", "chunk"] = "archive"
    unmatched: Literal["reject", "warn", "ignore"] = "warn"
    """Members no descriptor takes."""
    guard: Guard = Guard()
    expect: Expect | None = None
    """When a file must have come; operators are told if none has."""
    priority: int = Field(default=0, ge=-100, le=100)
    keep: int = Field(default=90, ge=1)
    """Days the archive keeps a drop."""
    zip_names: str = "cp437"
    """Encoding of member names without the UTF-8 flag."""
    after: tuple[str | Secret, ...] = ()
    """
    Once a run is applied: `export:NAME` starts an export, a URL is called by POST; one that
    holds a secret is named by where it is kept.
    """
