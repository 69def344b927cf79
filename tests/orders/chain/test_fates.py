"""Orders as life has it, through the API: what becomes of every event, and that the chain wakes for it."""

from typing import Any

import pytest

from impexd.core.errors import ImpexError
from impexd.model.message import Message, Outcome, Said
from impexd.orders.chain import tend
from tests.orders.chain.house import House, exporter

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def placed(house: House, *numbers: str) -> None:
    """Place orders with one delivery each."""
    line = {"sku": "SKU-1", "quantity": 2, "warehouse": "W1"}
    for number in numbers:
        await house.place.asked.post("/api/v1/orders", orders=[{"number": number, "lines": [line]}])


async def happens(house: House, number: str, *events: str, delivery: str | None = None) -> None:
    """Let events happen to an order, or to its delivery."""
    for event in events:
        body: dict[str, Any] = {"event": event, "delivery": delivery, "note": "because"}
        await house.place.asked.post(f"/api/v1/orders/{number}/events", **body)


async def fates(house: House, number: str) -> list[tuple[str, str | None, list[str]]]:
    """Each event of an order as a person reads it: its flag, its delivery, and what became of its tasks."""
    return [
        (
            one["flag"],
            one["delivery"],
            [f"{task['exporter']} {task['state']}" for task in one["tasks"]] or [one["state"]],
        )
        for one in (await house.why(number))["flags"]
    ]


async def test_an_order_that_is_paid_is_told_and_cancelled_is_told_after_it(house: House) -> None:
    await house.fresh(
        new=exporter("file", "INITPAID", next="TOLD"),
        gone=exporter("file", "CANCELLED"),
    )
    await placed(house, "1")
    await happens(house, "1", "payment_confirmed")
    await house.work()
    await happens(house, "1", "cancelled")
    await house.work()
    assert await fates(house, "1") == [
        ("INITPAID", None, ["new done"]),
        ("INITPAID", "1-1", ["unheard"]),
        ("TOLD", None, ["unheard"]),
        ("CANCELLED", None, ["gone done"]),
        ("CANCELLED", "1-1", ["unheard"]),
    ]
    flags = {(one["flag"], one["delivery"]): one for one in (await house.why("1"))["flags"]}
    assert flags["TOLD", None]["reason"] == "no exporter listens to TOLD"
    assert "told of orders" in flags["INITPAID", "1-1"]["reason"]


async def test_an_order_cancelled_before_the_chain_ran_is_never_told_as_new(house: House) -> None:
    await house.fresh(new=exporter("file", "INITPAID"), gone=exporter("file", "CANCELLED"))
    await placed(house, "1")
    await happens(house, "1", "payment_confirmed", "cancelled")
    await house.work()
    assert [one for one in await fates(house, "1") if one[1] is None] == [
        ("INITPAID", None, ["new superseded"]),
        ("CANCELLED", None, ["gone done"]),
    ]
    assert [len(house.outbox(name)) for name in ("new", "gone")] == [0, 1]
    [told] = [task for one in (await house.why("1"))["flags"] for task in one["tasks"]][:1]
    assert told["reason"] == "overtaken by CANCELLED before it was sent"


async def test_an_order_cancelled_while_held_is_told_to_nobody_and_cannot_be_released(
    house: House,
) -> None:
    await house.fresh(
        gate=exporter("hold", "INITPAID", next="APPROVED"),
        new=exporter("file", "APPROVED"),
        gone=exporter("file", "CANCELLED"),
    )
    await placed(house, "1")
    await happens(house, "1", "payment_confirmed")
    await house.work()
    [held] = await house.tasks(state="held")
    await happens(house, "1", "cancelled")
    said = await house.refused(f"/api/v1/tasks/{held['id']}/release", note="looks fine")
    assert "overtaken by CANCELLED" in said
    await house.work()
    assert [one for one in await fates(house, "1") if one[1] is None] == [
        ("INITPAID", None, ["gate superseded"]),
        ("CANCELLED", None, ["gone done"]),
    ]
    assert house.outbox("new") == []


async def test_two_deliveries_shipped_in_a_row_are_two_events_and_one_completion(
    house: House,
) -> None:
    await house.fresh(
        ships=exporter("file", "SHIPPED", per="delivery", ordered=True),
        ends=exporter("file", "COMPLETED"),
    )
    lines = [{"sku": "SKU-1", "quantity": 1, "warehouse": name} for name in ("W1", "W2")]
    await house.place.asked.post("/api/v1/orders", orders=[{"number": "1", "lines": lines}])
    await happens(house, "1", "payment_confirmed")
    for delivery in ("1-1", "1-2"):
        await happens(house, "1", "ship", delivery=delivery)
    with pytest.raises(ImpexError):  # once more changes nothing
        await happens(house, "1", "ship", delivery="1-2")
    await house.work()
    heard = [one for one in await fates(house, "1") if one[0] in ("SHIPPED", "COMPLETED")]
    assert heard == [
        ("SHIPPED", "1-1", ["ships done"]),
        ("SHIPPED", "1-2", ["ships done"]),
        ("COMPLETED", None, ["ends done"]),
    ]
    assert [len(house.outbox(name)) for name in ("ships", "ends")] == [2, 1]


# --- waking ---


async def test_what_raises_a_flag_rings_once_it_is_committed_and_not_before(house: House) -> None:
    await house.fresh(new=exporter("file", "INITPAID"))
    await placed(house, "1", "2")
    bell = house.chain.bell
    rung = bell.event
    await happens(house, "1", "payment_confirmed")
    assert rung.is_set()
    rung = bell.event
    message = Message("bank", "m-1", order="2", said=Said.PAYMENT_CONFIRMED)
    feeds = house.place.instance.feeds
    async with feeds.store.writing() as tx:
        heard = await feeds.apply(tx, house.place.instance.config, message)
        assert heard.outcome is Outcome.APPLIED
        assert not rung.is_set()
    assert rung.is_set()


async def test_the_chain_sleeps_until_the_next_attempt_or_for_its_longest(house: House) -> None:
    await house.fresh(
        nowhere=exporter("file", "INITPAID", '[file]\npath = "/nowhere"\n', retry={"first": "9 s"})
    )
    assert await tend.pause(house.chain) == tend.EVERY
    await placed(house, "1")
    await happens(house, "1", "payment_confirmed")
    await house.work()
    assert (await house.task("nowhere"))["state"] == "retry"
    seconds = await tend.pause(house.chain)
    assert 0 < seconds <= 9
    house.clock.tick(seconds)
    assert await tend.ready(house.chain) == ["nowhere"]


async def test_a_task_that_waits_for_the_one_before_it_makes_no_work(house: House) -> None:
    refused = '[file]\npath = "/nowhere"\n'
    await house.fresh(
        ships=exporter("file", "SHIPPED", refused, per="delivery", ordered=True, max_age="1 s")
    )
    lines = [{"sku": "SKU-1", "quantity": 1, "warehouse": name} for name in ("W1", "W2")]
    await house.place.asked.post("/api/v1/orders", orders=[{"number": "1", "lines": lines}])
    await happens(house, "1", "payment_confirmed")
    for delivery in ("1-1", "1-2"):
        await happens(house, "1", "ship", delivery=delivery)
    await house.work()
    house.clock.tick(3600)
    await house.work()
    assert await house.states() == {"ships 1-1": "failed", "ships 1-2": "ready"}
    assert not await tend.look(house.chain)
