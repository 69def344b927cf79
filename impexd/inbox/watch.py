"""
Hear that something happened in an inbox.  A hint only: the scan is the truth.

Takes folders; gives, again and again, those to be looked at.  One `awatch` for all of them.  It
is not to be trusted: it loses events when its queue is full, says nothing more once a folder was
replaced, fails on a missing folder, and dies on a name that is not UTF-8.  So it is started anew
whenever it dies or a folder has become another, and every `rescan` seconds all are looked at.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path

import anyio
import structlog
from watchfiles import awatch

TICK = 1.0
"""Seconds between two looks at whether the folders are still the ones that are watched."""
DEBOUNCE = 400
"""Most milliseconds for which events are gathered."""
STEP = 50
"""Milliseconds without an event after which the gathered ones are given."""

EVERYTHING: frozenset[Path] = frozenset()
"""What is given when all folders are to be looked at."""

log = structlog.get_logger(__name__)


async def hints(
    folders: Iterable[Path],
    *,
    rescan: float = 30.0,
    tick: float = TICK,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[frozenset[Path], None]:
    """Give the folders in which something happened; `EVERYTHING` at first and every `rescan` seconds."""
    watched, looked, said = tuple(folders), -rescan, False
    while True:
        try:
            async with aclosing(_watch(watched, rescan, tick, monotonic)) as changes:
                async for changed in changes:
                    said = False
                    if changed == EVERYTHING:
                        looked = monotonic()
                    yield changed
        except Exception as error:  # whatever it dies of, the scan goes on without it
            if not said:
                log.warning("watching begins anew", reason=repr(error))
            said = True
            await anyio.sleep(tick)
            if monotonic() - looked >= rescan:
                looked = monotonic()
                yield EVERYTHING


async def _watch(
    folders: tuple[Path, ...], rescan: float, tick: float, monotonic: Callable[[], float]
) -> AsyncGenerator[frozenset[Path], None]:
    """Watch until a folder comes, goes or is replaced."""
    standing = {folder: _identity(folder) for folder in folders}
    there = [folder for folder, identity in standing.items() if identity]
    looked: float | None = None
    async with aclosing(_ticks(there, tick)) as ticks:
        async for paths in ticks:
            if any(_identity(folder) != identity for folder, identity in standing.items()):
                return
            # The first tick comes when the watch stands: what came before it is looked for now.
            if looked is None or monotonic() - looked >= rescan:
                looked = monotonic()
                yield EVERYTHING
            elif paths:
                yield frozenset(folder for folder in there if paths & {folder})


async def _ticks(folders: list[Path], tick: float) -> AsyncGenerator[set[Path], None]:
    """Give the folders of each bundle of events, and nothing at least every `tick` seconds."""
    if not folders:
        while True:
            yield set()
            await anyio.sleep(tick)
    async with aclosing(
        awatch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE,
            step=STEP,
            rust_timeout=int(tick * 1000),
            yield_on_timeout=True,
            recursive=False,
        )
    ) as changes:
        async for changed in changes:
            yield {Path(path).parent for _, path in changed}


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
