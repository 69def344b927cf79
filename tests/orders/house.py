"""A shop with a stock table, for tests: orders placed, events and messages applied."""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Entity, Kind, kind
from impexd.model.message import Heard, Message, MessageLine, Outcome, Said
from impexd.model.order import DeliveryEvent, Order, OrderEvent
from impexd.model.ordering import Orders, StockFields
from impexd.model.placing import Placement
from impexd.orders import hear, placing, run
from impexd.orders.bench import Bench
from impexd.orders.placing import Placed
from impexd.orders.run import By
from impexd.orders.steps import Refused
from impexd.store import entities, order_index, orders
from impexd.store import stock as shelf
from impexd.store.engine import Store
from tests.clock import FakeClock

STOCK: Kind = kind(
    "stock",
    Entity.model_validate(
        {
            "key": ("sku", "warehouse"),
            "field": {
                "sku": {"type": "text"},
                "warehouse": {"type": "text"},
                "quantity": {"type": "decimal", "scale": 3},
                "reserved": {"type": "decimal", "scale": 3, "default": "0"},
            },
        },
        strict=False,
    ),
)
CLERK = By("user:carla")


@dataclass
class House:
    """An open store with orders in it."""

    store: Store
    bench: Bench
    ids: Any = field(default_factory=lambda: count(1))

    async def put(self, sku: str, quantity: int, warehouse: str = "W1") -> None:
        """As an import would set it."""
        async with self.store.writing() as tx:
            await tx.execute(
                text("DELETE FROM stock WHERE sku = :s AND warehouse = :w"),
                {"s": sku, "w": warehouse},
            )
            much = Decimal(quantity) if tx.dialect.name == "postgresql" else str(quantity)
            none = Decimal(0) if tx.dialect.name == "postgresql" else "0"
            await tx.execute(
                text(
                    "INSERT INTO stock (sku, warehouse, quantity, reserved, _seq, _hash, _changed)"
                    " VALUES (:s, :w, :q, :r, 1, 77, 5)"
                ),
                {"s": sku, "w": warehouse, "q": much, "r": none},
            )

    async def level(self, sku: str, warehouse: str = "W1") -> tuple[int, int]:
        """(on hand, reserved)."""
        query = "SELECT quantity, reserved FROM stock WHERE sku = :s AND warehouse = :w"
        async with self.store.reading() as tx:
            row = (await tx.execute(text(query), {"s": sku, "w": warehouse})).one()
        return int(Decimal(str(row[0]))), int(Decimal(str(row[1])))

    async def placed(self, number: str = "1001", **more: Any) -> Placed:
        given = placement(number, **more)

        async def place(tx: AsyncConnection) -> Placed:
            return (await placing.place(tx, self.bench, [given], By("api")))[0]

        return await self.store.at_once(place)

    async def order(self, number: str = "1001") -> Order:
        async with self.store.reading() as tx:
            id = (await order_index.numbered(tx, [number]))[number][0]
            found = await orders.one(tx, id, lock=False)
        assert found is not None
        return found

    async def event(
        self,
        event: OrderEvent | DeliveryEvent,
        *,
        number: str = "1001",
        delivery: str | None = None,
        by: By = CLERK,
    ) -> Order | Refused:
        async def happen(tx: AsyncConnection) -> Order | Refused:
            id = (await order_index.numbered(tx, [number]))[number][0]
            return await run.event(tx, self.bench, id, event, by, delivery=delivery)

        return await self.store.at_once(happen)

    async def hear(self, message: Message) -> Heard:
        return await self.store.at_once(lambda tx: hear.heard(tx, self.bench, message))

    def says(self, *, said: Said | None = None, **more: Any) -> Message:
        n = next(self.ids)
        return Message("dhl", f"m{n}", row=n, said=said, **more)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.store.reading() as tx:
            return [tuple(row) for row in await tx.execute(text(query))]

    async def flags(self) -> list[tuple[str, str | None]]:
        query = (
            "SELECT f.flag, d.number FROM order_flag f"
            " LEFT JOIN delivery d ON d.id = f.delivery_id ORDER BY f.id"
        )
        return [(flag, number) for flag, number in await self.rows(query)]

    async def trail(self, delivery: str | None = None) -> list[str]:
        """The states an order, or a delivery, went through."""
        where = f"d.number = '{delivery}'" if delivery else "d.id IS NULL"
        query = (
            "SELECT a.to_state FROM order_audit a LEFT JOIN delivery d ON d.id = a.delivery_id"
            f" WHERE {where} AND a.event <> 'line_update' ORDER BY a.id"
        )
        return [state for (state,) in await self.rows(query)]


def placement(number: str = "1001", **more: Any) -> Placement:
    """An order of two of A1 from W1, unless other lines are given."""
    lines = more.pop("lines", [{"sku": "A1", "quantity": "2", "warehouse": "W1"}])
    return Placement.model_validate({"number": number, "lines": lines, **more})


async def built(store: Store, clock: FakeClock, **settings: Any) -> House:
    """Make the tables, and a house with these settings."""
    async with store.writing() as tx:
        await entities.make(tx, {"stock": STOCK})
    terms = Orders.model_validate({"stock": "stock", **settings}, strict=False)
    where = None if terms.stock == "off" else shelf.shelf(STOCK, StockFields())
    return House(store, Bench(terms, clock, where))


def line(
    ref: str | None = None,
    shipped: int | None = None,
    rejected: int | None = None,
    **more: Any,
) -> MessageLine:
    def number(value: int | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    return MessageLine(ref=ref, shipped=number(shipped), rejected=number(rejected), **more)


PAID = {"payment": {"method": "card", "state": "confirmed"}}
APPLIED, NOTED, PARKED, DEAD = Outcome.APPLIED, Outcome.NOTED, Outcome.PARKED, Outcome.DEAD
