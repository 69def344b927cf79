"""
What goes into a walk and comes out of it: facts, steps, where it ends, or why nothing happened.

All are values; `machine` walks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from impexd.model.order import (
    DeliveryEvent,
    Flag,
    Order,
    OrderEvent,
    OrderState,
)
from impexd.orders.progress import CompleteOn
from impexd.orders.stock import Level, Move, Place
from impexd.orders.table import Effect

Event = OrderEvent | DeliveryEvent
LIVE = (OrderState.IN_PROGRESS, OrderState.PARTIALLY_SHIPPED, OrderState.COMPLETED)
"""Orders whose deliveries move; of a completed one, what is under way is still delivered or lost."""
GOODS = frozenset(
    {
        Effect.RESERVE,
        Effect.DEBIT,
        Effect.RELEASE,
        Effect.CREDIT,
        Effect.RESTOCK,
        Effect.SETTLE,
    }
)
DERIVED = frozenset({OrderEvent.PLACED, OrderEvent.PROGRESS, DeliveryEvent.RESERVE})
"""What nobody may send."""


@dataclass(frozen=True)
class Facts:
    """What a walk has to know beside the order."""

    now: str
    """The moment, as the tables keep it."""
    complete_on: CompleteOn = "shipped"
    levels: Mapping[Place, Level] | None = None
    """What lies where; None where stock is kept elsewhere."""
    approval: str = ""
    """Why a person has to approve; "" if nobody has to."""
    note: str | None = None
    said: str | None = None
    """When it happened, if that is known and is not now."""
    payment: Mapping[str, Any] | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One transition, as the audit keeps it."""

    event: Event
    source: str | None
    target: str
    delivery: int | None = None
    """The id of the delivery it is about; None: the order itself."""
    flags: tuple[Flag, ...] = ()
    moves: tuple[Move, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """What an event leads to."""

    order: Order
    steps: tuple[Step, ...]
    levels: Mapping[Place, Level] | None

    @property
    def flags(self) -> Iterator[tuple[Flag, int | None, Step]]:
        """Every flag raised: (flag, delivery or None, by which step)."""
        for step in self.steps:
            for flag in step.flags:
                if step.delivery is not None:
                    yield flag, step.delivery, step
                    continue
                yield flag, None, step
                if flag is not Flag.COMPLETED:
                    for delivery in self.order.deliveries:
                        yield flag, delivery.id, step


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing happened, and what could."""

    reason: str
    legal: tuple[str, ...] = ()
