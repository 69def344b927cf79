"""
Progress: how far an order is, told by its deliveries alone.

One function, so that there is one opinion.  Deliveries count by what they have reached, not by
where they are now: what is lost on its way, or came back, had been shipped; so an order never
goes back, whatever order the news come in.
"""

from typing import Literal

from impexd.model.order import Delivery, DeliveryState, Order, OrderState, Payment

CompleteOn = Literal["shipped", "delivered"]
"""When a delivery counts as done."""

FOLLOWING = (OrderState.IN_PROGRESS, OrderState.PARTIALLY_SHIPPED)
"""States that follow the deliveries."""


def of(order: Order, complete_on: CompleteOn) -> OrderState:
    """
    Pure: where an order stands by its deliveries; any other state than those two is left alone.

    `completed` if every delivery that is not out is done (and cash on delivery is paid),
    `partially_shipped` if any has been shipped.
    """
    if order.state not in FOLLOWING:
        return order.state
    left = [one for one in order.deliveries if not out(one)]
    paid = not order.cash_on_delivery or order.payment_state is Payment.CONFIRMED
    if left and paid and all(done(one, complete_on) for one in left):
        return OrderState.COMPLETED
    if order.state is OrderState.PARTIALLY_SHIPPED or any(map(has_left, order.deliveries)):
        return OrderState.PARTIALLY_SHIPPED
    return OrderState.IN_PROGRESS


def out(delivery: Delivery) -> bool:
    """Pure: is there nothing to wait for: cancelled, or given back before it was under way?"""
    if delivery.state is DeliveryState.RETURNED:
        return not has_left(delivery)
    return delivery.state is DeliveryState.CANCELLED


def has_left(delivery: Delivery) -> bool:
    """Pure: has it been shipped, whatever became of it?"""
    return delivery.shipped is not None


def done(delivery: Delivery, complete_on: CompleteOn) -> bool:
    """Pure: is it as far as the setting wants?  What came back counts: nothing more will come of it."""
    if complete_on == "shipped" or not has_left(delivery):
        return has_left(delivery)
    return delivery.state in (DeliveryState.DELIVERED, DeliveryState.RETURNED)
