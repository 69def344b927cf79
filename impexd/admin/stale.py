"""Uploads that nobody goes on with: removed after a day, with their bytes."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio.to_thread

from impexd.admin import pieces
from impexd.admin.house import House
from impexd.core.clock import stamp
from impexd.store import uploads

KEPT = timedelta(days=1)


async def clear(house: House) -> int:
    """Remove what nothing was heard of for a day; gives how many."""
    before = stamp(house.clock.now() - KEPT)
    async with house.store.reading() as tx:
        found = await uploads.old(tx, before=before)
    for one in found:
        await pieces.remove(house, one)
    known = partial(_strangers, pieces.folder(house), house.clock.now().timestamp())
    return len(found) + await anyio.to_thread.run_sync(known)


def _strangers(home: Path, now: float) -> int:
    """Remove files that nobody has touched for two days, whatever the list says."""
    count = 0
    with suppress(FileNotFoundError):
        for path in home.iterdir():
            if now - path.stat().st_mtime > 2 * KEPT.total_seconds():
                path.unlink(missing_ok=True)
                count += 1
    return count
