"""What a task says is made once, from the order and the tables as they are now, and kept."""

import json
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import DataError
from impexd.model.config import Config
from impexd.model.exporter import Exporter
from impexd.model.order import Delivery, Order
from impexd.model.problem import Code
from impexd.model.task import Task
from impexd.model.telling import Frozen, Telling
from impexd.orders.chain import bench as benches
from impexd.orders.chain import document
from impexd.orders.chain.bench import Bench
from impexd.ports import Exporter as Kind
from impexd.store import order_flags, orders, single

NAMED = ("shop", "customer", "warehouse", "carrier")
"""Entities whose records an exporter is given, if they are declared with one key field."""


async def made(bench: Bench, kind: Kind, task: Task) -> Frozen:
    """Make what is sent; DataError if it cannot be made."""
    exporter = bench.config.exporters[task.exporter]
    async with bench.store.reading() as tx:
        order = await orders.one(tx, task.order_id, lock=False)
        flag = next(
            one for one in await order_flags.flags_of(tx, task.order_id) if one.id == task.flag_id
        )
        if order is None:
            raise DataError(Code.BAD_TEMPLATE, "its order is not there any more")
        delivery = next((one for one in order.deliveries if one.id == task.delivery_id), None)
        records = await _records(tx, bench.config, order, delivery)
    telling = Telling(
        flag=task.flag,
        raised=flag.raised,
        order=document.order(order),
        delivery=None if delivery is None else document.delivery(delivery, order),
        records=records,
        key=task.key,
        exporter=task.exporter,
        task=task.id,
        generation=task.generation,
        now=bench.clock.now(),
    )
    means = benches.means(bench, task.exporter)
    said = settings(exporter, kind)
    try:
        return await anyio.to_thread.run_sync(kind.freeze, said, telling, means)
    except DataError:
        raise
    except Exception as error:
        what = f"the exporter failed: {type(error).__name__}: {error}"
        raise DataError(Code.BAD_TEMPLATE, what) from error


def settings(exporter: Exporter, kind: Kind) -> Any:
    """Pure: the table of its type, as its model."""
    text = json.dumps(exporter.settings)
    return kind.settings.model_validate_json(text, by_alias=True, by_name=False)


async def _records(
    tx: AsyncConnection, config: Config, order: Order, delivery: Delivery | None
) -> Mapping[str, Mapping[str, Any]]:
    """Read what the tables hold about the order's shop and customer, the delivery's warehouse and carrier."""
    wanted = {
        "shop": order.shop,
        "customer": str((order.customer or {}).get("code") or "") or None,
        "warehouse": delivery.warehouse if delivery else None,
        "carrier": delivery.carrier if delivery else None,
    }
    found: dict[str, Mapping[str, Any]] = {}
    for name in NAMED:
        kind, key = config.catalogue.get(name), wanted[name]
        there = kind is not None and len(kind.key) == 1 and key is not None
        found[name] = (await single.record(tx, kind, key) if there and kind and key else None) or {}
    return found
