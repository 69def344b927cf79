"""Messages may come in any order, and twice: the end is the same.  Two last deliveries complete once."""

import random
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import anyio
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.message import Message, Said
from impexd.model.order import DeliveryState as D
from impexd.model.order import Order
from impexd.model.order import OrderState as O
from impexd.orders import hear
from impexd.store import engine, orders
from impexd.store.engine import Store
from tests.clock import FakeClock
from tests.orders.house import PAID, PARKED, House, built, line

LINES = [
    {"sku": "A1", "quantity": 2, "warehouse": "W1"},
    {"sku": "B1", "quantity": 3, "warehouse": "W2"},
]


def six(house: House) -> list[Message]:
    """Of two deliveries: one is delivered after trouble, one sent in parts and on its way back."""
    one, two = {"delivery": "1001-1"}, {"delivery": "1001-2", "quantities": "added"}
    return [
        house.says(said=Said.SHIP, at="2026-01-01", tracking="T1", status="in_transit", **one),
        house.says(said=Said.FAIL, at="2026-01-02", status="failure", **one),
        house.says(said=Said.DELIVER, at="2026-01-03", tracking="T2", status="delivered", **one),
        house.says(lines=(line("2", 1, invoice="R1"),), at="2026-01-01", **two),
        house.says(lines=(line("2", 1, 1, invoice="R2"),), at="2026-01-02", **two),
        house.says(said=Said.RETURNING, at="2026-01-04", status="return_to_sender", **two),
    ]


async def tell(tx: AsyncConnection, house: House, messages: Sequence[Message]) -> None:
    """As a feed does it: what is parked is tried again after the others."""
    left = list(messages)
    for _ in range(3):
        heard = [(one, await hear.heard(tx, house.bench, one)) for one in left]
        left = [one for one, said in heard if said.outcome is PARKED]
    assert not left


async def end(tx: AsyncConnection) -> tuple[Any, ...]:
    """Everything that may not depend on the order in which messages came."""
    order = (await orders.load(tx, [1], lock=False))[0]
    flags = {
        tuple(row) for row in await tx.exec_driver_sql("SELECT flag, delivery_id FROM order_flag")
    }
    stock = await tx.exec_driver_sql("SELECT sku, quantity, reserved FROM stock ORDER BY sku")
    return seen(order), sorted(map(str, flags)), [tuple(map(str, row)) for row in stock]


def seen(order: Order) -> tuple[Any, ...]:
    return (
        order.state,
        order.payment_state,
        [
            (
                one.state, one.tracking, one.status, one.reason, one.extra, one.heard,
                one.shipped is None, one.lines,
            )
            for one in order.deliveries
        ],
    )  # fmt: skip


async def ends(
    house: House, orders_of: Sequence[Sequence[Message]]
) -> dict[str, Sequence[Message]]:
    """Apply each order of messages to the same beginning; the different ends, one example each."""

    async def every(tx: AsyncConnection) -> dict[str, Sequence[Message]]:
        found: dict[str, Sequence[Message]] = {}
        for told in orders_of:
            await tx.exec_driver_sql("SAVEPOINT beginning")
            await tell(tx, house, told)
            found.setdefault(repr(await end(tx)), told)
            await tx.exec_driver_sql("ROLLBACK TO beginning")
        return found

    return await house.store.at_once(every)


async def begun(store: Store, clock: FakeClock, **more: Any) -> House:
    house = await built(store, clock)
    await house.put("A1", 10)
    await house.put("B1", 10, "W2")
    await house.placed(lines=LINES, **more)
    return house


async def test_all_720_orders_of_six_messages_with_repeats_end_alike(
    sqlite_url: str, clock: FakeClock
) -> None:
    chance = random.Random(5)
    async with engine.opened(sqlite_url) as store:
        house = await begun(store, clock, **PAID)
        told = [[*one, *chance.sample(one, 2)] for one in permutations(six(house))]
        assert len(told) == 720
        found = await ends(house, told)
        assert len(found) == 1, list(found)[:2]
        async with store.writing() as tx:
            await tell(tx, house, told[0])
        order = await house.order()
    assert order.state is O.COMPLETED
    assert [one.state for one in order.deliveries] == [D.DELIVERED, D.ATTENTION]
    assert [int(one.lines[0].shipped) for one in order.deliveries] == [0, 2]
    assert order.deliveries[0].tracking == "T2"


async def test_some_orders_end_alike_on_either_engine_also_before_the_money_comes(
    store: Store, clock: FakeClock
) -> None:
    house = await begun(store, clock)
    paid = house.says(order="1001", said=Said.PAYMENT_CONFIRMED, at="2026-01-01")
    messages = six(house)
    for few in ([paid, *messages[:3]], [paid, *messages[3:]]):
        found = await ends(house, list(permutations(few)))
        assert len(found) == 1, list(found)[:2]


@pytest.mark.parametrize("complete_on", ["shipped", "delivered"])
async def test_a_parcel_that_comes_back_ends_alike_by_either_measure(
    sqlite_url: str, clock: FakeClock, complete_on: str
) -> None:
    async with engine.opened(sqlite_url) as store:
        house = await built(store, clock, complete_on=complete_on)
        await house.put("A1", 2)
        await house.placed(**PAID)
        words = (Said.SHIP, Said.FAIL, Said.DELIVER, Said.RETURN)
        told = [house.says(order="1001", said=word) for word in words]
        told.append(house.says(order="1001", lines=(line("1", 0, 2),)))
        found = await ends(house, list(permutations(told)))
    assert len(found) == 1, list(found)[:2]


async def test_fifty_times_the_last_two_deliveries_at_once_complete_an_order_once(
    store: Store, clock: FakeClock
) -> None:
    house = await built(store, clock)
    await house.put("A1", 1000)
    await house.put("B1", 1000, "W2")
    numbers = [f"N{n}" for n in range(50)]
    for number in numbers:
        await house.placed(number, lines=LINES, **PAID)
    for number in numbers:
        async with anyio.create_task_group() as tasks:
            for n in (1, 2):
                said = house.says(delivery=f"{number}-{n}", said=Said.SHIP)
                tasks.start_soon(house.hear, said)
    completed = await house.rows("SELECT count(*) FROM orders WHERE state = 'completed'")
    told = await house.rows(
        "SELECT count(*), count(DISTINCT order_id) FROM order_audit WHERE to_state = 'completed'"
    )
    flags = await house.rows(
        "SELECT count(*), count(DISTINCT order_id) FROM order_flag WHERE flag = 'COMPLETED'"
    )
    assert (completed, told, flags) == ([(50,)], [(50, 50)], [(50, 50)])


@pytest.mark.parametrize("quantities", ["total", "added"])
async def test_parts_that_are_under_way_and_arrive_end_alike(
    sqlite_url: str, clock: FakeClock, quantities: str
) -> None:
    async with engine.opened(sqlite_url) as store:
        house = await begun(store, clock, **PAID)
        more = 1 if quantities == "added" else 2
        parts = {"delivery": "1001-1", "quantities": quantities}
        one, two = line("1", 1), line("1", more)
        told = [
            house.says(said=Said.SHIP, lines=(one,), at="2026-01-01", **parts),
            house.says(said=Said.SHIP, lines=(two,), at="2026-01-02", **parts),
            house.says(said=Said.DELIVER, lines=(line("1"),), at="2026-01-03", **parts),
            house.says(said=Said.DELIVER, lines=(line("1", 0),), at="2026-01-04", **parts),
        ]
        found = await ends(house, list(permutations(told)))
        assert len(found) == 1, list(found)[:2]
        assert "DELIVERED" in next(iter(found)) or "delivered" in next(iter(found))
