"""What the daemon asks a worker process for an export, and what it gets back: structs as JSON."""

from impexd.model.base import Model
from impexd.model.work import Progress, Trouble


class Order(Model):
    """Write the draft of one export."""

    run: int
    group: str
    draft: str
    """Path of the file to be made."""
    since: dict[str, int]
    """Descriptor -> the last change its group's files have told of; none: everything goes out."""
    seq: int
    now: str
    """When it was begun, for templates."""
    url: str
    config: str
    """Hash of the configuration; its text has been sent to this worker before."""


class Member(Model):
    """What one descriptor came to."""

    descriptor: str
    name: str
    rows: int
    deleted: int = 0


class Written(Model):
    """A draft, complete and durable."""

    sha256: str
    bytes: int
    watermark: int
    members: tuple[Member, ...]


class Refused(Model):
    """Why this export can never be made as it is configured."""

    code: str
    message: str
    hint: str = ""


class Answer(Model):
    """One line from a worker: exactly one of its fields."""

    progress: Progress | None = None
    written: Written | None = None
    refused: Refused | None = None
    trouble: Trouble | None = None
