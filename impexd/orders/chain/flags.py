"""
Flags become tasks: for each flag raised, one task for each exporter that listens to it.

`carry` is the job; it looks at all flags that are open, so it is harmless to be called again, and
the transaction that makes the tasks closes the flags.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.model.order import Order
from impexd.model.task import FlagRow
from impexd.orders.chain import hearing
from impexd.orders.chain.bench import Bench, manual
from impexd.orders.chain.hearing import SUPERSEDES, Call, PassedOver
from impexd.store import order_flags, orders, tasks
from impexd.store.again import small

MANY = 200
"""Flags that are looked at in one transaction."""

log = structlog.get_logger(__name__)


async def carry(bench: Bench) -> None:
    """Make tasks of all open flags."""
    while await small(bench.store, lambda tx: _some(bench, tx), clock=bench.clock):
        pass


async def _some(bench: Bench, tx: AsyncConnection) -> int:
    """Make tasks of the oldest open flags; gives how many flags."""
    flags = await order_flags.open_flags(tx, MANY)
    if not flags:
        return 0
    now = stamp(bench.clock.now())
    known = {one.id: one for one in await orders.load(tx, {f.order_id for f in flags}, lock=False)}
    roots = await order_flags.roots(tx, [flag.id for flag in flags])
    raised = await order_flags.raised_on(tx, list(known), list(SUPERSEDES))
    made: list[Mapping[str, Any]] = []
    passed: list[tuple[FlagRow, PassedOver]] = []
    told: dict[int, str] = {}
    for flag in flags:
        root = roots.get(flag.id, flag.flag)
        calls, missed = _heard(bench, flag, root, known[flag.order_id], raised)
        made += [_row(bench, flag, root, call) for call in calls]
        passed += [(flag, one) for one in missed]
        exporters = bench.config.exporters
        told[flag.id] = "" if calls else hearing.unheard(flag.flag, exporters, missed)
    await _kept(bench, tx, made, passed, told, now)
    await _superseded(tx, flags, now)
    failpoint.hit("flags.made")
    log.info("flags", flags=len(flags), tasks=len(made))
    return len(flags)


def _heard(
    bench: Bench,
    flag: FlagRow,
    root: str,
    order: Order,
    raised: set[tuple[int, int | None, str]],
) -> tuple[list[Call], list[PassedOver]]:
    overtaken = hearing.overtaking(raised, flag, root)
    found = list(hearing.called(flag, root, order, bench.config.exporters, manual(), overtaken))
    calls = [one for one in found if isinstance(one, Call)]
    return calls, [one for one in found if isinstance(one, PassedOver)]


def _row(bench: Bench, flag: FlagRow, root: str, call: Call) -> Mapping[str, Any]:
    return {
        "flag_id": flag.id,
        "order_id": flag.order_id,
        "delivery_id": call.about or None,
        "about": call.about,
        "flag": flag.flag,
        "root": root,
        "exporter": call.exporter,
        "generation": 1,
        "priority": call.priority,
        "state": call.state.value,
        "reason": call.reason,
        "key": bench.clock.token(),
        "epoch": 0,
    }


async def _kept(
    bench: Bench,
    tx: AsyncConnection,
    made: Sequence[Mapping[str, Any]],
    passed: Sequence[tuple[FlagRow, PassedOver]],
    told: Mapping[int, str],
    now: str,
) -> None:
    await tasks.make(tx, made, now=now)
    rows = [
        {"flag_id": flag.id, "exporter": one.exporter, "about": one.about, "reason": one.reason}
        for flag, one in passed
    ]
    await tasks.pass_over(tx, rows)
    await order_flags.heard(tx, told)
    bench.flagged(tx)


async def _superseded(tx: AsyncConnection, flags: Sequence[FlagRow], now: str) -> None:
    """What these flags overtake is not sent any more."""
    for by, roots in SUPERSEDES.items():
        of = {flag.order_id for flag in flags if flag.flag == by}
        if of:
            await tasks.supersede(tx, by, roots, now=now, only_orders=of)
