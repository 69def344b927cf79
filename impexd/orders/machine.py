"""
The walker: applies an event to an order by the lines of the table, and by nothing else.

Pure: values in, values out.  What it cannot know from the order (is there enough in stock, does a
rule ask for approval) comes as `Facts`; what is to be written comes out as `Walked`.  A refusal
is a value: it says why, and which events are legal now.
"""

from collections.abc import Iterator
from typing import Any

from impexd.model.order import (
    Delivery,
    DeliveryEvent,
    DeliveryState,
    Order,
    OrderEvent,
    OrderState,
)
from impexd.orders import stock, table
from impexd.orders.steps import DERIVED, GOODS, LIVE, Event, Facts, Refused, Walked
from impexd.orders.table import Case, Effect, Rule
from impexd.orders.walking import BEFORE, No, Walk, delivery_lines, is_kind, order_lines


def walk(
    order: Order, event: Event, facts: Facts, *, delivery: str | None = None
) -> Walked | Refused:
    """Pure: apply one event to an order, or to the delivery of this number."""
    going = Walk(order, facts)
    try:
        if isinstance(event, OrderEvent):
            going.order_event(event)
        else:
            at = _index(order, delivery)
            _refuse_still(order, event)
            going.delivery_event(at, event, forced=False)
        going.follow()
    except No as no:
        return Refused(str(no), tuple(legal(order)))
    return Walked(going.order, tuple(going.steps), going.levels)


def amended(order: Order, facts: Facts) -> Walked:
    """Pure: an order whose content has been replaced reserves anew."""
    going = Walk(order, facts)
    going.order_event(OrderEvent.AMENDED)
    return Walked(going.order, tuple(going.steps), going.levels)


def legal(order: Order) -> Iterator[str]:
    """Pure: the events that may be sent now: `cancelled`, `ship D-1`."""
    for event in dict.fromkeys(rule.event for rule in table.ORDER):
        if event in DERIVED or event is OrderEvent.AMENDED:
            continue
        if any(not rule.unless(order, None) for rule in order_lines(order.state, event)):
            yield event.value
    for delivery in order.deliveries:
        for verb in dict.fromkeys(rule.event for rule in table.DELIVERY):
            if verb in DERIVED or verb is DeliveryEvent.LINE_UPDATE or _still(order, verb):
                continue
            rules = delivery_lines(delivery.state, verb)
            if any(_open(rule, order, delivery) for rule in rules):
                yield f"{verb.value} {delivery.number}"


def wants_stock(order: Order, event: Event, delivery: str | None) -> bool:
    """Pure: may this event move goods, so that what lies where has to be known?"""
    if isinstance(event, OrderEvent):
        rules = order_lines(order.state, event)
        spread = {Effect.RESERVE_ALL, Effect.START, Effect.CANCEL_ALL, Effect.RETURN_ALL}
        return any(spread & set(rule.effects) for rule in rules)
    found = [one for one in order.deliveries if delivery is None or one.number == delivery]
    if event is DeliveryEvent.LINE_UPDATE:
        stuck = (*BEFORE, DeliveryState.ATTENTION)
        moving = order.state in LIVE and any(one.state in stuck for one in found)
        return moving or any(stock.over(line) for one in found for line in one.lines)
    return any(
        GOODS & set(rule.effects) or rule.through or rule.case in (Case.ENOUGH, Case.SHORT)
        for one in found
        for rule in delivery_lines(one.state, event)
    )


def _open(rule: Rule[Any, Any], order: Order, delivery: Delivery) -> bool:
    if rule.case is not None and rule.case.question == "kind" and not is_kind(rule.case, delivery):
        return False
    return not rule.unless(order, delivery)


def _still(order: Order, event: DeliveryEvent) -> bool:
    """Pure: do deliveries of this order keep still?"""
    if event is DeliveryEvent.LINE_UPDATE or order.state in LIVE:
        return False
    ended = (OrderState.RETURNED, OrderState.RETURNED_REFUND_PENDING)
    return not (event is DeliveryEvent.RESTOCK and order.state in ended)


def _refuse_still(order: Order, event: DeliveryEvent) -> None:
    if event in DERIVED:
        raise No(f"{event} comes by itself")
    if _still(order, event):
        raise No(f"the order is {order.state}: its deliveries do not move")


def _index(order: Order, number: str | None) -> int:
    numbers = [one.number for one in order.deliveries]
    if number is None and len(numbers) == 1:
        return 0
    if number is None:
        raise No(f"which delivery?  The order has {', '.join(numbers) or 'none'}")
    if number not in numbers:
        raise No(f"the order has no delivery {number}; it has {', '.join(numbers) or 'none'}")
    return numbers.index(number)
