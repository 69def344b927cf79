"""
Keep what is logged about a run with the run.

Takes events from the log's tap, gives rows of `run_log`, in batches: nobody who logs waits for the
database, and one that does not answer costs at most the lines the tap cannot hold any more.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import anyio
import structlog

from impexd.core import log as logging
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.store import runlog
from impexd.store.engine import Store

GATHER = 0.2
"""Seconds for which lines are gathered."""
BATCH = 1000
RETRY = 5.0
"""Seconds after which a database that did not answer is tried again."""

_OWN = frozenset({"event", "level", "at", "run"})

log = structlog.get_logger(__name__)


async def tend(store: Store) -> None:
    """Write down what is logged about runs, until cancelled; then write down the rest."""
    loop, rung = asyncio.get_running_loop(), asyncio.Event()

    def ring() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(rung.set)

    logging.KEPT.ring, logging.KEPT.open = ring, True
    try:
        while True:
            await rung.wait()
            rung.clear()
            await anyio.sleep(GATHER)
            await _written(store)
    finally:
        logging.KEPT.ring, logging.KEPT.open = None, False
        with anyio.move_on_after(2, shield=True):
            await _written(store, patient=False)


async def _written(store: Store, *, patient: bool = True) -> None:
    """Write all that is there."""
    while events := logging.KEPT.taken(BATCH):
        rows = [row(event) for event in events]
        while True:
            try:
                async with store.writing() as tx:
                    await runlog.put(tx, rows)
                break
            except WorldError as error:
                if not patient:
                    return
                log.warning("logs of runs are not kept for now", reason=str(error))
                await anyio.sleep(RETRY)


def row(event: Mapping[str, Any]) -> dict[str, Any]:
    """Pure: an event as a row of the table."""
    body = {key: _plain(value) for key, value in event.items() if key not in _OWN}
    return {
        "run": int(event["run"]),
        "at": str(event["at"]),
        "level": str(event.get("level", "info")),
        "event": shown(str(event["event"]), limit=500),
        "body": body or None,
    }


def _plain(value: object) -> object:
    """Pure: a value as JSON can hold it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return shown(value, limit=2000)
    if isinstance(value, Mapping):
        return {shown(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value[:100]]
    return shown(str(value), limit=2000)
