"""
What the daemon asks a worker process for, and what it gets back: frozen structs as JSON.

The two ends of a pipe between one program and itself, so that neither side guesses.
"""

from typing import Literal

from pydantic import Field

from impexd.model.base import Model
from impexd.model.work import Progress, Trouble

Task = Literal["stage", "plan", "rejects", "diff", "bundle"]
"""What a worker can be asked for."""


class Member(Model):
    """One run of a bundle."""

    run: int
    source: str
    """Path of the claimed bytes."""
    name: str


class Order(Model):
    """Stage and plan a run or a bundle, or write a run's rejects."""

    task: Task
    run: int
    group: str
    source: str
    """Path of the claimed bytes."""
    name: str
    """The drop's own name."""
    origin: str = "inbox"
    """`parked`: the drop is rows of ours that waited, not a file of a partner."""
    scratch: str
    """Folder for the stage, of this attempt alone."""
    url: str
    config: str
    """Hash of the configuration; its text has been sent to this worker before."""
    bundle: tuple[Member, ...] = ()
    """The runs that are staged and planned as one, in order; the first is `run`."""


class Counts(Model):
    """What became of the rows of a part."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    parked: int = 0


class PartResult(Model):
    """One file of the drop under one part of a descriptor."""

    n: int
    member: str
    descriptor: str
    record: int
    entity: str
    mode: str
    state: Literal["planned", "rejected"]
    counts: Counts
    problems: int


class Noted(Model):
    """A problem as it travels."""

    part: int | None = None
    line: int | None = None
    code: str
    col: str | None = None
    message: str
    cell: str | None = None


class Moved(Model):
    """How many values of a field would move too far, with one of them to look at."""

    field: str
    """As `entity.field`."""
    count: int
    key: str
    old: str
    new: str


class Planned(Model):
    """What staging and planning came to."""

    descriptors: tuple[str, ...]
    """Those that took files: the sheets are made from them."""
    parts: tuple[PartResult, ...]
    problems: tuple[Noted, ...]
    """As many for each part as `limits.problems` allows; `PartResult.problems` counts all."""
    told: int
    """All problems."""
    at: dict[str, int] = Field(default_factory=dict)
    """Change number of each entity the plan was made against."""
    live: dict[str, int] = Field(default_factory=dict)
    """Records of each entity the plan changes, before it."""
    moved: tuple[Moved, ...] = ()
    """Numbers that would move by more than the group's guard allows."""
    unmatched: tuple[str, ...] = ()
    """Files that no descriptor takes."""
    overtaken: int = 0
    """Rows that a later one with their key has taken the place of (`duplicates = "last"`)."""
    refused: Noted | None = None
    """Why the drop as a whole is not loaded."""


class Answer(Model):
    """One line from a worker: exactly one of its fields."""

    progress: Progress | None = None
    planned: Planned | None = None
    rejects: tuple[str, ...] | None = None
    bundle: tuple[Planned, ...] | None = None
    """One plan for each run that can be applied with the others, from the first on."""
    trouble: Trouble | None = None
