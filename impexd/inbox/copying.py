"""
Claim by copy, for inboxes on another device and for folders in which others may meddle.

Takes journalled claims; copies each file into work, hashing on the way, syncs, journals the
hashes, and only then removes the originals that are still the files we copied.  A run whose
original stays is not imported: it would come again.
"""

from collections.abc import Mapping, Sequence

import anyio.from_thread
import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.durable import Digest
from impexd.inbox import carry, folders, took
from impexd.inbox.carry import Claim
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.took import Took
from impexd.store import verdict
from impexd.store.again import again


def wanted(desk: Desk, inlet: Inlet, inbox: int) -> bool:
    """Say whether files are copied out of this inbox instead of renamed."""
    elsewhere = folders.device(inbox) != folders.device(desk.folders.work)
    return inlet.rules.copy_mode or elsewhere


async def take(desk: Desk, inlet: Inlet, inbox: int, claims: Sequence[Claim]) -> Took:
    """Copy, journal, remove the originals, journal again."""
    hashes = await anyio.to_thread.run_sync(_copy, desk, inlet, inbox, claims)
    failpoint.hit("claim.renamed")
    other = {claim.run: "it changed or went" for claim in claims if claim.run not in hashes}

    async def journalled(tx: AsyncConnection) -> None:
        await verdict.copied(tx, {id: (it.sha256, it.size) for id, it in hashes.items()})
        await verdict.void(tx, other, at=desk.clock.now())

    await again(desk.store, journalled, clock=desk.clock)
    failpoint.hit("copy.journalled")
    copied = [claim for claim in claims if claim.run in hashes]
    return await let_go(desk, inlet, inbox, copied, hashes)


async def let_go(
    desk: Desk,
    inlet: Inlet,
    inbox: int | None,
    claims: Sequence[Claim],
    hashes: Mapping[int, Digest],
) -> Took:
    """Remove the originals of journalled copies, then let the copies be imported."""
    stuck = await anyio.to_thread.run_sync(_let_go, desk.folders.work, inbox, claims)
    failpoint.hit("claim.synced")
    result = Took(stuck={c.seen.name: stuck[c.run] for c in claims if c.run in stuck})
    free = {claim.run: hashes[claim.run] for claim in claims if claim.run not in stuck}
    await took.settle(desk, inlet, free, result)
    return result


def _copy(desk: Desk, inlet: Inlet, inbox: int, claims: Sequence[Claim]) -> dict[int, Digest]:
    copied = {}
    for claim in claims:
        digest = carry.copy(
            inbox,
            desk.folders.work,
            claim,
            largest=inlet.limits.file,
            pause=anyio.from_thread.check_cancelled,
        )
        if digest:
            copied[claim.run] = digest
    return copied


def _let_go(work: int, inbox: int | None, claims: Sequence[Claim]) -> dict[int, str]:
    carry.keep(work, claims)
    if inbox is None:
        return {claim.run: "the inbox is not there" for claim in claims}
    return carry.let_go(inbox, claims)
