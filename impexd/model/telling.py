"""
What an exporter is handed, and what it gives back: values that pass through its door.

`Telling` is what there is to be told, `Frozen` what was made of it once and for all, and an
`Outcome` what came of sending it.  `Unknown` is neither success nor failure, and is never taken
for either: the partner may have been told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from impexd.core.clock import Clock
from impexd.model.outbound import Outbound

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Telling:
    """What there is to be told."""

    flag: str
    raised: str
    """When, as RFC 3339."""
    order: Document
    """The order with its lines and deliveries; amounts and quantities are `Decimal`."""
    delivery: Document | None
    """The delivery, if this is about one."""
    records: Mapping[str, Document]
    """What the tables hold about its `shop`, `customer`, `warehouse` and `carrier`; {} for none."""
    key: str
    exporter: str
    task: int
    generation: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is sent: the same bytes, however often."""

    body: bytes
    content: str
    """Its media type."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """What else must not change: a name, recipients, headers.  JSON."""


@dataclass(frozen=True, slots=True)
class Means:
    """What an exporter works with."""

    clock: Clock
    etc: Path
    """The folder of impexd.toml: secrets and templates are found from here."""
    var: Path
    name: str
    """The exporter's own."""
    outbound: Outbound = field(default_factory=Outbound)
    """Whom this instance may call."""


@dataclass(frozen=True, slots=True)
class Done:
    """The partner has it."""

    ref: str | None = None
    """What the partner calls it."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The partner has certainly not acted: not reached, or it said so.  Try again later."""

    reason: str
    after: float | None = None
    """Seconds that the partner asked us to wait."""
    partner: bool = False
    """Does it ask so for everything, not for this one task?"""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The partner may have acted, or not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The partner will not take this, now or later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Something is wrong that only a person can judge: it is held."""

    reason: str


Outcome = Done | NotTaken | Unknown | Refused | Doubtful
