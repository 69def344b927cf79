"""
Clear archive and failed of what has been kept for as long as its group says.

The folder of a run goes first, then the journal is told: cut short between the two, the next
pass finds no folder and tells the journal.  A slice at a time, so that others get their turn.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

import anyio.to_thread
import structlog

from impexd.core.errors import WorldError
from impexd.inbox.desk import Desk
from impexd.inbox.folders import Folders
from impexd.store import retention
from impexd.store.again import again

KEEP = 90
"""Days for groups that the configuration does not name any more."""

SLICE = 100
"""Runs that are cleared at once."""

_PLACE = re.compile(
    r"(archive|failed)/([0-9]{4}-[0-9]{2}-[0-9]{2})/([0-9]+(?:-[0-9a-f]+)?)/.+", re.DOTALL
)
"""Where bytes are put away; nothing that looks otherwise is touched."""

log = structlog.get_logger(__name__)


async def clear(desk: Desk, keep: Mapping[str, int], *, failed: int = KEEP) -> int:
    """
    Clear what is too old: group -> days, and no more than `failed` days for refused drops.

    Gives how many runs; WorldError if the disk fails.
    """
    async with desk.store.reading() as conn:
        groups = await retention.groups(conn)
    count = 0
    for name in groups:
        days = keep.get(name, KEEP)
        count += await _group(desk, name, "archive", days)
        count += await _group(desk, name, "failed", min(days, failed))
    return count


async def _group(desk: Desk, group: str, room: str, days: int) -> int:
    before, count = desk.clock.now() - timedelta(days=days), 0
    note = f"bytes cleared after {days} days"
    while True:
        async with desk.store.reading() as conn:
            rows = await retention.old(conn, desk.node, group, room, before, SLICE)
        if not rows:
            break
        places = [place for _, place in rows]
        await anyio.to_thread.run_sync(_remove, desk.folders, places)
        ids = [id for id, _ in rows]
        await again(desk.store, lambda tx: retention.cleared(tx, ids, note), clock=desk.clock)  # noqa: B023
        count += len(rows)
    if count:
        log.info("archive cleared", room=room, group=group, runs=count, days=days)
    return count


def _remove(folders: Folders, places: Sequence[str]) -> None:
    """Remove the folders of runs, and their days when nothing is left in them."""
    for place in places:
        found = _PLACE.fullmatch(place)
        if not found:
            log.warning("place not cleared", place=place)
            continue
        room, day, run = found.groups()
        top = folders.archive if room == "archive" else folders.failed
        try:
            _folder(top, day, run)
        except OSError as error:
            what = f"{room}/{day}/{run}: {error.strerror or error}"
            raise WorldError(what, hint="look at the disk; it is tried again") from error


def _folder(top: int, day: str, run: str) -> None:
    with suppress(FileNotFoundError):
        days = os.open(day, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
        try:
            with suppress(FileNotFoundError):
                shutil.rmtree(run, dir_fd=days)
            os.fsync(days)
        finally:
            os.close(days)
        with suppress(OSError):  # others are in it still
            os.rmdir(day, dir_fd=top)
