"""
How far on its way a courier's word says a delivery is, and what brings it there: never back.

Pure.  Whatever order words come in, the farthest decides.
"""

from impexd.model.message import Said
from impexd.model.order import Delivery, DeliveryEvent, DeliveryState, Order
from impexd.orders.steps import LIVE

RANK = {Said.SHIP: 1, Said.FAIL: 2, Said.RETURNING: 2, Said.DELIVER: 3, Said.RETURN: 4}
"""How far on its way a word says a delivery is; words that are not here move nothing."""
REACHED = {
    DeliveryState.SHIPPED: 1,
    DeliveryState.ATTENTION: 2,
    DeliveryState.DELIVERED: 3,
    DeliveryState.RETURNED: 4,
    DeliveryState.CANCELLED: 9,
}
VERB = {
    Said.SHIP: DeliveryEvent.SHIP,
    Said.FAIL: DeliveryEvent.FAIL,
    Said.RETURNING: DeliveryEvent.FAIL,
    Said.DELIVER: DeliveryEvent.DELIVER,
    Said.RETURN: DeliveryEvent.RETURN,
}


def events(order: Order, delivery: Delivery, said: Said | None, rank: int) -> list[DeliveryEvent]:
    """
    Pure: the events that bring a delivery to where a message says it is.

    A courier who speaks of a parcel has it: what was never shipped for us is shipped first.
    """
    reached = REACHED.get(delivery.state, 0)
    if said is None or rank == 0 or order.state not in LIVE:
        return []
    left = delivery.shipped is not None
    if rank > reached:
        first = [] if left or said is Said.SHIP else [DeliveryEvent.SHIP]
        return [*first, VERB[said]]
    if delivery.state is DeliveryState.ATTENTION and not left:
        return [DeliveryEvent.SHIP, DeliveryEvent.FAIL]
    return []
