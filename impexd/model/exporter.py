"""
Exporters: who is told of which flag, when, how patiently, and what follows.

`etc/exporters/<name>.toml` holds what all kinds of exporters have in common, and one table named
after its `type` with what that kind needs.  A flag makes one task for each exporter that listens.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from impexd.model import schedule
from impexd.model.base import Model, Slug
from impexd.model.export import Op

FlagName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,62}$")]
"""A flag: capitals, digits and _."""


def _span(text: str) -> str:
    span(text)
    return text


Span = Annotated[str, AfterValidator(_span)]
"""A length of time, "30 s", "15 min", "3 d"."""


@cache
def span(text: str) -> timedelta:
    """Pure: read a length of time; ValueError says what is wrong."""
    found = re.fullmatch(r"([0-9]{1,9})\s*([a-z]{1,3})", text.strip())
    if not found or found[2] not in schedule.UNITS:
        raise ValueError('a number with s, min, h or d is wanted here, like "30 s" or "3 d"')
    seconds = int(found[1]) * schedule.UNITS[found[2]]
    if not 1 <= seconds <= schedule.MOST:
        raise ValueError("at least 1 s and at most 366 d are wanted here")
    return timedelta(seconds=seconds)


class Per(StrEnum):
    """What one task is about."""

    ORDER = "order"
    DELIVERY = "delivery"


class OnUnknown(StrEnum):
    """What is done when nobody can say whether the partner was told."""

    RETRY = "retry"
    """Again, with the same key and the same bytes: for partners that honour keys."""
    HOLD = "hold"
    """A person looks into it."""
    ASK = "ask"
    """The partner is asked whether it knows the key."""


class When(Model):
    """One condition on what the task is about; all must hold."""

    field: Annotated[
        str, StringConstraints(pattern=r"^(order|delivery)(\.[A-Za-z0-9_-]{1,100}){1,5}$")
    ]
    """`order.total`, `order.custom.channel`, `delivery.kind`."""
    op: Op = Op.IS
    value: str | int | bool | tuple[str | int, ...] | None = None


class Retry(Model):
    """How long is waited before the next attempt: `[retry]`."""

    first: Span = "10 s"
    most: Span = "15 min"


class Breaker(Model):
    """When a partner that does not answer is left alone: `[breaker]`."""

    failures: int = Field(default=5, ge=1, le=1000)
    """In a row, of whatever tasks."""
    pause: Span = "30 s"
    """Then nothing is sent for so long; twice as long each time it is still down."""
    most: Span = "15 min"


class Common(Model):
    """What every file in `etc/exporters/` may say, whatever its type."""

    type: Slug
    """The kind of exporter: file, mail, http, sftp, hold, or one that is plugged in."""
    label: str = ""
    enabled: bool = True
    """False: checked, and otherwise as if it were not there."""
    flags: tuple[FlagName, ...] = Field(min_length=1)
    """What it listens to."""
    by_hand: tuple[FlagName, ...] = ()
    """Of these, the user's own flags that only a person raises."""
    per: Per = Per.ORDER
    shops: tuple[str, ...] = ()
    """If any: only orders of these shops."""
    warehouses: tuple[str, ...] = ()
    """If any: only deliveries from these, or orders that have one."""
    carriers: tuple[str, ...] = ()
    """If any: only deliveries with these, or orders that have one."""
    when: tuple[When, ...] = ()
    priority: int = Field(default=0, ge=-1000, le=1000)
    """Of those who hear a flag, the higher is told first."""
    next: FlagName | None = None
    """The flag that is raised when a task is done, in the same transaction."""
    hold: bool = False
    """Each task waits for a person before it is sent."""
    on_unknown: OnUnknown | None = None
    """The type's own way if not said."""
    ordered: bool = False
    """An order's tasks go out one after the other, in the order of its events."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """Tasks that are sent at the same time."""
    max_age: Span = "3 d"
    """After so long without success a task goes to the dead letters."""
    key_kept: Span = "20 h"
    """For how long the partner remembers keys; after that nothing unknown is sent again."""
    retry: Retry = Retry()
    breaker: Breaker = Breaker()


class Exporter(Common):
    """An exporter, and the table of its type as it was written."""

    settings: Mapping[str, Any] = {}

    @property
    def waits(self) -> Literal["retry", "hold", "ask"] | None:
        """What was said about unknown outcomes."""
        return None if self.on_unknown is None else self.on_unknown.value
