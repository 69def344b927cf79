"""
Place the orders that files brought.

A file of orders goes the way of every file: its rows, one for each line of an order, are staged,
planned, applied as records of an entity, with rejects, provenance and guards; a repeated file
changes nothing, and an order with a bad line is rejected whole.  In the transaction that applies
them the numbers of new and changed orders are noted; here they are placed, some in a transaction,
so that memory stays flat and a crash only makes us go on.  So orders need no import path of their
own, and what a shop has sent stays readable beside what became of it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.text import shown
from impexd.model.config import Config
from impexd.model.entity import Kind
from impexd.model.faults import words
from impexd.model.placing import Placement
from impexd.orders import placing
from impexd.orders.bench import Bench
from impexd.orders.placing import Placed
from impexd.orders.run import By
from impexd.store import again, order_inputs
from impexd.store.engine import Store

SOME = 200
"""Orders that are placed in one transaction."""
REFUSED = (
    "mend the order and hand it in again, as it is to be; or as it was placed, to take a change back."
    ' changed = "amend" in [orders] lets changes in while nothing of the order has begun'
)
"""What can be done about refused orders."""
HEAD = ("shop", "placed", "currency", "total", "remarks")
PAYMENT = {"payment_method": "method", "payment_state": "state", "payment_reference": "reference"}
LINE = (
    "sku", "quantity", "name", "price", "warehouse", "kind", "available", "delivery", "carrier",
    "method",
)  # fmt: skip
GROUPS = {
    "customer_": "customer",
    "billing_": "billing",
    "shipping_": "shipping",
    "totals_": "totals",
}
OWN = {"custom_": "custom"}

log = structlog.get_logger(__name__)


async def take(store: Store, bench: Bench, config: Config) -> int:
    """Place every order that waits; gives how many were looked at."""
    count = 0
    while True:

        async def some(tx: AsyncConnection) -> int:
            return await _some(tx, bench, config)

        done = await again.small(store, some, clock=bench.clock)
        count += done
        if done == 0:
            return count


async def _some(tx: AsyncConnection, bench: Bench, config: Config) -> int:
    rows = await order_inputs.waiting(tx, SOME)
    told: list[dict[str, Any]] = []
    batches: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        batches.setdefault((row["entity"], row["run"]), []).append(row)
    for (entity, run), mine in batches.items():
        kind = config.catalogue.get(entity)
        if kind is None:
            why = f"there is no entity {entity} any more"
            told += [_told(row, Placed(row["number"], "refused", None, why)) for row in mine]
            continue
        told += await _placed(tx, bench, kind, run, mine)
    await order_inputs.settled(tx, told)
    return len(rows)


async def _placed(
    tx: AsyncConnection, bench: Bench, kind: Kind, run: int, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    records = await order_inputs.records(tx, kind, [row["number"] for row in rows])
    good: list[tuple[Mapping[str, Any], Placement]] = []
    told: list[dict[str, Any]] = []
    for row in rows:
        made = placement(kind, records.get(row["number"], []))
        if isinstance(made, str):
            told.append(_told(row, Placed(row["number"], "refused", None, made)))
        else:
            good.append((row, made))
    done = await placing.place(tx, bench, [one for _, one in good], By(f"run:{run}"))
    return told + [_told(row, one) for (row, _), one in zip(good, done, strict=True)]


def _told(row: Mapping[str, Any], placed: Placed) -> dict[str, Any]:
    if placed.outcome == "refused":
        number, reason = shown(placed.number, limit=80), shown(placed.reason)
        log.warning("order refused", number=number, reason=reason)
    return {
        "of": row["id"],
        "became": placed.outcome,
        "why": placed.reason or None,
        "made": placed.order,
    }


def placement(kind: Kind, records: Sequence[Mapping[str, Any]]) -> Placement | str:
    """Pure: the order that the records of its lines describe, or what is wrong with it."""
    if not records:
        return "it has no lines"
    number, ref = kind.key[0], kind.key[1]
    head: dict[str, Any] = {}
    for name in kind.fields:
        if name in LINE or name in kind.key or name.startswith("line_"):
            continue
        values = list(dict.fromkeys(v for v in (_text(r[name]) for r in records) if v is not None))
        if len(values) > 1:
            return f"its lines do not agree about {name}: {shown(', '.join(values[:3]))}"
        if values:
            _put(head, name, values[0])
    lines = [
        {"ref": _text(record[ref])}
        | {name: _text(record[name]) for name in LINE if _text(record.get(name)) is not None}
        for record in records
    ]
    try:
        return Placement.model_validate({"number": records[0][number], "lines": lines, **head})
    except ValidationError as error:
        where, what = words.plain(error.errors())[0]
        return shown(f"{where}: {what}" if where else what)


def _put(head: dict[str, Any], name: str, value: str) -> None:
    """Put a field where an order has it; what has no place of its own is a custom value."""
    if name in HEAD:
        head[name] = value
        return
    if name in PAYMENT:
        head.setdefault("payment", {})[PAYMENT[name]] = value
        return
    for prefix, group in (GROUPS | OWN).items():
        if name.startswith(prefix):
            head.setdefault(group, {})[name.removeprefix(prefix)] = value
            return
    head.setdefault("custom", {})[name] = value


def _text(value: Any) -> str | None:
    """Pure: a value of a record, the same from either engine."""
    if value is None:
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
