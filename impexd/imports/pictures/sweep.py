"""
Clear away pictures that nothing points at: their run was refused or cut short, or the records
and the before-images that pointed at them are gone.

A picture goes if it was last wanted (written, or found there by a run that brought it again) both
`AGE` ago and before any run came that is still open: a run that is held for a month will find
its pictures.  Whether it was wanted since is looked at last, with the lock that is needed to
store it; so none goes that somebody has just found there.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import anyio.to_thread
import structlog

from impexd.core.errors import WorldError
from impexd.imports.bench import Bench
from impexd.imports.pictures import keep
from impexd.model.picture import REFERENCE
from impexd.store import pictured
from impexd.store.dialect import Names

AGE = timedelta(days=7)
"""How long a picture lies at least that nothing points at."""

MARGIN = timedelta(hours=1)
"""How far the clock of the disk may be from ours."""

_DRAFT = re.compile(r"\.impexd-[0-9a-f]{16}\.tmp")
"""What a worker leaves that was killed while it wrote; see `core.durable`."""

_ROOMS = tuple("0123456789abcdef")
"""Pictures are looked at by the first digit of their hash, so that memory stays flat."""

log = structlog.get_logger(__name__)


async def clear(bench: Bench) -> int:
    """
    Clear pictures that nothing points at and that nobody has wanted for `AGE`; gives how many.

    WorldError if the disk fails.  May be cut short anywhere and begun again.
    """
    folder = bench.config.var / keep.ROOM
    try:
        count = await _clear(bench, folder) if await anyio.Path(folder).is_dir() else 0
    except OSError as error:
        what = f"{error.filename or folder}: {error.strerror or error}"
        raise WorldError(what, hint="look at the disk; it is tried again") from error
    if count:
        log.info("pictures cleared", pictures=count)
    return count


async def _clear(bench: Bench, folder: Path) -> int:
    desk, config = bench.desk, bench.config
    async with desk.store.reading() as tx:
        opened = await pictured.oldest_open(tx)
        waiting = await pictured.parked(tx)
        places = await pictured.places(tx)
    before = min([desk.clock.now() - AGE, *([opened - MARGIN] if opened else [])])
    names, count = Names(desk.store.dialect, "", ""), 0
    for digit in _ROOMS:
        old = await anyio.to_thread.run_sync(_old, folder, digit, before)
        if not old:
            continue
        async with desk.store.reading() as tx:
            kept = waiting | await pictured.used(tx, names, places, old)
        loose = [keep.place(config.var, name) for name in sorted(old - kept)]
        count += await anyio.to_thread.run_sync(_remove, folder, loose, before)
    return count


def _old(folder: Path, digit: str, before: datetime) -> set[str]:
    """List the pictures that nobody has wanted since a moment; drafts as old are removed."""
    found: set[str] = set()
    drafts: list[Path] = []
    for room in folder.glob(f"{digit}[0-9a-f]"):
        with os.scandir(room) as entries:
            for entry in entries:
                if not _older(Path(entry), before):
                    continue
                if REFERENCE.fullmatch(entry.name):
                    found.add(entry.name)
                elif _DRAFT.fullmatch(entry.name):
                    drafts.append(Path(entry))
    _remove(folder, drafts, before)
    return found


def _remove(folder: Path, paths: Iterable[Path], before: datetime) -> int:
    """Remove what is still as old as it was when it was listed; gives how many went."""
    count = 0
    for path in paths:
        with keep.locked(folder):
            if _older(path, before):
                path.unlink()
                count += 1
    return count


def _older(path: Path, moment: datetime) -> bool:
    """Say whether a file is there and has not been written or wanted since a moment."""
    with suppress(FileNotFoundError):
        return path.lstat().st_mtime < moment.timestamp()
    return False
