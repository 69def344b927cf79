"""Flags become tasks; what nobody hears is said; what comes later overtakes what was not sent."""

import json
from decimal import Decimal

import pytest

from impexd.cli.tasks import story
from impexd.store import messages
from impexd.store.messages import Fresh
from tests.orders.chain.house import House, exporter, order

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_exporter_that_listens_gets_a_task_the_higher_priority_first(
    house: House,
) -> None:
    await house.fresh(
        late=exporter("file", "INITPAID", priority=1),
        early=exporter("file", "INITPAID", priority=9),
        deaf=exporter("file", "COMPLETED"),
    )
    await house.put(order())
    await house.flag("1001", "INITPAID")
    await house.work()
    assert [(one["exporter"], one["state"]) for one in await house.tasks()] == [
        ("early", "done"),
        ("late", "done"),
    ]
    assert len(house.outbox("early")) == 1
    [flag] = (await house.why("1001"))["flags"]
    assert flag["state"] == "heard"


async def test_a_flag_nobody_hears_is_said_on_the_order_with_the_reason(house: House) -> None:
    await house.fresh(
        elsewhere=exporter("file", "SHIPPED", per="delivery", warehouses=["W9"]),
        off=exporter("file", "RETURNED", enabled=False),
    )
    await house.put(order())
    await house.flag("1001", "INITPAID", "RETURNED")
    await house.flag("1001", "SHIPPED", delivery=0)
    await house.work()
    flags = (await house.why("1001"))["flags"]
    assert [(one["flag"], one["state"], one["reason"]) for one in flags] == [
        ("INITPAID", "unheard", "no exporter listens to INITPAID"),
        ("RETURNED", "unheard", "only off would listen, and is not enabled"),
        ("SHIPPED", "unheard", "elsewhere: warehouse W1 is none of its warehouses"),
    ]
    assert flags[2]["passed_over"] == [
        {
            "exporter": "elsewhere",
            "delivery": "1001-1",
            "reason": "warehouse W1 is none of its warehouses",
        }
    ]


async def test_two_flags_of_one_kind_are_two_events(house: House) -> None:
    await house.fresh(ships=exporter("file", "SHIPPED", per="delivery"))
    await house.put(order(warehouses="W1,W2"))
    await house.flag("1001", "SHIPPED", delivery=0)
    await house.flag("1001", "SHIPPED", delivery=1)
    await house.flag("1001", "SHIPPED", delivery=1)
    await house.work()
    found = await house.tasks()
    assert [one["delivery"] for one in found] == ["1001-1", "1001-2", "1001-2"]
    assert {one["state"] for one in found} == {"done"}
    assert len({one["key"] for one in found}) == 3
    assert len(house.outbox("ships")) == 3


async def test_an_order_cancelled_before_the_chain_ran_is_told_as_cancelled_only(
    house: House,
) -> None:
    await house.fresh(
        new=exporter("file", "INITPAID"),
        gone=exporter("file", "CANCELLED"),
    )
    await house.put(order())
    await house.flag("1001", "INITPAID", "CANCELLED")
    await house.work()
    assert await house.states() == {"new 1001": "superseded", "gone 1001": "done"}
    assert house.outbox("new") == []
    task = (await house.why("1001"))["flags"][0]["tasks"][0]
    assert task["reason"] == "overtaken by CANCELLED before it was sent"


async def test_an_order_cancelled_while_held_is_never_told_as_new(house: House) -> None:
    await house.fresh(
        gate=exporter("hold", "INITPAID", next="APPROVED"),
        new=exporter("file", "APPROVED"),
        gone=exporter("file", "CANCELLED"),
    )
    await house.put(order("1"), order("2"))
    await house.flag("1", "INITPAID")
    await house.flag("2", "INITPAID")
    await house.work()
    held = await house.tasks(state="held")
    assert len(held) == 2
    await house.flag("1", "CANCELLED")
    await house.work()
    assert (await house.states(order="1")) == {"gate 1": "superseded", "gone 1": "done"}
    refused = await house.refused(f"/api/v1/tasks/{held[0]['id']}/release", note="go")
    assert "superseded" in refused
    await house.flag("2", "CANCELLED")  # and nobody has looked at it yet
    refused = await house.refused(f"/api/v1/tasks/{held[1]['id']}/release", note="go")
    assert "overtaken by CANCELLED" in refused
    await house.work()
    assert (await house.states(order="2")) == {"gate 2": "superseded", "gone 2": "done"}
    assert house.outbox("new") == []


async def test_an_order_cancelled_after_the_first_of_a_chain_was_told_goes_no_further(
    house: House,
) -> None:
    await house.fresh(
        first=exporter("file", "INITPAID", next="FIRST_TOLD"),
        gate=exporter("hold", "FIRST_TOLD", next="APPROVED"),
        second=exporter("file", "APPROVED"),
    )
    await house.put(order())
    await house.flag("1001", "INITPAID")
    await house.work()
    assert await house.states() == {"first 1001": "done", "gate 1001": "held"}
    await house.flag("1001", "CANCELLED")
    await house.work()
    assert await house.states() == {"first 1001": "done", "gate 1001": "superseded"}


async def test_an_exporter_of_deliveries_is_told_of_each_of_them(house: House) -> None:
    await house.fresh(
        first=exporter("file", "INITPAID", next="TOLD"),
        each=exporter("file", "TOLD", per="delivery"),
    )
    await house.put(order(warehouses="W1,W1,W2"))
    await house.flag("1001", "INITPAID")
    await house.work()
    assert await house.states(exporter="each") == {
        "each 1001-1": "done",
        "each 1001-2": "done",
        "each 1001-3": "done",
    }


async def test_a_flag_that_is_on_the_order_and_its_deliveries_is_told_once_for_each(
    house: House,
) -> None:
    await house.fresh(
        orders=exporter("file", "INITPAID"), parcels=exporter("file", "INITPAID", per="delivery")
    )
    await house.put(order(warehouses="W1,W2"))
    await house.flag("1001", "INITPAID")
    for n in range(2):
        await house.flag("1001", "INITPAID", delivery=n)
    await house.work()
    assert await house.states() == {
        "orders 1001": "done",
        "parcels 1001-1": "done",
        "parcels 1001-2": "done",
    }


async def test_conditions_choose_the_orders(house: House) -> None:
    when = '[[when]]\nfield = "order.total"\nop = ">="\nvalue = 50\n[file]\n'
    await house.fresh(big=exporter("file", "INITPAID", when, shops=["SHOP1"]))
    await house.put(order("1"), order("2", total=Decimal("50.00")))
    await house.put(order("3", total=Decimal(99), shop="OTHER"))
    for number in ("1", "2", "3"):
        await house.flag(number, "INITPAID")
    await house.work()
    assert await house.states() == {"big 2": "done"}
    reasons = [(await house.why(n))["flags"][0]["reason"] for n in ("1", "3")]
    assert reasons == [
        "big: order.total is 19.8, not >= 50",
        "big: shop OTHER is none of its shops",
    ]


async def test_a_person_raises_a_flag_of_their_own(house: House) -> None:
    await house.fresh(vip=exporter("file", "VIP", by_hand=["VIP"]))
    await house.put(order())
    path = "/api/v1/orders/1001/flags"
    await house.place.asked.post(path, flag="VIP", actor="anna", note="friend of the house")
    await house.work()
    assert await house.states() == {"vip 1001": "done"}
    [flag] = (await house.why("1001"))["flags"]
    assert flag["reason"] == "raised by anna: friend of the house"
    refused = await house.refused(path, flag="SHIPPED", note="x")
    assert "no flag that a person raises" in refused


async def test_why_tells_where_deliveries_are_and_what_couriers_said_in_vain(house: House) -> None:
    await house.fresh()
    await house.put(order("1001", "W1,W2"))
    async with house.place.instance.store.writing() as tx:
        said = [
            Fresh("dhl", f"m{n}", "d", json.dumps({"n": n}), "2026-01-31T08:00:00.000Z", "rest")
            for n in range(2)
        ]
        await messages.put(tx, said)
        id = house.orders["1001"].id
        for n, state in enumerate(("parked", "applied"), 1):
            await messages.outcome(tx, n, state=state, reason="not yet", order_id=id, status="in transit")  # fmt: skip
    told = await house.why("1001")
    assert [one["state"] for one in told["deliveries"]] == ["new", "new"]
    assert [(one["source"], one["reason"]) for one in told["messages"]] == [("dhl", "not yet")]
    lines = list(story(told))
    assert lines[1] == "delivery 1001-1 is new"
    assert lines[3] == "message 1 of dhl (in transit) is parked: not yet"
