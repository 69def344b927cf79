"""
Events of orders per second, one durable transaction each, beside bare sqlite3 doing the same writes.

    python -m tests.bench.order_bench [ORDERS [ROUNDS]]

Each order is paid, packed, released, shipped and delivered: load, walk, and what every step writes
(order, delivery, lines, audit, flags, stock, movements).  The other side is recorded from the
first: the very statements that changed something, with their values, sent again from a plain loop
over sqlite3 to a copy of the same file, a transaction each, with the same settings.  Ours goes twice:
one event after the other, and some at the same time, each still a transaction of its own.  The sides
take turns, each from a fresh copy; medians are told, how much each event costs the processor, and how
many messages of couriers are applied in a second, some in a transaction as feeds hear them.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import SYSTEM
from impexd.feeds import hear as hearing
from impexd.model.message import Message, Outcome, Said
from impexd.model.order import DeliveryEvent, OrderEvent
from impexd.model.ordering import Orders, StockFields
from impexd.model.placing import Placement
from impexd.orders import hear, placing, run
from impexd.orders.bench import Bench
from impexd.orders.run import By
from impexd.store import direct, engine, entities, migrate
from impexd.store import stock as shelf
from impexd.store.engine import Store
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
TOGETHER = 8
"""Events that happen at the same time, as clerks and webhooks make them."""
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


async def ours(path: Path, orders: int, together: int = 1) -> None:
    """Let everything happen to every order, to some of them at the same time."""
    bench = terms()

    async def happen(store: Store, event: Any, ids: Iterator[int]) -> None:
        for id in ids:
            await store.at_once(lambda tx, id=id: run.event(tx, bench, id, event, CLERK))

    async with engine.opened(f"sqlite:///{path}") as store:
        for event in EVENTS:
            ids = iter(range(1, orders + 1))
            async with anyio.create_task_group() as tasks:
                for _ in range(together):
                    tasks.start_soon(happen, store, event, ids)


async def heard(path: Path, orders: int) -> float:
    """Let a courier say of every order that it has left, as messages are heard; gives them per second."""
    bench = terms()
    said = [Message(source="bench", id=f"{n}", order=f"N{n}", status="shipped", said=Said.SHIP) for n in range(orders)]  # fmt: skip
    async with engine.opened(f"sqlite:///{path}") as store:
        for event in EVENTS[:4]:
            for id in range(1, orders + 1):

                async def happen(tx: AsyncConnection, id: int = id, event: Any = event) -> object:
                    return await run.event(tx, bench, id, event, CLERK)

                await store.at_once(happen)
        begun = time.perf_counter()
        for start in range(0, orders, hearing.TOGETHER):

            async def some(tx: AsyncConnection, start: int = start) -> None:
                for message in said[start : start + hearing.TOGETHER]:
                    async with tx.begin_nested():
                        done = await hear.heard(tx, bench, message)
                    assert done.outcome is Outcome.APPLIED, done

            await store.at_once(some)
        return orders / (time.perf_counter() - begun)


@contextmanager
def recording(written: Written) -> Iterator[None]:
    """Have every statement that changes something noted, with its values, by transaction."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def noted(sql: str, rows: Sequence[Any]) -> None:
        if sql.split(None, 1)[0] in ("INSERT", "UPDATE", "DELETE"):
            written[-1].append((sql, [tuple(row) for row in rows]))

    def through(_c: Any, _cur: Any, sql: str, values: Any, _ctx: Any, many: bool) -> None:
        noted(sql, values if many and isinstance(values[0], tuple | list) else [values])

    class Noting(direct.Direct):
        def begin(self, raw: sqlite3.Connection, engine: Any) -> None:
            written.append([])
            super().begin(raw, engine)

        def plain(self, sql: str, values: Any) -> list[Any]:
            noted(sql, [values])
            return super().plain(sql, values)

        def plain_many(self, sql: str, values: Any) -> None:
            noted(sql, values)
            super().plain_many(sql, values)

    event.listen(Engine, "before_cursor_execute", through)
    plain, direct.Direct = direct.Direct, Noting  # type: ignore[misc]
    yield
    direct.Direct = plain  # type: ignore[misc]
    event.remove(Engine, "before_cursor_execute", through)


def theirs(path: Path, written: Written) -> None:
    """Send the same writes from a plain loop."""
    raw = sqlite3.connect(path, isolation_level=None)
    for name, value in (("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")):
        raw.execute(f"PRAGMA {name} = {value}").fetchone()
    for transaction in written:
        raw.execute("BEGIN IMMEDIATE")
        for sql, rows in transaction:
            if len(rows) > 1:
                raw.executemany(sql, rows)
            else:
                raw.execute(sql, rows[0]).fetchall()
        raw.execute("COMMIT")
    raw.close()


@dataclass(frozen=True, slots=True)
class Took:
    """What a side took for all events."""

    wall: float
    cpu: float


def measured(work: Callable[[], object]) -> Took:
    """Run one side; the disk has nothing left to do from the other when it begins."""
    os.sync()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def main(orders: int, rounds: int) -> None:
    """Measure both sides in turn, and print the medians."""
    with tempfile.TemporaryDirectory(prefix="impexd-orders-") as folder:
        start, first, second = (Path(folder) / f"{n}.db" for n in range(3))
        asyncio.run(filled(start, orders))
        shutil.copyfile(start, first)
        written: Written = []
        with recording(written):
            asyncio.run(ours(first, orders))
        written = [one for one in written if one]
        events = orders * len(EVENTS)
        assert len(written) == events, (len(written), events)
        sides: dict[str, Callable[[Path], object]] = {
            "ours": lambda path: asyncio.run(ours(path, orders)),
            "together": lambda path: asyncio.run(ours(path, orders, TOGETHER)),
            "sqlite3": lambda path: theirs(path, written),
        }
        took: dict[str, list[Took]] = {name: [] for name in sides}
        for n in range(rounds):
            for name in sorted(sides, reverse=bool(n % 2)):
                _fresh(start, second)
                took[name].append(measured(lambda name=name: sides[name](second)))  # type: ignore[misc]
                assert dumped(second) == dumped(first), name
        _fresh(start, second)
        messages = asyncio.run(heard(second, orders))
        ratios = {
            name: [b.wall / a.wall for a, b in zip(took[name], took["sqlite3"], strict=True)]
            for name in ("ours", "together")
        }
        found = {
            "orders": orders,
            "events": events,
            "statements": round(sum(map(len, written)) / events, 1),
            **{f"{name}_per_second": round(events / _median(one, "wall")) for name, one in took.items()},
            **{f"{name}_cpu_us": round(_median(one, "cpu") / events * 1e6) for name, one in took.items()},
            "messages_per_second": round(messages),
            "ratio": {name: round(statistics.median(some), 2) for name, some in ratios.items()},
            "ratios": {name: [round(one, 2) for one in some] for name, some in ratios.items()},
        }  # fmt: skip
        print(json.dumps(found))


def _median(took: Sequence[Took], what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in took))


def _fresh(start: Path, path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(start, path)


def dumped(path: Path) -> list[tuple[Any, ...]]:
    """What both must have come to."""
    raw = sqlite3.connect(path)
    rows = raw.execute("SELECT number, state FROM orders ORDER BY id").fetchall()
    rows += raw.execute("SELECT sku, quantity, reserved FROM stock").fetchall()
    raw.close()
    return rows


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "500", "5"][:2]))
