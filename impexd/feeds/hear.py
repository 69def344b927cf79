"""
Hear what has come: each message mapped and applied, its outcome kept in the same transaction.

Oldest first, some in one transaction, each in a savepoint of its own: what a message does and what
became of it hold together, and a message that cannot be applied takes nothing else with it.  What
is about an order that is not there, or not that far, waits, and is given up after `park_for`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.backoff import Backoff, chance
from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.feeds import mapping, reading
from impexd.feeds.bench import Bench
from impexd.feeds.mapping import About, Unmapped
from impexd.model.feed import Feed, FeedMap
from impexd.model.message import Heard, Message, Outcome
from impexd.store import errors, messages
from impexd.store.again import again, small

TASK = "hear"
TOGETHER = 50
"""Messages in one transaction: few enough to let others in."""
WAITS = Backoff(first=10.0, most=3600.0)
FAULTS = 3
"""How often a message may fail by a fault of ours before it is set aside."""

log = structlog.get_logger(__name__)


async def hear(bench: Bench) -> None:
    """Apply all that can be applied now."""
    await again(
        bench.store, lambda tx: messages.rouse(tx, now=bench.clock.now()), clock=bench.clock
    )
    while await small(bench.store, lambda tx: _some(bench, tx), clock=bench.clock):
        pass


async def _some(bench: Bench, tx: AsyncConnection) -> int:
    """Try the oldest ones; gives how many there were."""
    now = bench.clock.now()
    rows = await messages.due(tx, now=now, limit=TOGETHER)
    moved: set[int] = set()
    for row in rows:
        heard = await _one(bench, tx, row, now)
        if heard.order is not None and heard.outcome in (Outcome.APPLIED, Outcome.NOTED):
            moved.add(heard.order)
    await messages.rouse_of(tx, moved, now=now)
    return len(rows)


async def _one(bench: Bench, tx: AsyncConnection, row: Mapping[str, Any], now: datetime) -> Heard:
    config = bench.config()
    feed = config.feeds.get(row["source"])
    said: dict[str, Any] = {}
    try:
        message = _message(row, feed, config.maps.get(feed.map) if feed else None)
    except Unmapped as error:
        heard = Heard(Outcome.DEAD, shown(str(error)))
    else:
        if message is None:
            heard = Heard(Outcome.PARKED, "its feed, or the map of it, is not configured any more")
        else:
            said = _understood(message)
            heard = await _applied(bench, tx, row, message)
    said |= ended(row, heard, feed.park_for if feed else 14.0, now, chance(bench.clock))
    await messages.outcome(tx, row["id"], **said)
    if said["state"] == Outcome.DEAD.value:
        log.warning("message dead", feed=row["source"], message=row["id"], why=said["reason"])
    return heard


def _message(row: Mapping[str, Any], feed: Feed | None, used: FeedMap | None) -> Message | None:
    """Pure: what a message that was kept says; None if nobody knows how to read it now."""
    if feed is None or used is None:
        return None
    try:
        item = reading.read(row["body"].encode())
    except reading.Unreadable as error:
        raise Unmapped(str(error)) from None
    if not isinstance(item, dict):
        raise Unmapped("this is no object")
    about = About(row["source"], row["message_id"], row["id"], feed.quantities)
    return mapping.message(item, used, about)


async def _applied(
    bench: Bench, tx: AsyncConnection, row: Mapping[str, Any], message: Message
) -> Heard:
    """Apply a message in a savepoint; a fault of ours parks it, and does not stop the others."""
    try:
        async with tx.begin_nested():
            return await bench.apply(tx, bench.config(), message)
    except WorldError:
        raise
    except Exception as error:
        if (better := errors.translated(error)) is not None:
            raise better from error
        log.error("message failed", feed=row["source"], message=row["id"], exc_info=error)
        told = f"a fault of impexd: {type(error).__name__}: {shown(str(error))}"
        last = row["attempts"] + 1 >= FAULTS
        return Heard(Outcome.DEAD if last else Outcome.PARKED, told)


def _understood(message: Message) -> dict[str, Any]:
    """Pure: what is kept of a message beside its body, to find it by."""
    return {
        "said_at": message.at,
        "about": message.order,
        "delivery": message.delivery,
        "status": message.status,
        "said": None if message.said is None else message.said.value,
    }


def ended(
    row: Mapping[str, Any], heard: Heard, park_for: float, now: datetime, luck: float
) -> dict[str, Any]:
    """Pure: what is written down about a message that was tried; `park_for` in days."""
    attempts = row["attempts"] + 1
    received = datetime.fromisoformat(row["received"])
    until = row["until"] or stamp(received + timedelta(days=park_for))
    said: dict[str, Any] = {
        "state": heard.outcome.value,
        "reason": heard.reason or None,
        "problems": list(heard.problems) or None,
        "order_id": heard.order,
        "attempts": attempts,
        "until": until,
        "next_at": None,
        "ended": stamp(now),
    }
    if heard.outcome is Outcome.PARKED:
        if until <= stamp(now):
            return said | {
                "state": Outcome.DEAD.value,
                "reason": f"given up after {park_for:g} days: {heard.reason}",
            }
        wait = timedelta(seconds=WAITS.delay(attempts, chance=luck))
        return said | {"next_at": stamp(now + wait), "ended": None}
    return said
