"""Approval: does a person have to look at an order before its deliveries start?"""

from collections.abc import Iterator

from impexd.model.order import Order
from impexd.orders.bench import Bench

NO = frozenset({"", "0", "no", "false", "off"})
"""Custom values that say no."""


def reasons(bench: Bench, order: Order, *, known: bool) -> Iterator[str]:
    """Pure: why an order has to be approved; nothing if it has not.  `known`: the customer is."""
    rules = bench.settings.approval
    least = bench.least
    if least is not None and order.total is not None and order.total >= least:
        yield f"its total is {order.total}, {least} or more"
    if rules.new_customer and not known:
        yield "the customer is new"
    if rules.flag is not None:
        value = (order.custom or {}).get(rules.flag)
        if value is not None and str(value).strip().lower() not in NO:
            yield f"it is marked {rules.flag}"
