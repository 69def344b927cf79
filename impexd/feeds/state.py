"""How each feed is, as one JSON object: for commands, programs and pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from impexd.core.clock import stamp
from impexd.feeds import intake
from impexd.feeds.bench import Bench
from impexd.feeds.poll import OPEN_AFTER
from impexd.model.feed import Feed
from impexd.store import feeds, messages


async def listed(bench: Bench, following: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tell how all feeds of the configuration are; `following` says when each is due next."""
    async with bench.store.reading() as tx:
        states, counts = await feeds.listed(tx), await messages.counted(tx)
        received, unknown = await messages.received(tx), await messages.unknown(tx)
    now, spooled = bench.clock.now(), await intake.lying(bench)
    return [
        told(name, feed, states.get(name, {}), now=now)
        | {
            "messages": counts.get(name, {}),
            "received": received.get(name),
            "unknown": {one["status"]: one["count"] for one in unknown if one["source"] == name},
            "next": following.get(f"feed:{name}"),
            "spooled": spooled if feed.kind == "webhook" else 0,
        }
        for name, feed in sorted(bench.config().feeds.items())
    ]


def told(name: str, feed: Feed, state: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Pure: how one feed is."""
    failures = state.get("failures", 0)
    until = state.get("until")
    waits = bool(failures) and until is not None and until > stamp(now)
    succeeded = state.get("succeeded")
    lag = None
    if succeeded:
        lag = round((now - datetime.fromisoformat(succeeded)).total_seconds(), 3)
    breaker = "open" if failures >= OPEN_AFTER else "backing off" if failures else "closed"
    return {
        "name": name,
        "kind": feed.kind,
        "label": feed.label,
        "map": feed.map,
        "polled": state.get("polled"),
        "succeeded": succeeded,
        "lag": lag,
        "error": state.get("error"),
        "failed": state.get("failed"),
        "failures": failures,
        "breaker": breaker,
        "until": until if waits else None,
        "cursor": state.get("cursor"),
        "told": state.get("told"),
    }
