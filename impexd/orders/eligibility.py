"""
Eligibility: the key stages that partners must hear about, raised in the transition's transaction.

Each flag raised is a row of its own, so no later event overwrites one that was not told yet.
What follows from a flag is the chain's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.store import order_log


@dataclass(frozen=True, slots=True)
class Raised:
    """One flag, of an order or of one of its deliveries, and the audit line that raised it."""

    flag: str
    order: int
    delivery: int | None = None
    audit: int | None = None
    reason: str | None = None


async def raise_flags(tx: AsyncConnection, flags: Sequence[Raised], *, now: str) -> None:
    """Raise flags in the caller's transaction; each stays `open` until the chain takes it."""
    if flags:
        rows = [
            {
                "flag": one.flag,
                "order_id": one.order,
                "delivery_id": one.delivery,
                "audit_id": one.audit,
                "reason": one.reason,
                "raised": now,
            }
            for one in flags
        ]
        await order_log.flagged(tx, rows)
