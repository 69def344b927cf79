"""Random events, messages, repeats and crashes against a model that knows what must hold."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.message import Message, Said
from impexd.model.order import DeliveryEvent, Order, OrderEvent, OrderState
from impexd.orders import hear, progress, run, waking
from impexd.store import engine, order_index, orders
from tests.clock import FakeClock
from tests.orders.house import CLERK, House, built, line

PLACES = (("A1", "W1"), ("B1", "W2"))


class Cut(Exception):
    """The power goes."""


class Shop(RuleBasedStateMachine):
    """A shop with two articles, in which anything may happen at any time."""

    file: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="impexd-shop-"))
        shutil.copyfile(self.file, self.folder / "impexd.db")
        self.stack = AsyncExitStack()
        self.house: House = self.runner.run(self.open())
        self.brought: dict[tuple[str, str], int] = dict.fromkeys(PLACES, 0)
        self.said: list[Message] = []
        self.numbers: list[str] = []

    async def open(self) -> House:
        url = f"sqlite:///{self.folder}/impexd.db"
        store = await self.stack.enter_async_context(engine.opened(url))
        return await built(store, FakeClock())

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(a=st.integers(0, 6), b=st.integers(0, 6))
    def stocked(self, a: int, b: int) -> None:
        for (sku, warehouse), much in zip(PLACES, (a, b), strict=True):
            self.do(self.house.put(sku, much, warehouse))
            self.brought[sku, warehouse] = much

    @rule(a=st.integers(0, 3), b=st.integers(0, 3), how=st.sampled_from(["open", "confirmed", "pending", "cash_on_delivery"]))  # fmt: skip
    def placed(self, a: int, b: int, how: str) -> None:
        lines = [
            {"sku": sku, "quantity": much, "warehouse": warehouse}
            for (sku, warehouse), much in zip(PLACES, (a, b), strict=True)
            if much
        ]
        if lines and len(self.numbers) < 4:
            number = f"N{len(self.numbers) + 1}"
            self.do(self.house.placed(number, lines=lines, payment={"state": how}))
            self.numbers.append(number)

    @rule(n=st.integers(0, 3), d=st.integers(1, 2), event=st.sampled_from([*OrderEvent, *DeliveryEvent]), cut=st.booleans())  # fmt: skip
    def happens(self, n: int, d: int, event: OrderEvent | DeliveryEvent, *, cut: bool) -> None:
        if n >= len(self.numbers):
            return
        number, name = self.numbers[n], f"{self.numbers[n]}-{d}"

        async def work(tx: AsyncConnection) -> None:
            id = (await order_index.numbered(tx, [number]))[number][0]
            if event not in (OrderEvent.PLACED, OrderEvent.PROGRESS, OrderEvent.AMENDED):
                of = name if isinstance(event, DeliveryEvent) else None
                await run.event(tx, self.house.bench, id, event, CLERK, delivery=of)
            if cut:
                raise Cut

        with suppress(Cut):
            self.do(self.house.store.at_once(work))

    @rule(n=st.integers(0, 3), d=st.integers(1, 2), word=st.sampled_from([None, *Said]), shipped=st.integers(0, 3), rejected=st.integers(0, 2), how=st.sampled_from(["total", "added"]))  # fmt: skip
    def says(
        self, n: int, d: int, word: Said | None, shipped: int, rejected: int, how: Any
    ) -> None:
        if n < len(self.numbers):
            number = self.numbers[n]
            told = self.house.says(
                delivery=f"{number}-{d}",
                said=word,
                quantities=how,
                lines=()
                if word
                else (line(sku=PLACES[d - 1][0], shipped=shipped, rejected=rejected),),
            )
            self.said.append(told)
            self.do(self.house.hear(told))

    @rule(data=st.data(), cut=st.booleans())
    def says_again(self, data: st.DataObject, *, cut: bool) -> None:
        if not self.said:
            return
        old = data.draw(st.sampled_from(self.said))

        async def work(tx: AsyncConnection) -> None:
            await hear.heard(tx, self.house.bench, old)
            if cut:
                raise Cut

        with suppress(Cut):
            self.do(self.house.store.at_once(work))

    @rule(at=st.sampled_from(PLACES), more=st.integers(0, 4))
    def stock_comes(self, at: tuple[str, str], more: int) -> None:
        async def comes() -> None:
            async with self.house.store.writing() as tx:
                await tx.exec_driver_sql(
                    "UPDATE stock SET quantity = CAST(CAST(quantity AS INTEGER) + ? AS TEXT)"
                    " WHERE sku = ? AND warehouse = ?",
                    (more, *at),
                )
            await waking.wake(self.house.store, self.house.bench)

        self.do(comes())
        self.brought[at] += more

    def every(self) -> list[Order]:
        async def read() -> list[Order]:
            async with self.house.store.reading() as tx:
                return await orders.load(tx, range(1, len(self.numbers) + 1), lock=False)

        return list(self.do(read()))

    @invariant()
    def stock_is_conserved_and_never_below_nothing(self) -> None:
        lines = [
            ((part.sku, one.warehouse), part)
            for order in self.every()
            for one in order.deliveries
            for part in one.lines
        ]
        for place, brought in self.brought.items():
            if not any(self.brought.values()):
                continue
            on_hand, reserved = self.do(self.house.level(*place))
            taken = sum(part.debited for at, part in lines if at == place)
            held = sum(part.reserved for at, part in lines if at == place)
            assert on_hand >= 0
            assert (on_hand + taken, reserved) == (Decimal(brought), held)

    @invariant()
    def the_audit_tells_every_state(self) -> None:
        rows = self.do(
            self.house.rows(
                "SELECT order_id, delivery_id, from_state, to_state FROM order_audit ORDER BY id"
            )
        )
        now: dict[tuple[int, int | None], str | None] = {}
        for order, delivery, source, target in rows:
            before = now.get((order, delivery), "new" if delivery else None)
            assert source == before
            now[order, delivery] = target
        for one in self.every():
            assert now[one.id, None] == one.state
            for part in one.deliveries:
                assert now[one.id, part.id] == part.state

    @invariant()
    def completion_is_told_once_and_only_when_all_is_shipped(self) -> None:
        told = dict(
            self.do(
                self.house.rows(
                    "SELECT order_id, count(*) FROM order_flag WHERE flag = 'COMPLETED'"
                    " GROUP BY order_id"
                )
            )
        )
        assert set(told.values()) <= {1}
        for one in self.every():
            asked = replace(one, state=OrderState.IN_PROGRESS)
            if one.state in progress.FOLLOWING:
                assert progress.of(asked, "shipped") is not OrderState.COMPLETED
            elif one.state is OrderState.COMPLETED:
                assert one.id in told
                assert all(progress.out(d) or progress.has_left(d) for d in one.deliveries)


def test_whatever_happens_stock_audit_and_completion_hold(migrated_file: Path) -> None:
    Shop.file = migrated_file
    Shop.TestCase.settings = settings(
        max_examples=25,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize=True,
    )
    Shop.TestCase("runTest").runTest()


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
async def test_an_event_that_is_cut_short_leaves_nothing(
    sqlite_url: str, clock: FakeClock, *, cut: bool
) -> None:
    async with engine.opened(sqlite_url) as store:
        house = await built(store, clock)
        await house.put("A1", 5)
        await house.placed()

        async def paid(tx: AsyncConnection) -> None:
            await run.event(tx, house.bench, 1, OrderEvent.PAYMENT_CONFIRMED, CLERK)
            if cut:
                raise Cut

        if cut:
            with pytest.raises(Cut):
                await store.at_once(paid)
        else:
            await store.at_once(paid)
        assert await house.level("A1") == ((5, 2) if cut else (3, 0))
        assert len(await house.flags()) == (0 if cut else 2)
