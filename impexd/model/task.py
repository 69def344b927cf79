"""One export task: an order or a delivery, a flag, an exporter, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class TaskState(StrEnum):
    """How far a task has come."""

    READY = "ready"
    SENDING = "sending"
    """On its way now, or its sender has died."""
    UNKNOWN = "unknown"
    """Sent, and nobody can say whether it arrived."""
    DONE = "done"
    RETRY = "retry"
    """Certainly not taken; tried again when it is due."""
    HELD = "held"
    """Waits for a person."""
    FAILED = "failed"
    """A dead letter: refused for good, or too old."""
    SUPERSEDED = "superseded"
    """Overtaken by a later event before it was sent."""
    SKIPPED = "skipped"
    """A person has said no."""


GOING = (TaskState.READY, TaskState.RETRY, TaskState.UNKNOWN)
"""Goes on by itself."""
OVER = (TaskState.DONE, TaskState.SUPERSEDED, TaskState.SKIPPED)
"""Nothing more will happen by itself, and nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task, as the tables have it."""

    id: int
    flag_id: int
    order_id: int
    delivery_id: int | None
    about: int
    """The delivery; 0: the order itself."""
    flag: str
    root: str
    """The flag that its chain began with."""
    exporter: str
    generation: int
    priority: int
    state: TaskState
    reason: str | None
    key: str
    body: bytes | None
    content: str | None
    frozen: Mapping[str, Any] | None
    frozen_at: str | None
    config_hash: str | None
    maybe: bool
    """It may have reached the partner."""
    attempts: int
    epoch: int
    due: str
    made: str
    since: str
    """From when its age counts."""
    first_sent: str | None
    last_sent: str | None
    ended: str | None
    ref: str | None
    raised: int | None
    """The flag that its success has raised."""


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One flag that was raised."""

    id: int
    order_id: int
    delivery_id: int | None
    flag: str
    raised: str
    state: str
    reason: str | None
