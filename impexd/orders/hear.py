"""
Hear: what a message of a feed does to the order it is about.

Takes a message in our words and the caller's transaction; gives what became of it, for the
caller to keep beside the message in the same transaction (also if it is `parked`: its facts may
have been written).

Facts are kept whatever the order's state.  Where a delivery stands is decided by rank: under
way, in trouble, delivered, returned.  A message moves a delivery up and never down, so late,
repeated and reordered messages all end alike; by which of them happened last is decided only
what is shown as latest.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.core.text import shown
from impexd.model.config import Config
from impexd.model.message import Heard, Message, Outcome, Said
from impexd.model.order import (
    Delivery,
    DeliveryEvent,
    Order,
    OrderEvent,
    OrderState,
    Payment,
)
from impexd.orders import bench as benches
from impexd.orders import lines, matching, meant, run
from impexd.orders import rank as ranks
from impexd.orders.bench import Bench, Flagged
from impexd.orders.matching import Matched
from impexd.orders.run import By
from impexd.orders.steps import Refused
from impexd.store import order_index, order_log
from impexd.store import orders as store
from impexd.store.order_rows import canonical

ORDER_VERB = {
    Said.PAYMENT_PENDING: OrderEvent.PAYMENT_PENDING,
    Said.PAYMENT_CONFIRMED: OrderEvent.PAYMENT_CONFIRMED,
    Said.PAYMENT_FAILED: OrderEvent.PAYMENT_FAILED,
    Said.REFUND_CONFIRMED: OrderEvent.REFUND_CONFIRMED,
    Said.CANCELLED: OrderEvent.CANCELLED,
}
EARLY = (OrderState.PENDING, OrderState.AWAITING_PAYMENT, OrderState.AWAITING_APPROVAL)
"""Orders that are not that far."""


async def apply(
    tx: AsyncConnection,
    config: Config,
    message: Message,
    *,
    clock: Clock,
    flagged: Flagged = benches.nobody,
) -> Heard:
    """
    Apply one message, whole, in the caller's transaction.

    The same message applied again, late, or in another order, moves nothing back.  An order that
    is not there, or not that far, parks it.  Raises only what the database raises.
    """
    return await heard(tx, benches.bench(config, clock, flagged), message)


async def heard(tx: AsyncConnection, bench: Bench, message: Message) -> Heard:
    """Do what `apply` says, with what orders are worked with at hand."""
    id, message, why = await _meant(tx, message)
    if id is None:
        named = message.order or message.delivery or message.tracking
        return Heard(Outcome.PARKED if named else Outcome.DEAD, why)
    order = await store.one(tx, id, lock=True)
    if order is None:
        return Heard(Outcome.PARKED, why)
    if message.said in ORDER_VERB:
        return await _order_said(tx, bench, order, message)
    return await _delivery_said(tx, bench, order, message)


async def _meant(tx: AsyncConnection, message: Message) -> tuple[int | None, Message, str]:
    """Find the order: by its number, else by the delivery's, else by the tracking number."""
    if message.order is not None:
        found = await order_index.numbered(tx, [message.order])
        if message.order in found:
            return found[message.order][0], message, ""
        return None, message, f"there is no order {shown(message.order, limit=80)}"
    if message.delivery is not None:
        id = await order_index.of_delivery(tx, message.delivery)
        if id is None:  # many a courier knows one number only, that of the order
            named = await order_index.numbered(tx, [message.delivery])
            id = next((order for order, _ in named.values()), None)
        return id, message, f"there is no delivery {shown(message.delivery, limit=80)}"
    if message.tracking is not None:
        tracked = await order_index.of_tracking(tx, message.tracking)
        if len(tracked) == 1:
            id, number = tracked[0]
            return id, replace(message, delivery=number), ""
        what = shown(message.tracking, limit=80)
        how = "several deliveries have" if tracked else "no delivery has"
        return None, message, f"{how} the tracking number {what}"
    return None, message, "it names neither an order nor a delivery"


# --- what is said of the order ---


async def _order_said(tx: AsyncConnection, bench: Bench, order: Order, message: Message) -> Heard:
    event = ORDER_VERB[message.said or Said.CANCELLED]
    payment = {
        name: value
        for name, value in (
            ("amount", None if message.amount is None else str(message.amount)),
            ("source", message.source),
        )
        if value is not None
    }
    by = _by(message, payment=payment if event is OrderEvent.PAYMENT_CONFIRMED else None)
    done = await run.happen(tx, bench, order, order, event, by)
    if not isinstance(done, Refused):
        return Heard(Outcome.APPLIED, order=order.id)
    if _already(order, event):
        return Heard(Outcome.NOTED, done.reason, order.id)
    if order.state is OrderState.AWAITING_APPROVAL or event is OrderEvent.REFUND_CONFIRMED:
        return Heard(Outcome.PARKED, done.reason, order.id)
    return Heard(Outcome.NOTED, done.reason, order.id, (done.reason,))


def _already(order: Order, event: OrderEvent) -> bool:
    """Pure: does an event say what is so, or has been so, in any case?"""
    paid = order.payment_state in (Payment.CONFIRMED, Payment.REFUNDED)
    match event:
        case OrderEvent.PAYMENT_CONFIRMED:
            return paid
        case OrderEvent.PAYMENT_PENDING:
            return paid or order.payment_state is not Payment.OPEN
        case OrderEvent.PAYMENT_FAILED:
            return order.payment_state is Payment.FAILED
        case OrderEvent.REFUND_CONFIRMED:
            return order.payment_state is Payment.REFUNDED
        case _:
            return order.state in (OrderState.CANCELLED, OrderState.CANCELLED_REFUND_PENDING)


# --- what is said of deliveries ---


async def _delivery_said(
    tx: AsyncConnection, bench: Bench, order: Order, message: Message
) -> Heard:
    numbers = [one.number for one in order.deliveries]
    if message.delivery == order.number and message.delivery not in numbers:
        message = replace(message, delivery=None)
    if message.delivery is not None and message.delivery not in numbers:
        what = f"order {order.number} has no delivery {shown(message.delivery, limit=80)}"
        return Heard(Outcome.PARKED, what, order.id)
    matched = matching.match(order.deliveries, message)
    about = meant.deliveries(order, message, matched)
    if not about:
        what = "; ".join(matched.problems) or meant.which(order)
        return Heard(Outcome.DEAD, what, order.id, matched.problems)
    before = order
    order = await _facts(tx, bench, order, message, matched, about)
    told = order is not before
    rank = ranks.RANK.get(message.said or Said.NOTE, 0)
    if rank and order.state in EARLY:
        what = f"the order is {order.state}"
        return Heard(Outcome.PARKED, what, order.id, matched.problems)
    partly = meant.partly(order, message, matched, about)
    whole = [n for n in about if n not in partly]
    moved, reasons = await _moves(tx, bench, order, message, whole, rank)
    problems = (*matched.problems, *reasons)
    if partly and message.said is Said.DELIVER:
        what = "; ".join(partly.values())
        return Heard(Outcome.PARKED, what, order.id, problems)
    counted = any(
        (line.shipped, line.rejected) != (old.shipped, old.rejected)
        for now, was in zip(order.deliveries, before.deliveries, strict=True)
        for line, old in zip(now.lines, was.lines, strict=True)
    )
    done = Outcome.APPLIED if moved or (told and counted) else Outcome.NOTED
    return Heard(done, "" if done is Outcome.APPLIED else "nothing moves", order.id, problems)


async def _facts(
    tx: AsyncConnection,
    bench: Bench,
    order: Order,
    message: Message,
    matched: Matched,
    about: Sequence[int],
) -> Order:
    """Keep what a message says of lines and deliveries; quantities once, however often it is tried."""
    again = message.row is not None and await order_log.has_heard(tx, message.row)
    for n in about:
        mine = matched.lines.get(n, {})
        was = order.deliveries[n]
        now = lines.heard(was, message, mine, quantities=not again)
        if now is was:
            continue
        parts = (*order.deliveries[:n], now, *order.deliveries[n + 1 :])
        by = _by(message, detail=_detail(message, was, now))
        done = await run.happen(
            tx,
            bench,
            order,
            replace(order, deliveries=parts),
            DeliveryEvent.LINE_UPDATE,
            by,
            delivery=was.number,
        )
        if isinstance(done, Refused):
            raise RuntimeError(f"a line update is refused: {done.reason}")
        order = done
    return order


def _detail(message: Message, was: Delivery, now: Delivery) -> dict[str, object]:
    """Pure: what was said, as the audit shows it."""
    told: dict[str, object] = {
        line.ref: {
            "shipped": canonical(line.shipped),
            "rejected": canonical(line.rejected),
        }
        for line, old in zip(now.lines, was.lines, strict=True)
        if (line.shipped, line.rejected) != (old.shipped, old.rejected)
    }
    facts = {
        name: getattr(now, name) for name in lines.FACTS if getattr(now, name) != getattr(was, name)
    }
    return {**({"lines": told} if told else {}), **facts}


async def _moves(
    tx: AsyncConnection,
    bench: Bench,
    order: Order,
    message: Message,
    about: Sequence[int],
    rank: int,
) -> tuple[bool, list[str]]:
    """Move the deliveries as far as the message says they are; (did any move, what refuses it)."""
    moved, reasons = False, []
    for n in about:
        for event in ranks.events(order, order.deliveries[n], message.said, rank):
            by = _by(message, note=message.remarks or message.status)
            done = await run.happen(
                tx, bench, order, order, event, by, delivery=order.deliveries[n].number
            )
            if isinstance(done, Refused):
                reasons.append(done.reason)
                break
            order, moved = done, True
    return moved, reasons


def _by(
    message: Message,
    *,
    note: str | None = None,
    detail: dict[str, object] | None = None,
    payment: dict[str, str] | None = None,
) -> By:
    said = note or message.remarks
    return By(
        actor=f"feed:{message.source}",
        note=shown(said) if said else None,
        message=message.row,
        said=message.at,
        detail=detail,
        payment=payment,
        proof=message.proof,
    )
