"""
How couriers and partners are: how long since each feed answered, what was heard and told, who rests.

Takes the tables; gives a `Partners` for the figures and for `impexd status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.config import Config
from impexd.model.standing import Standing
from impexd.store import feeds, messages, partners, task_lists

Counts = Mapping[str, Mapping[str, int]]
"""Name -> state -> how many."""


@dataclass(frozen=True, slots=True)
class Partners:
    """What the tables say of couriers and partners."""

    feeds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of the configuration: `lag` in seconds (None: it has never answered), `failures`, `error`."""
    messages: Counts = field(default_factory=dict)
    tasks: Counts = field(default_factory=dict)
    resting: Mapping[str, Standing] = field(default_factory=dict)
    """Exporters whose partners are left alone for a while."""
    exporters: tuple[str, ...] = ()


async def gathered(
    conn: AsyncConnection, config: Config, now: datetime, *, shops: tuple[str, ...] | None = None
) -> Partners:
    """Read how they are; `shops`: count the tasks of these only."""
    known = await feeds.listed(conn)
    standings = await partners.every(conn)
    return Partners(
        {name: told(known.get(name, {}), now) for name in sorted(config.feeds)},
        await messages.counted(conn),
        await task_lists.counted(conn, shops=shops),
        {name: one for name, one in standings.items() if one.closed(stamp(now))},
        tuple(sorted(name for name, one in config.exporters.items() if one.enabled)),
    )


def told(state: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Pure: how a feed is."""
    last = state.get("succeeded")
    lag = (now - datetime.fromisoformat(last)).total_seconds() if last else None
    return {
        "lag": None if lag is None else max(lag, 0.0),
        "failures": state.get("failures", 0),
        "error": state.get("error"),
    }


def summed(found: Partners) -> dict[str, dict[str, dict[str, Any]]]:
    """Pure: how they are as JSON, for `impexd status`; what has nothing to say is left out."""
    heard = {name: dict(found.messages.get(name, {})) for name in {*found.feeds, *found.messages}}
    feeds: dict[str, dict[str, Any]] = {}
    for name, counts in sorted(heard.items()):
        state = found.feeds.get(name, {"lag": None, "failures": 0, "error": None})
        feeds[name] = {**state, **_picked(counts, SAID)}
    partners: dict[str, dict[str, Any]] = {}
    for name in sorted({*found.exporters, *found.tasks, *found.resting}):
        standing = found.resting.get(name)
        partners[name] = {
            **_picked(found.tasks.get(name, {}), TOLD),
            "resting": (standing.reason or "") if standing else None,
            "until": standing.closed_until if standing else None,
        }
    return {"feeds": feeds, "partners": partners}


SAID = {"waiting": ("new",), "parked": ("parked",), "conflict": ("conflict",), "dead": ("dead",)}
TOLD = {
    "waiting": ("ready", "retry", "sending", "unknown"),
    "held": ("held",),
    "dead": ("failed",),
}
"""A word for people -> the states it sums up."""


def _picked(counts: Mapping[str, int], words: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    return {word: sum(counts.get(one, 0) for one in states) for word, states in words.items()}
