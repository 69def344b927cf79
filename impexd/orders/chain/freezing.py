"""What tasks say is made once, from their orders and the tables as they are now, and kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import DataError
from impexd.model.config import Config
from impexd.model.exporter import Exporter
from impexd.model.order import Delivery, Order
from impexd.model.problem import Code
from impexd.model.task import Task
from impexd.model.telling import Frozen, Means, Telling
from impexd.orders.chain import bench as benches
from impexd.orders.chain import document
from impexd.orders.chain.bench import Bench
from impexd.ports import Exporter as Kind
from impexd.store import order_flags, orders, single

NAMED = ("shop", "customer", "warehouse", "carrier")
"""Entities whose records an exporter is given, if they are declared with one key field."""
Records = Mapping[str, Mapping[str, Any]]


async def made(
    bench: Bench, kind: Kind, exporter: Exporter, some: Sequence[Task]
) -> list[Frozen | DataError]:
    """Make what is sent, for each of some tasks of one exporter; an error where it cannot be made."""
    if not some:
        return []
    tellings = await _tellings(bench, some)
    means = benches.means(bench, some[0].exporter)
    said = settings(exporter, kind)
    return await anyio.to_thread.run_sync(_frozen, kind, said, tellings, means)


def settings(exporter: Exporter, kind: Kind) -> Any:
    """Pure: the table of its type, as its model."""
    text = json.dumps(exporter.settings)
    return kind.settings.model_validate_json(text, by_alias=True, by_name=False)


def _frozen(
    kind: Kind, said: Any, tellings: Sequence[Telling | DataError], means: Means
) -> list[Frozen | DataError]:
    return [
        telling if isinstance(telling, DataError) else _one(kind, said, telling, means)
        for telling in tellings
    ]


def _one(kind: Kind, said: Any, telling: Telling, means: Means) -> Frozen | DataError:
    try:
        return kind.freeze(said, telling, means)
    except DataError as error:
        return error
    except Exception as error:
        # A plug-in's own fault: it ends this task and no other.
        what = f"the exporter failed: {type(error).__name__}: {error}"
        return DataError(Code.BAD_TEMPLATE, what)


async def _tellings(bench: Bench, some: Sequence[Task]) -> list[Telling | DataError]:
    """Read what there is to tell, by a few queries for all."""
    now = bench.clock.now()
    found: list[Telling | DataError] = []
    async with bench.store.reading() as tx:
        ids = [task.order_id for task in some]
        known = {order.id: order for order in await orders.load(tx, ids, lock=False)}
        raised = await order_flags.moments(tx, [task.flag_id for task in some])
        shelf = _Shelf(tx, bench.config)
        for task in some:
            order = known.get(task.order_id)
            if order is None or task.flag_id not in raised:
                what = "its order is not there any more"
                found.append(DataError(Code.BAD_TEMPLATE, what))
                continue
            delivery = next((one for one in order.deliveries if one.id == task.delivery_id), None)
            telling = Telling(
                flag=task.flag,
                raised=raised[task.flag_id],
                order=document.order(order),
                delivery=None if delivery is None else document.delivery(delivery, order),
                records=await shelf.about(order, delivery),
                key=task.key,
                exporter=task.exporter,
                task=task.id,
                generation=task.generation,
                now=now,
            )
            found.append(telling)
    return found


@dataclass(slots=True)
class _Shelf:
    """What the tables hold about shops, customers, warehouses and carriers; each read once."""

    tx: AsyncConnection
    config: Config
    read: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    async def about(self, order: Order, delivery: Delivery | None) -> Records:
        """Give the records of an order's shop and customer, of a delivery's warehouse and carrier."""
        wanted = {
            "shop": order.shop,
            "customer": str((order.customer or {}).get("code") or "") or None,
            "warehouse": delivery.warehouse if delivery else None,
            "carrier": delivery.carrier if delivery else None,
        }
        return {name: await self._one(name, wanted[name]) for name in NAMED}

    async def _one(self, name: str, key: str | None) -> Mapping[str, Any]:
        kind = self.config.catalogue.get(name)
        if kind is None or key is None:
            return {}
        if (name, key) not in self.read:
            self.read[name, key] = await single.record(self.tx, kind, key) or {}
        return self.read[name, key]
