"""
One event, carried through: load, walk, write, all in the caller's transaction.

The order is locked first, so that of two events at the same moment the second sees what the
first has done; that is what makes one completion of two last deliveries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import UsageError
from impexd.model.order import Order, OrderEvent
from impexd.orders import approval, eligibility, machine, stock
from impexd.orders.bench import Bench
from impexd.orders.eligibility import Raised
from impexd.orders.steps import Event, Facts, Refused, Step, Walked
from impexd.orders.stock import Level
from impexd.store import order_index, order_log
from impexd.store import orders as store
from impexd.store import stock as shelf
from impexd.store.order_rows import canonical


@dataclass(frozen=True, slots=True)
class By:
    """Who made an event happen, and what was said with it."""

    actor: str
    note: str | None = None
    message: int | None = None
    said: str | None = None
    detail: Mapping[str, Any] | None = None
    payment: Mapping[str, Any] | None = None
    proof: str | None = None


async def event(
    tx: AsyncConnection, bench: Bench, id: int, event: Event, by: By, *, delivery: str | None = None
) -> Order | Refused:
    """Let an event happen to an order, or to its delivery of this number; UsageError if there is no order."""
    order = await store.one(tx, id, lock=True)
    if order is None:
        raise UsageError(f"there is no order {id}")
    return await happen(tx, bench, order, order, event, by, delivery=delivery)


async def happen(
    tx: AsyncConnection,
    bench: Bench,
    before: Order,
    order: Order,
    event: Event,
    by: By,
    *,
    delivery: str | None = None,
) -> Order | Refused:
    """Let an event happen to an order that is loaded and locked; `before` is what its rows say."""
    facts = await known(tx, bench, order, event, by, delivery)
    walked = machine.walk(order, event, facts, delivery=delivery)
    if isinstance(walked, Refused):
        return walked
    return await write(tx, bench, before, walked, facts, by)


async def known(
    tx: AsyncConnection, bench: Bench, order: Order, event: Event, by: By, delivery: str | None
) -> Facts:
    """Find out what the walk has to know beside the order."""
    levels = None
    if bench.shelf is not None:
        wants = machine.wants_stock(order, event, delivery)
        found = await shelf.levels(tx, bench.shelf, stock.places(order) if wants else ())
        levels = {place: Level(*held) for place, held in found.items()}
    why = ""
    if event in (OrderEvent.PAYMENT_CONFIRMED, OrderEvent.CASH_ON_DELIVERY):
        why = await _approval(tx, bench, order)
    return Facts(
        now=stamp(bench.clock.now()),
        complete_on=bench.settings.complete_on,
        levels=levels,
        approval=why,
        note=by.note,
        said=by.said,
        payment=by.payment,
        proof=by.proof,
    )


async def _approval(tx: AsyncConnection, bench: Bench, order: Order) -> str:
    known = True
    if bench.settings.approval.new_customer:
        key = order.customer_key
        known = key is not None and await order_index.known_customer(tx, key, order.id)
    return "; ".join(approval.reasons(bench, order, known=known))


async def write(
    tx: AsyncConnection, bench: Bench, before: Order, walked: Walked, facts: Facts, by: By
) -> Order:
    """Write what a walk leads to: the order, its audit, its flags, its movements of stock."""
    after = await store.save(tx, before, walked.order, now=facts.now)
    audits = await order_log.audited(tx, audit(after, walked.steps, facts, by))
    of_step = {id(step): number for step, number in zip(walked.steps, audits, strict=True)}
    raised = [
        Raised(flag, after.id, delivery, of_step[id(step)]) for flag, delivery, step in walked.flags
    ]
    await eligibility.raise_flags(tx, raised, now=facts.now)
    if raised:
        bench.flagged(tx)
    await _stock(tx, bench, walked, facts, audits)
    return after


def audit(order: Order, steps: Sequence[Step], facts: Facts, by: By) -> list[dict[str, Any]]:
    """Pure: the audit lines of some steps; what was said with the event stands with each."""
    return [
        {
            "order_id": order.id,
            "delivery_id": step.delivery,
            "event": step.event.value,
            "from_state": step.source,
            "to_state": step.target,
            "actor": by.actor,
            "note": by.note if step.why is None else _both(by.note, step.why),
            "message": by.message,
            "said": by.said,
            "at": facts.now,
            "detail": dict(by.detail) if by.detail and n == 0 else None,
        }
        for n, step in enumerate(steps)
    ]


def _both(note: str | None, why: str) -> str:
    return why if not note or note == why else f"{note} ({why})"


async def _stock(
    tx: AsyncConnection, bench: Bench, walked: Walked, facts: Facts, audits: Sequence[int]
) -> None:
    """Write movements, and the levels they leave."""
    rows = [
        {
            "delivery_line_id": move.line,
            "audit_id": number,
            "move": move.movement.value,
            "sku": move.place[0],
            "warehouse": move.place[1],
            "quantity": canonical(move.quantity),
            "at": facts.now,
        }
        for step, number in zip(walked.steps, audits, strict=True)
        for move in step.moves
    ]
    if rows and bench.shelf is not None and walked.levels is not None:
        await order_log.moved(tx, rows)
        await levelled(tx, bench, facts.levels or {}, walked.levels)


async def levelled(
    tx: AsyncConnection,
    bench: Bench,
    old: Mapping[stock.Place, Level],
    new: Mapping[stock.Place, Level],
) -> None:
    """Write the levels that are others than they were."""
    if bench.shelf is None:
        return
    changed = {
        place: (level.on_hand, level.reserved)
        for place, level in new.items()
        if level != old.get(place)
    }
    await shelf.write(tx, bench.shelf, changed)
