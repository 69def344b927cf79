"""The classic stories of orders, from placing to their end, on both engines."""

import pytest

from impexd.model.message import Said
from impexd.model.order import DeliveryEvent as V
from impexd.model.order import DeliveryState as D
from impexd.model.order import OrderEvent as W
from impexd.model.order import OrderState as O
from impexd.orders.steps import Refused
from impexd.store.engine import Store
from tests.clock import FakeClock
from tests.orders.house import APPLIED, DEAD, NOTED, PAID, PARKED, House, built, line

TWO = [
    {"sku": "A1", "quantity": 2, "warehouse": "W1"},
    {"sku": "B1", "quantity": 3, "warehouse": "W2"},
]


@pytest.fixture
async def house(store: Store, clock: FakeClock) -> House:
    made = await built(store, clock)
    for sku, warehouse in (("A1", "W1"), ("B1", "W2"), ("A1", "W2")):
        await made.put(sku, 10, warehouse)
    return made


async def test_an_update_of_an_unpaid_order_records_its_lines_only(house: House) -> None:
    await house.placed()
    told = house.says(order="1001", lines=(line("1", 2),), tracking="T7")
    assert (await house.hear(told)).outcome is APPLIED
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.PENDING, D.RESERVED)
    assert (int(order.deliveries[0].lines[0].shipped), order.deliveries[0].tracking) == (2, "T7")
    assert await house.flags() == []
    await house.event(W.PAYMENT_CONFIRMED)
    order = await house.order()  # what was recorded is done as soon as it may
    assert (order.state, order.deliveries[0].state) == (O.COMPLETED, D.SHIPPED)


async def test_a_courier_who_speaks_of_an_unpaid_order_waits_until_it_is_paid(house: House) -> None:
    await house.placed()
    told = house.says(order="1001", said=Said.SHIP, lines=(line("1", 2),), quantities="added")
    assert (await house.hear(told)).outcome is PARKED
    await house.event(W.PAYMENT_CONFIRMED)
    assert (await house.hear(told)).outcome is NOTED  # its lines were recorded, and counted once
    order = await house.order()
    assert (order.state, int(order.deliveries[0].lines[0].shipped)) == (O.COMPLETED, 2)


async def test_cash_on_delivery_is_complete_when_it_is_paid(house: House) -> None:
    await house.placed(payment={"method": "cod", "state": "cash_on_delivery"})
    assert (await house.order()).state is O.IN_PROGRESS
    await house.hear(house.says(order="1001", said=Said.SHIP))
    assert (await house.order()).state is O.PARTIALLY_SHIPPED
    await house.hear(house.says(order="1001", said=Said.PAYMENT_CONFIRMED))
    assert (await house.order()).state is O.COMPLETED
    assert await house.flags() == [
        ("INITPAID", None),
        ("INITPAID", "1001-1"),
        ("DELIVERY", "1001-1"),
        ("SHIPPED", "1001-1"),
        ("COMPLETED", None),
    ]


async def test_a_prepaid_order_waits_for_its_money(house: House) -> None:
    await house.placed(payment={"method": "transfer", "state": "pending"})
    assert (await house.order()).state is O.AWAITING_PAYMENT
    assert await house.level("A1") == (10, 2)
    await house.hear(house.says(order="1001", said=Said.PAYMENT_CONFIRMED))
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.IN_PROGRESS, D.ALLOCATED)
    assert await house.level("A1") == (8, 0)
    assert ("INITPAID", None) in await house.flags()


async def test_an_order_paid_online_goes_all_its_way(house: House) -> None:
    await house.placed(**PAID)
    for event in (V.PACK, V.PACKED, V.RELEASE, V.SHIP, V.DELIVER):
        assert not isinstance(await house.event(event), Refused)
    assert (await house.order()).state is O.COMPLETED
    assert await house.trail() == ["pending", "in_progress", "completed"]
    assert await house.trail("1001-1") == [
        "reserved", "allocated", "packing", "ready", "released", "shipped", "delivered",
    ]  # fmt: skip


async def test_a_delivery_with_a_rejected_line_is_shipped_in_part(house: House) -> None:
    lines = [TWO[0], {"sku": "A2", "quantity": 3, "warehouse": "W1"}]
    await house.put("A2", 3)
    await house.placed(lines=lines, **PAID)
    await house.hear(house.says(order="1001", lines=(line("1", 1),)))
    assert (await house.order()).deliveries[0].state is D.ALLOCATED
    await house.hear(house.says(order="1001", lines=(line("2", 0, 3),)))
    assert (await house.order()).deliveries[0].state is D.ALLOCATED
    await house.hear(house.says(order="1001", lines=(line("1", 2),)))
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.COMPLETED, D.SHIPPED)
    assert [(int(x.shipped), int(x.rejected)) for x in order.deliveries[0].lines] == [
        (2, 0),
        (0, 3),
    ]


async def test_a_delivery_whose_lines_are_all_rejected_needs_a_person(house: House) -> None:
    await house.placed(**PAID)
    await house.hear(house.says(order="1001", lines=(line("1", 0, 2),)))
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.IN_PROGRESS, D.ATTENTION)
    assert order.deliveries[0].reason == "every line was rejected"


async def test_two_suppliers_of_one_sku_are_told_apart(house: House) -> None:
    lines = [
        {"sku": "A1", "quantity": 1, "warehouse": "W1"},
        {"sku": "A1", "quantity": 1, "warehouse": "W2"},
    ]
    await house.placed(lines=lines, **PAID)
    unclear = house.says(order="1001", lines=(line(sku="A1", shipped=1),))
    heard = await house.hear(unclear)
    assert (heard.outcome, heard.problems) == (
        DEAD,
        ("SKU A1 comes from several places, and the message does not say which it means",),
    )
    told = house.says(order="1001", warehouse="W2", lines=(line(sku="A1", shipped=1),))
    assert (await house.hear(told)).outcome is APPLIED
    order = await house.order()
    assert [one.state for one in order.deliveries] == [D.ALLOCATED, D.SHIPPED]
    assert order.state is O.PARTIALLY_SHIPPED


async def test_a_message_may_name_nothing_but_the_delivery(house: House) -> None:
    await house.placed(lines=TWO, **PAID)
    assert (await house.hear(house.says(delivery="1001-2", said=Said.SHIP))).outcome is APPLIED
    order = await house.order()
    assert [one.state for one in order.deliveries] == [D.ALLOCATED, D.SHIPPED]
    missing = await house.hear(house.says(delivery="9-9", said=Said.SHIP))
    assert (missing.outcome, missing.reason) == (PARKED, "there is no delivery 9-9")


async def test_an_order_with_the_courier_is_returned_not_cancelled(house: House) -> None:
    await house.placed(lines=TWO, **PAID)
    await house.hear(house.says(delivery="1001-2", said=Said.SHIP))
    refused = await house.event(W.CANCELLED)
    assert isinstance(refused, Refused)
    assert refused.reason == "delivery 1001-2 is with the courier: return it instead"
    assert "returned" in refused.legal
    assert "cancelled" not in refused.legal
    await house.event(W.RETURNED)
    order = await house.order()
    assert order.state is O.RETURNED_REFUND_PENDING
    assert [one.state for one in order.deliveries] == [D.CANCELLED, D.RETURNED]
    assert await house.level("A1") == (10, 0)
    assert await house.level("B1", "W2") == (7, 0)
    await house.event(V.RESTOCK, delivery="1001-2")
    assert await house.level("B1", "W2") == (10, 0)
    await house.event(W.REFUND_CONFIRMED)
    assert (await house.order()).state is O.RETURNED


async def test_cancelling_gives_back_what_each_delivery_holds(house: House) -> None:
    await house.put("B1", 1, "W2")
    await house.placed(lines=TWO, **PAID)
    order = await house.order()
    assert [one.state for one in order.deliveries] == [D.ALLOCATED, D.AWAITING_STOCK]
    assert order.deliveries[1].reason == "too little on hand: B1 lacks 2"
    assert await house.level("B1", "W2") == (1, 3)
    await house.event(W.CANCELLED)
    assert (await house.order()).state is O.CANCELLED_REFUND_PENDING
    assert (await house.level("A1"), await house.level("B1", "W2")) == ((10, 0), (1, 0))


async def test_what_leaves_although_stock_lacks_it_is_a_visible_shortage(house: House) -> None:
    await house.put("A1", 1)
    await house.placed(**PAID)
    await house.hear(house.says(order="1001", said=Said.DELIVER))
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.COMPLETED, D.DELIVERED)
    assert await house.level("A1") == (0, 0)
    part = order.deliveries[0].lines[0]
    assert (int(part.debited), int(part.short)) == (1, 1)
    assert await house.trail("1001-1") == [
        "reserved", "awaiting_stock", "allocated", "packing", "ready", "released", "shipped",
        "delivered",
    ]  # fmt: skip


async def test_stock_changes_are_seen_by_exports_and_kept_by_undo(house: House) -> None:
    await house.placed(**PAID)
    rows = await house.rows(
        "SELECT _seq > 1, _hash, _changed < 0 FROM stock WHERE sku = 'A1' AND warehouse = 'W1'"
    )
    assert [tuple(map(bool, row)) for row in rows] == [(True, False, True)]


async def test_a_courier_who_has_a_part_has_not_the_whole(house: House) -> None:
    await house.placed(**PAID)
    first = house.says(order="1001", said=Said.SHIP, lines=(line("1", 1),))
    assert (await house.hear(first)).outcome is APPLIED
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.IN_PROGRESS, D.ALLOCATED)
    await house.hear(house.says(order="1001", said=Said.SHIP, lines=(line("1", 2),)))
    order = await house.order()
    assert (order.state, order.deliveries[0].state) == (O.COMPLETED, D.SHIPPED)


async def test_a_part_that_has_arrived_waits_for_the_rest_to_be_shipped(house: House) -> None:
    await house.placed(**PAID)
    part = house.says(order="1001", said=Said.DELIVER, lines=(line("1", 1),))
    heard = await house.hear(part)
    assert (heard.outcome, heard.reason) == (
        PARKED,
        "of delivery 1001-1 more is to come (1: 1 of 2)",
    )
    assert (await house.order()).deliveries[0].state is D.ALLOCATED
    await house.hear(house.says(order="1001", said=Said.SHIP))
    assert (await house.hear(part)).outcome is APPLIED
    assert (await house.order()).deliveries[0].state is D.DELIVERED


async def test_a_quantity_alone_means_the_only_line_there_is(house: House) -> None:
    await house.placed(**PAID)
    told = house.says(delivery="1001-1", said=Said.SHIP, lines=(line(None, 1),))
    assert (await house.hear(told)).problems == ()
    order = await house.order()
    assert (int(order.deliveries[0].lines[0].shipped), order.state) == (1, O.IN_PROGRESS)
    await house.placed("1002", lines=TWO, **PAID)
    unclear = house.says(order="1002", said=Said.SHIP, lines=(line(None, 1),))
    heard = await house.hear(unclear)
    assert (heard.outcome, heard.reason) == (DEAD, "a line without reference and SKU")


async def test_a_refusal_to_cancel_says_why_and_what_to_do(house: House) -> None:
    await house.placed(**PAID)
    await house.hear(house.says(order="1001", lines=(line("1", 0, 2),)))
    for event in (W.CANCELLED, V.CANCEL):
        refused = await house.event(event)
        assert isinstance(refused, Refused)
        assert refused.reason == (
            "delivery 1001-1 needs a person, and never left: let it `return` first"
        )
    assert not isinstance(await house.event(V.RETURN), Refused)
    assert not isinstance(await house.event(W.CANCELLED), Refused)
    await house.placed("1002", **PAID)
    await house.event(V.SHIP, number="1002")
    refused = await house.event(W.CANCELLED, number="1002")
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("everything has been shipped: it can be `returned`")
    assert "returned" in refused.legal
    assert "cancelled" not in refused.legal


async def test_a_courier_may_call_the_number_of_the_order_that_of_the_delivery(
    house: House,
) -> None:
    await house.placed(**PAID)
    await house.placed("1002", **PAID)
    await house.hear(house.says(delivery="1001", said=Said.SHIP))
    await house.hear(house.says(order="1002", delivery="1002", said=Said.SHIP))
    for number in ("1001", "1002"):
        assert (await house.order(number)).state is O.COMPLETED
    assert (await house.hear(house.says(delivery="1003", said=Said.SHIP))).outcome is PARKED
