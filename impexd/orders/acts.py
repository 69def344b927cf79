"""
What people and programs do with orders: place them, let events happen, look at one.

The words of the API and the commands, made into events of the table; each act is one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import DataError, UsageError
from impexd.core.text import shown
from impexd.model.order import (
    DeliveryEvent,
    DeliveryState,
    Order,
    OrderEvent,
)
from impexd.model.placing import Placement
from impexd.orders import lines, machine, placing, run
from impexd.orders.bench import Bench
from impexd.orders.placing import Placed
from impexd.orders.run import By
from impexd.orders.steps import DERIVED, Event, Refused
from impexd.store import again, order_lists
from impexd.store import orders as store
from impexd.store.engine import Store
from impexd.store.order_rows import canonical

REFUSED = "refused"
"""The code of a refusal, for programs."""
SOME = 200
"""Orders that are placed in one transaction."""
DECISIONS = frozenset({OrderEvent.APPROVED, OrderEvent.DECLINED, OrderEvent.REFUND_CONFIRMED})
"""Events that are somebody's decision about money."""

Quantities = Sequence[tuple[str, Decimal | None, Decimal | None]]
"""(a line's reference, shipped, rejected)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to happen."""

    event: Event
    delivery: str | None = None
    quantities: Quantities = ()
    tracking: str | None = None
    carrier: str | None = None
    """Of the delivery."""

    @property
    def facts(self) -> dict[str, Any]:
        """What is told of the delivery."""
        told = {"tracking": self.tracking, "carrier": self.carrier}
        return {name: value for name, value in told.items() if value is not None}


def event(word: str) -> Event:
    """Pure: the event of this name; UsageError with all there are.  An order's `cancelled` is no delivery's `cancel`."""
    every: list[Event] = [*OrderEvent, *DeliveryEvent]
    known = {
        one.value: one for one in every if one not in DERIVED and one is not OrderEvent.AMENDED
    }
    if word not in known:
        hint = f"there is {', '.join(known)}"
        raise UsageError(f"there is no event {shown(word)}", hint=hint)
    return known[word]


async def place(keep: Store, bench: Bench, placements: Sequence[Placement], by: By) -> list[Placed]:
    """Place orders, some in each transaction; gives what became of each."""
    done: list[Placed] = []
    for start in range(0, len(placements), SOME):
        some = placements[start : start + SOME]

        async def placed(tx: AsyncConnection, some: Sequence[Placement] = some) -> list[Placed]:
            return await placing.place(tx, bench, some, by)

        done += await again.small(keep, placed, clock=bench.clock)
    return done


async def happen(keep: Store, bench: Bench, word: str, wish: Wish, by: By) -> dict[str, Any]:
    """
    Let an event happen to the order of this number or id; gives the order as it is then.

    Raises `DataError` with code `refused` if the table has no line for it; its hint names the
    events that are legal now.
    """

    async def work(tx: AsyncConnection) -> Order | Refused:
        order = await _locked(tx, word)
        after, delivery = _wished(order, wish)
        detail = _detail(wish)
        told = replace(by, detail=detail) if detail else by
        return await run.happen(tx, bench, order, after, wish.event, told, delivery=delivery)

    done = await again.small(keep, work, clock=bench.clock)
    if isinstance(done, Refused):
        legal = ", ".join(done.legal) or "nothing"
        raise DataError(REFUSED, done.reason, hint=f"legal now: {legal}")
    return await told(keep, str(done.id))


async def _locked(tx: AsyncConnection, word: str) -> Order:
    id = await order_lists.found(tx, word)
    order = None if id is None else await store.one(tx, id, lock=True)
    if order is None:
        raise UsageError(f"there is no order {shown(word)}", hint="`impexd orders` lists them")
    return order


def _wished(order: Order, wish: Wish) -> tuple[Order, str | None]:
    """Pure: the order with the quantities and facts a person sets, and the delivery it is about."""
    if wish.facts:
        order = _known(order, wish)
    if not wish.quantities:
        return order, wish.delivery
    if wish.event is not DeliveryEvent.LINE_UPDATE:
        raise UsageError("quantities go with line_update")
    refs = {ref for ref, _, _ in wish.quantities}
    for n, delivery in enumerate(order.deliveries):
        if wish.delivery not in (None, delivery.number):
            continue
        if refs <= {line.ref for line in delivery.lines}:
            parts = list(order.deliveries)
            parts[n] = lines.exactly(delivery, wish.quantities)
            return replace(order, deliveries=tuple(parts)), delivery.number
    named = ", ".join(sorted(refs))
    there = "; ".join(
        f"delivery {one.number} has {', '.join(line.ref for line in one.lines[:20])}"
        for one in order.deliveries[:20]
        if wish.delivery in (None, one.number)
    )
    which = f"delivery {wish.delivery} has not" if wish.delivery else "no delivery of the order has"
    raise UsageError(f"{shown(which)} the lines {shown(named)}", hint=shown(there))


def _known(order: Order, wish: Wish) -> Order:
    """Pure: the order with the facts a person tells of a delivery."""
    if isinstance(wish.event, OrderEvent):
        raise UsageError(f"{' and '.join(wish.facts)} go with an event of a delivery")
    one = len(order.deliveries) == 1 and wish.delivery is None
    parts = tuple(
        replace(part, **wish.facts) if one or part.number == wish.delivery else part
        for part in order.deliveries
    )
    return replace(order, deliveries=parts)


def _detail(wish: Wish) -> dict[str, Any]:
    if not wish.quantities:
        return wish.facts
    return wish.facts | {
        "lines": {
            ref: {
                name: canonical(value)
                for name, value in (("shipped", shipped), ("rejected", rejected))
                if value is not None
            }
            for ref, shipped, rejected in wish.quantities
        }
    }


async def told(keep: Store, word: str) -> dict[str, Any]:
    """Tell of one order: what it is, where it is, how it got there, and what is legal now."""
    async with keep.reading() as tx:
        id = await order_lists.found(tx, word)
        order = None if id is None else await store.one(tx, id, lock=False)
        if order is None:
            hint = "`impexd orders` lists them"
            raise UsageError(f"there is no order {shown(word)}", hint=hint)
        audit = await order_lists.audit(tx, order.id)
        flags = await order_lists.flags(tx, order.id)
        movements = await order_lists.movements(tx, order.id)
    return shape(order) | {
        "audit": audit,
        "flags": flags,
        "movements": movements,
        "legal": list(machine.legal(order)),
    }


def shape(order: Order) -> dict[str, Any]:
    """Pure: an order as JSON has it."""
    tree: dict[str, Any] = _plain(asdict(order))
    for delivery in tree["deliveries"]:
        back = delivery["state"] == DeliveryState.RETURNED
        for line in delivery["lines"]:
            left = Decimal(line["shipped"]) or Decimal(line["ordered"]) - Decimal(line["rejected"])
            line["sent"] = canonical(left) if delivery["shipped"] else "0"
            line["came_back"] = line["sent"] if back else "0"
    return tree


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return canonical(value) if isinstance(value, Decimal) else value
