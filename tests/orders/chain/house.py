"""An instance whose partners play on this machine: orders put in, flags raised, tasks looked at."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from impexd.core.clock import stamp
from impexd.core.errors import ImpexError
from impexd.model.order import Delivery, DeliveryLine, DeliveryState, Kind, Line, Order, OrderState
from impexd.orders import eligibility
from impexd.orders.chain import flags, tell, tend
from impexd.orders.eligibility import Raised
from impexd.store import orders
from tests.flows.place import Place
from tests.peer import OUTBOUND

ETC: Mapping[str, str] = {}


def quick(etc: Mapping[str, str], url: str, home: Path) -> dict[str, str]:
    """The configuration, with peers on this machine that may be called."""
    secret = home / "database.url"
    main = f'{OUTBOUND}\n[store]\nurl_file = "{secret}"\n'
    return {"impexd.toml": main, **etc}


def exporter(type: str, flags: str, own: str = "", **common: Any) -> str:
    """A file of etc/exporters/; `own` is its table, `flags` are comma separated."""
    lines = [f'type = "{type}"', f"flags = {json.dumps(flags.split(','))}"]
    tables = {k: v for k, v in common.items() if isinstance(v, dict)}
    lines += [f"{k} = {json.dumps(v)}" for k, v in common.items() if k not in tables]
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{k} = {json.dumps(v)}" for k, v in table.items()]
    return "\n".join(lines) + "\n" + (own or f"[{type}]\n")


def order(number: str = "1001", warehouses: str = "W1", **more: Any) -> Order:
    """An order with a line for each warehouse, and a delivery from each."""
    names = warehouses.split(",")
    lines = tuple(
        Line(0, f"L{n}", f"SKU-{n}", Decimal(2), name=f"Thing {n}", price=Decimal("9.90"))
        for n in range(len(names))
    )
    deliveries = tuple(
        Delivery(
            0,
            f"{number}-{n + 1}",
            Kind.STANDARD,
            DeliveryState.NEW,
            warehouse=name,
            carrier="dhl",
            lines=(DeliveryLine(0, n, f"L{n}", f"SKU-{n}", Decimal(2)),),
        )
        for n, name in enumerate(names)
    )
    base = Order(
        0,
        number,
        OrderState.IN_PROGRESS,
        shop="SHOP1",
        currency="EUR",
        total=Decimal("19.80"),
        customer={"email": "ann@example.com", "last_name": "O'Neill & Søn"},
        digest="0" * 64,
        source="test",
        placed="2026-01-31T07:00:00.000Z",
        created="2026-01-31T07:00:00.000Z",
        changed="2026-01-31T07:00:00.000Z",
        lines=lines,
        deliveries=deliveries,
    )
    return replace(base, **more)


@dataclass
class House:
    """An instance, and what a test does with it."""

    place: Place
    orders: dict[str, Order] = field(default_factory=dict)

    async def fresh(self, **exporters: str) -> None:
        """Begin anew with these exporters; `_` in a name stands for `-`."""
        self.orders.clear()
        shutil.rmtree(self.place.instance.config.var / "outbox", ignore_errors=True)
        etc = {f"exporters/{name.replace('_', '-')}.toml": text for name, text in exporters.items()}
        await self.place.fresh(etc)

    @property
    def chain(self) -> Any:
        return self.place.instance.chain

    @property
    def clock(self) -> Any:
        return self.place.clock

    async def put(self, *new: Order) -> None:
        """Put orders into the tables."""
        async with self.place.instance.store.writing() as tx:
            for one in await orders.insert_new(tx, new):
                self.orders[one.number] = one

    async def record(self, tx: Any, entity: str, **values: str) -> None:
        """Put a record into the table of an entity."""
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(f":{name}" for name in values)
        kind = self.place.instance.config.catalogue[entity]
        await tx.execute(text(f'DELETE FROM "{kind.table}" WHERE code = :code'), values)
        await tx.execute(text(f'INSERT INTO "{kind.table}" ({names}) VALUES ({marks})'), values)

    async def flag(self, number: str, *names: str, delivery: int | None = None) -> None:
        """Raise flags as a transition does: on an order, or on its n-th delivery."""
        one = self.orders[number]
        about = None if delivery is None else one.deliveries[delivery].id
        async with self.place.instance.store.writing() as tx:
            flags = [Raised(name, one.id, about) for name in names]
            await eligibility.raise_flags(tx, flags, now=stamp(self.clock.now()))

    async def work(self) -> None:
        """Carry out what is due, until nothing is."""
        await tend.look(self.chain)
        await self.place.carry()
        while await tend.look(self.chain):
            await self.place.carry()

    async def turn(self) -> None:
        """Do the same as `work`, without the queue, which takes its time: for many turns."""
        for _ in range(20):
            await flags.carry(self.chain)
            wanted = await tend.ready(self.chain)
            if not wanted:
                return
            for name in wanted:
                await tell.carry(self.chain, name)

    async def tasks(self, **wanted: Any) -> list[dict[str, Any]]:
        """Tasks as the API tells them, oldest first."""
        found = await self.place.asked.get("/api/v1/tasks", limit=1000, **wanted)
        return list(found["tasks"])[::-1]

    async def states(self, **wanted: Any) -> dict[str, str]:
        """`exporter order[/delivery]` -> state; of several generations the newest."""
        return {
            f"{one['exporter']} {one['delivery'] or one['order']}": one["state"]
            for one in await self.tasks(**wanted)
        }

    async def task(self, exporter: str) -> dict[str, Any]:
        """The newest task of an exporter."""
        return (await self.tasks(exporter=exporter))[-1]

    async def decide(self, what: str, id: int, **said: Any) -> dict[str, Any]:
        """Hold, release, skip or resend a task, as the API does it."""
        body = {"actor": "anna", "note": "because"} | said
        return await self.place.asked.post(f"/api/v1/tasks/{id}/{what}", **body)

    async def refused(self, path: str, **body: Any) -> str:
        """Ask for what must be refused, and give what is said about it."""
        with pytest.raises(ImpexError) as caught:
            await self.place.asked.post(path, **body)
        return str(caught.value)

    async def why(self, number: str) -> dict[str, Any]:
        """What became of each event of an order."""
        return await self.place.asked.get(f"/api/v1/orders/{number}/why")

    def outbox(self, name: str) -> list[Path]:
        """Files that an exporter has laid down."""
        folder = self.place.instance.config.var / "outbox" / name
        return sorted(folder.glob("*")) if folder.exists() else []
