"""
Which deliveries of an order is a message about, and does it speak of a part of them alone?

Pure.  By the delivery's number, else by the lines it names, else the only one it can mean.
"""

from collections.abc import Sequence

from impexd.model.message import Message, Said
from impexd.model.order import DeliveryState, Order
from impexd.orders import lines
from impexd.orders.matching import Matched


def deliveries(order: Order, message: Message, matched: Matched) -> list[int]:
    """Pure: the deliveries a message is about, by index."""
    if message.delivery is not None:
        return [n for n, one in enumerate(order.deliveries) if one.number == message.delivery]
    if matched.lines:
        return sorted(matched.lines)
    if message.lines:
        return []
    all_ = [n for n, one in enumerate(order.deliveries) if one.state is not DeliveryState.CANCELLED]
    if message.warehouse is not None:
        all_ = [n for n in all_ if order.deliveries[n].warehouse == message.warehouse]
    if len(all_) > 1 and message.tracking is not None:
        named = [n for n in all_ if order.deliveries[n].tracking == message.tracking]
        all_ = named or all_
    if not all_ and len(order.deliveries) == 1:
        return [0]
    return all_ if len(all_) == 1 else []


def partly(
    order: Order, message: Message, matched: Matched, about: Sequence[int]
) -> dict[int, str]:
    """
    Pure: the deliveries of which a message says that a part is under way, or has arrived: which, why.

    They ship when all their lines are done, and only then can have arrived.
    """
    if message.said not in (Said.SHIP, Said.DELIVER):
        return {}
    found = [(n, order.deliveries[n]) for n in about]
    return {
        n: f"of delivery {one.number} more is to come ({lines.left(one)})"
        for n, one in found
        if one.shipped is None and lines.partly(one, matched.lines.get(n, {}))
    }


def which(order: Order) -> str:
    """Pure: ask which one is meant."""
    numbers = ", ".join(one.number for one in order.deliveries[:5])
    more = " ..." if len(order.deliveries) > 5 else ""
    return f"which of the deliveries of order {order.number} is meant?  It has {numbers}{more}"
