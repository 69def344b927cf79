"""Runs: one claimed drop carried through, with its parts, or one export made."""

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a run stands; `promises.md`'s journal in design's words."""

    CLAIMING = "claiming"
    VOID = "void"
    CLAIMED = "claimed"
    STAGING = "staging"
    PLANNED = "planned"
    HELD = "held"
    APPLYING = "applying"
    APPLIED = "applied"
    ARCHIVED = "archived"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"
    UNDONE = "undone"
    # of an export
    EXPORTING = "exporting"
    WRITTEN = "written"
    PUBLISHED = "published"


FINAL = frozenset(
    {State.VOID, State.ARCHIVED, State.FAILED, State.CANCELLED, State.DUPLICATE, State.UNDONE}
)
"""States nothing leaves by itself."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of a part, or of all rows of an entity."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    parked: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            *(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a drop under one descriptor."""

    member: str
    descriptor: str
    entity: str
    state: str
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the journal has it."""

    id: int
    token: str
    kind: str
    group: str
    state: State
    origin: str
    name: str
    bytes: int | None
    sha256: str | None
    config: str | None
    attempt: int
    crashes: int
    forced: bool
    dry: bool
    approved: bool
    planned_at: dict[str, int] | None
    """Entity -> change number that a held plan was made against."""
    parent: int | None
    code: str | None
    message: str | None
    problems: int
    counts: dict[str, dict[str, int]]
    place: str | None
    created: str
    started: str | None
    finished: str | None
    note: str | None
    actor: str | None
    occurrence: str | None = None
    """Export: what it was started by; there is one run for each in a group."""
    watermark: int | None = None
    """Export: the last change its snapshot holds."""
    seq: int | None = None
    """Export: its number in its group."""
    draft: str | None = None
    """Export: the name of its complete draft."""
    node: int = 1
    """Which daemon has its bytes, where several share a database."""
