"""Rules of the house: who has to approve what, and what becomes of orders that stock cannot fill."""

import pytest

from impexd.model.order import DeliveryState as D
from impexd.model.order import OrderEvent as W
from impexd.model.order import OrderState as O
from impexd.orders.steps import Refused
from impexd.store.engine import Store
from tests.clock import FakeClock
from tests.orders.house import PAID, built

KNOWN = {"customer": {"code": "C1"}}


@pytest.mark.parametrize(
    ("rules", "small", "large", "why"),
    [
        ({"amount": "100"}, {"total": "99.99"}, {"total": "100"}, "its total is 100, 100 or more"),
        ({"flag": "watch"}, {"custom": {"watch": "no"}}, {"custom": {"watch": "1"}}, "it is marked watch"),
    ],
    ids=["amount", "flag"],
)  # fmt: skip
async def test_an_order_that_a_rule_asks_about_waits_for_a_person(
    store: Store,
    clock: FakeClock,
    rules: dict[str, object],
    small: dict[str, object],
    large: dict[str, object],
    why: str,
) -> None:
    house = await built(store, clock, approval=rules)
    await house.put("A1", 10)
    await house.placed("1001", **PAID, **small)
    await house.placed("1002", **PAID, **large)
    assert (await house.order("1001")).state is O.IN_PROGRESS
    assert (await house.order("1002")).state is O.AWAITING_APPROVAL
    assert (await house.order("1002")).deliveries[0].state is D.RESERVED
    notes = await house.rows(
        "SELECT note FROM order_audit WHERE to_state = 'awaiting_approval' ORDER BY id"
    )
    assert notes == [(why,)]
    done = await house.event(W.APPROVED, number="1002")
    assert not isinstance(done, Refused)
    assert (await house.order("1002")).deliveries[0].state is D.ALLOCATED


async def test_the_first_order_of_a_customer_is_approved_by_a_person_and_the_next_by_nobody(
    store: Store, clock: FakeClock
) -> None:
    house = await built(store, clock, approval={"new_customer": True})
    await house.put("A1", 10)
    await house.placed("1001", **PAID, **KNOWN)
    await house.placed("1002", **PAID, **KNOWN)
    for number in ("1001", "1002"):
        assert (await house.order(number)).state is O.AWAITING_APPROVAL
    await house.event(W.APPROVED, number="1001")
    await house.placed("1003", **PAID, **KNOWN)
    assert (await house.order("1003")).state is O.IN_PROGRESS
    await house.placed("1004", **PAID)  # nobody knows whose it is
    assert (await house.order("1004")).state is O.AWAITING_APPROVAL


async def test_where_shortage_refuses_an_order_takes_all_it_wants_or_is_not_placed(
    store: Store, clock: FakeClock
) -> None:
    house = await built(store, clock, on_shortage="refuse")
    await house.put("A1", 5)
    three = [{"sku": "A1", "quantity": 3, "warehouse": "W1"}]
    two = [{"sku": "A1", "quantity": 2, "warehouse": "W1"}]
    assert (await house.placed("1001", lines=three)).outcome == "placed"
    refused = await house.placed("1002", lines=three)
    assert (refused.outcome, refused.order) == ("refused", None)
    assert refused.reason == "too little in stock: A1 lacks 1"
    assert (await house.placed("1003", lines=two)).outcome == "placed"
    assert await house.level("A1") == (5, 5)
    assert await house.rows("SELECT number FROM orders ORDER BY id") == [("1001",), ("1003",)]
