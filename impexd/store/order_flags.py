"""Flags of orders, as the chain looks at them: open ones, and what became of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.task import FlagRow
from impexd.store.schema import orders, tasks

OPEN, HEARD, UNHEARD = "open", "heard", "unheard"
"""States of flags: not looked at yet; made tasks; nobody was told."""

_T, _F = tasks.task.c, orders.order_flag.c
_FLAG = [orders.order_flag.c[one.name] for one in fields(FlagRow)]


async def open_flags(tx: AsyncConnection, limit: int) -> list[FlagRow]:
    """Read flags that nobody has looked at yet, oldest first."""
    query = select(*_FLAG).where(_F.state == OPEN).order_by(_F.id).limit(limit)
    return [FlagRow(*row) for row in await tx.execute(query)]


async def flags_of(tx: AsyncConnection, order: int) -> list[FlagRow]:
    """Read all flags of an order, oldest first."""
    query = select(*_FLAG).where(_F.order_id == order).order_by(_F.id)
    return [FlagRow(*row) for row in await tx.execute(query)]


async def roots(tx: AsyncConnection, flags: Collection[int]) -> dict[int, str]:
    """Flag -> the flag its chain began with, for those that an exporter has raised."""
    query = select(_T.raised, _T.root).where(_T.raised.in_(flags))
    return {row.raised: row.root for row in await tx.execute(query)}


async def raised_on(
    tx: AsyncConnection, ids: Collection[int], names: Collection[str]
) -> set[tuple[int, int | None, str]]:
    """Of some flags, those that are raised on orders: (order, delivery or None, flag)."""
    query = (
        select(_F.order_id, _F.delivery_id, _F.flag)
        .where(_F.order_id.in_(ids), _F.flag.in_(names))
        .distinct()
    )
    return {(order, delivery, flag) for order, delivery, flag in await tx.execute(query)}


async def raise_flags(
    tx: AsyncConnection,
    name: str,
    about: Sequence[tuple[int, int | None, str]],
    *,
    now: str,
) -> list[int]:
    """Raise a flag that no transition raises, for each (order, delivery or None, reason); gives ids."""
    if not about:
        return []
    rows = [
        {"order_id": order, "delivery_id": delivery, "flag": name, "raised": now, "reason": reason}
        for order, delivery, reason in about
    ]
    statement = insert(orders.order_flag).returning(_F.id, sort_by_parameter_order=True)
    return list((await tx.execute(statement, rows)).scalars())


async def raised_by(
    tx: AsyncConnection, exporter: str, flags: Collection[int]
) -> set[tuple[int, int]]:
    """Of the tasks that some flags have made, those of which a generation has raised the next: (flag, about)."""
    query = select(_T.flag_id, _T.about).where(
        _T.exporter == exporter, _T.flag_id.in_(flags), _T.raised.is_not(None)
    )
    return {(flag, about) for flag, about in await tx.execute(query)}


async def moments(tx: AsyncConnection, flags: Collection[int]) -> dict[int, str]:
    """Flag -> when it was raised."""
    query = select(_F.id, _F.raised).where(_F.id.in_(flags))
    return {row.id: row.raised for row in await tx.execute(query)}


async def heard(tx: AsyncConnection, flags: Mapping[int, str]) -> None:
    """Close flags: flag -> why nobody was told, or "" if somebody is; a statement for each reason."""
    ids: dict[str, list[int]] = {}
    for id, reason in flags.items():
        ids.setdefault(reason, []).append(id)
    for reason, some in ids.items():
        state = {"state": UNHEARD, "reason": reason} if reason else {"state": HEARD}
        await tx.execute(update(orders.order_flag).where(_F.id.in_(some)).values(**state))
