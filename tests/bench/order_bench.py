"""
Events of orders per second, one durable transaction each, beside bare sqlite3 doing the same writes.

    python -m tests.bench.order_bench [ORDERS]

Each order is paid, packed, released, shipped and delivered: load, walk, and what every step writes
(order, delivery, lines, audit, flags, stock, movements).  The other side is recorded from the
first: the very statements that changed something, with their values, sent again from a plain loop
over sqlite3 to a copy of the same file, a transaction each, with the same settings.
"""

import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import SYSTEM
from impexd.model.order import DeliveryEvent, OrderEvent
from impexd.model.ordering import Orders, StockFields
from impexd.model.placing import Placement
from impexd.orders import placing, run
from impexd.orders.bench import Bench
from impexd.orders.run import By
from impexd.store import engine, entities, migrate
from impexd.store import stock as shelf
from tests.orders.house import STOCK

EVENTS = (
    OrderEvent.PAYMENT_CONFIRMED,
    DeliveryEvent.PACK,
    DeliveryEvent.PACKED,
    DeliveryEvent.RELEASE,
    DeliveryEvent.SHIP,
    DeliveryEvent.DELIVER,
)
CLERK = By("bench")
Written = list[list[tuple[str, list[Any]]]]


async def filled(path: Path, orders: int) -> None:
    """Make a file with this many orders, placed and not paid."""
    async with engine.opened(f"sqlite:///{path}") as store:
        await migrate.migrate(store)
        async with store.writing() as tx:
            await entities.make(tx, {"stock": STOCK})
            await tx.exec_driver_sql(
                "INSERT INTO stock (sku, warehouse, quantity, reserved) VALUES ('A1', 'W1', ?, '0')",
                (str(orders * 10),),
            )
        bench = terms()
        for start in range(0, orders, 200):
            some = [order(n) for n in range(start, min(start + 200, orders))]
            await store.at_once(lambda tx, some=some: placing.place(tx, bench, some, CLERK))


def order(n: int) -> Placement:
    lines = [{"sku": "A1", "quantity": 1, "warehouse": "W1"}]
    return Placement.model_validate({"number": f"N{n}", "lines": lines})


def terms() -> Bench:
    where = shelf.shelf(STOCK, StockFields())
    return Bench(Orders(stock="stock"), SYSTEM, where)


async def ours(path: Path, orders: int) -> float:
    """Let everything happen to every order; gives the seconds."""
    bench = terms()
    async with engine.opened(f"sqlite:///{path}") as store:
        begun = time.perf_counter()
        for event in EVENTS:
            for id in range(1, orders + 1):

                async def happen(tx: AsyncConnection, id: int = id, event: Any = event) -> object:
                    return await run.event(tx, bench, id, event, CLERK)

                await store.at_once(happen)
        return time.perf_counter() - begun


def recording(written: Written) -> None:
    """Have every statement that changes something noted, with its values, by transaction."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "before_cursor_execute")
    def noted(_c: Any, _cur: Any, sql: str, values: Any, _ctx: Any, many: bool) -> None:
        if sql.startswith("BEGIN IMMEDIATE"):
            written.append([])
        elif written and sql.split(None, 1)[0] in ("INSERT", "UPDATE", "DELETE"):
            rows = values if many and isinstance(values[0], tuple | list) else [values]
            written[-1].append((sql, [tuple(row) for row in rows]))


def theirs(path: Path, written: Written) -> float:
    """Send the same writes from a plain loop; gives the seconds."""
    raw = sqlite3.connect(path, isolation_level=None)
    for name, value in (("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")):
        raw.execute(f"PRAGMA {name} = {value}").fetchone()
    begun = time.perf_counter()
    for transaction in written:
        raw.execute("BEGIN IMMEDIATE")
        for sql, rows in transaction:
            for row in rows:
                raw.execute(sql, row).fetchall()
        raw.execute("COMMIT")
    seconds = time.perf_counter() - begun
    raw.close()
    return seconds


async def main(orders: int) -> None:
    with tempfile.TemporaryDirectory(prefix="impexd-orders-") as folder:
        start, first, second, third = (Path(folder) / f"{n}.db" for n in range(4))
        await filled(start, orders)
        for copy in (first, second, third):
            shutil.copyfile(start, copy)
        mine = await ours(first, orders)
        written: Written = []
        recording(written)
        await ours(second, orders)
        written = [one for one in written if one]
        bare = theirs(third, written)
        events = orders * len(EVENTS)
        assert len(written) == events, (len(written), events)
        for a, b in zip(dumped(second), dumped(third), strict=True):
            assert a == b
        found = {
            "orders": orders,
            "events": events,
            "statements": sum(map(len, written)),
            "ours_per_second": round(events / mine),
            "sqlite3_per_second": round(events / bare),
            "ratio": round(bare / mine, 2),
        }
        print(json.dumps(found))


def dumped(path: Path) -> list[tuple[Any, ...]]:
    """What both must have come to."""
    raw = sqlite3.connect(path)
    rows = raw.execute("SELECT number, state FROM orders ORDER BY id").fetchall()
    rows += raw.execute("SELECT sku, quantity, reserved FROM stock").fetchall()
    raw.close()
    return rows


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
