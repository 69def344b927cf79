"""
Claim dropped files: from here on they are ours, and only ours.

Takes what `judge` called ready, up to `BATCH` at once; gives a run for each.  The journal knows
first, then one rename(2) a file: it happens wholly or not at all, and of two who try only one
succeeds.  Then the folders are synced, the bytes looked at again, hashed and synced, and a
second transaction says what was found, together with the job that imports it.

1. journal `claiming`   2. rename into work   3. sync work, sync inbox
4. same file? no writer?   5. hash, sync   6. journal `claimed` (or `duplicate`, `failed`, `void`)

A claim that was cut short anywhere is taken up again by `resume`, from the journal and the
work folder alone.
"""

import os
from collections.abc import Iterable, Sequence

import anyio.from_thread
import anyio.to_thread

from impexd.core import durable, failpoint
from impexd.core.durable import Digest
from impexd.core.text import shown
from impexd.inbox import carry, copying, examine, took
from impexd.inbox.carry import Brought, Claim
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.examine import Back, Found
from impexd.inbox.judge import Judged
from impexd.inbox.settle import Seen
from impexd.inbox.took import Took
from impexd.model import problem
from impexd.model.problem import Code, Problem
from impexd.store import journal
from impexd.store.again import again
from impexd.store.journal import Intent, Row

BATCH = 200
"""Files claimed together: they share two transactions and their folders' syncs."""


async def take(desk: Desk, inlet: Inlet, inbox: int, judged: Sequence[Judged]) -> Took:
    """Make files of an open inbox ours.  OSError or WorldError: `resume` carries on later."""
    claims = await _begin(desk, inlet, judged)
    failpoint.hit("claim.journalled")
    if not copying.wanted(desk, inlet, inbox):
        return await _rename(desk, inlet, inbox, claims)
    result = await copying.take(desk, inlet, inbox, [c for c in claims if not c.fault])
    if refused := [claim for claim in claims if claim.fault]:
        result.add(await _rename(desk, inlet, inbox, refused))
    return result


async def resume(desk: Desk, inlet: Inlet, inbox: int | None, rows: Sequence[Row]) -> Took:
    """
    End claims that were cut short, of one group.

    `inbox` is None while it is not there: what would have to go back stays stuck then.
    """
    copies = {row.id: Digest(row.sha256, row.size) for row in rows if row.sha256}
    claims = [_reclaimed(inlet, row) for row in rows]
    renamed = [claim for claim in claims if claim.run not in copies]
    gone = await anyio.to_thread.run_sync(_gone, desk.folders.work, inbox, renamed)
    result = await _finish(desk, inlet, inbox, renamed, Brought(gone))
    if copies:
        copied = [claim for claim in claims if claim.run in copies]
        result.add(await copying.let_go(desk, inlet, inbox, copied, copies))
    return result


async def _begin(desk: Desk, inlet: Inlet, judged: Sequence[Judged]) -> list[Claim]:
    """Journal what is about to be touched."""
    intents = [_intent(inlet, one, desk.clock.token()) for one in judged]
    now = desk.clock.now()
    ids = await again(
        desk.store,
        lambda tx: journal.begin(tx, intents, node=desk.node, at=now),
        clock=desk.clock,
    )
    return [
        Claim(id, intent.token, one.watched.seen, one.fault, one.companion, inlet.companions)
        for id, intent, one in zip(ids, intents, judged, strict=True)
    ]


def _intent(inlet: Inlet, judged: Judged, token: str) -> Intent:
    seen = judged.watched.seen
    return Intent(
        token,
        inlet.group,
        seen.name,
        dev=seen.dev,
        inode=seen.ino,
        size=seen.size,
        mtime_ns=seen.mtime_ns,
        priority=inlet.priority,
        config_hash=inlet.config_hash,
        code=judged.fault.code if judged.fault else None,
        message=judged.fault.message if judged.fault else None,
    )


def _reclaimed(inlet: Inlet, row: Row) -> Claim:
    """Pure: the claim a journal row speaks of."""
    seen = Seen(row.name, row.dev, row.inode, row.size, row.mtime_ns)
    return Claim(
        row.id, row.token, seen, Problem(row.code, row.message or "") if row.code else None
    )


def _gone(work: int, inbox: int | None, claims: Iterable[Claim]) -> set[int]:
    """Find claims that never reached work, and take back what had been prepared for them."""
    gone = set()
    os.fsync(work)  # an interrupted claim may not have come as far as this
    for claim in claims:
        durable.forget(work, claim.draft)
        if not carry.there(work, claim.own):
            gone.add(claim.run)
            if inbox is not None:
                carry.return_companion(work, inbox, claim)
        elif inbox is not None:
            carry.end_rename(inbox, work, claim)
    return gone


async def _rename(desk: Desk, inlet: Inlet, inbox: int, claims: Sequence[Claim]) -> Took:
    brought = await anyio.to_thread.run_sync(carry.bring, inbox, desk.folders.work, claims)
    failpoint.hit("claim.renamed")
    return await _finish(desk, inlet, inbox, claims, brought)


async def _finish(
    desk: Desk, inlet: Inlet, inbox: int | None, claims: Sequence[Claim], brought: Brought
) -> Took:
    """Steps 4 to 6, for what is in work."""
    result = Took()
    inside = [c for c in claims if c.run not in brought.gone and c.run not in brought.stuck]
    found = await anyio.to_thread.run_sync(_examine, desk.folders.work, inbox, inside, result)
    failpoint.hit("claim.synced")
    left = {}
    for claim in claims:
        if claim.run in brought.stuck:
            left[claim.run] = claim.fault or _immovable(claim, brought.stuck[claim.run])
            result.left.add(claim.seen)
    gone = dict.fromkeys(brought.gone, "it had gone")
    await took.settle(desk, inlet, found, result, gone=gone, left=left)
    return result


def _examine(
    work: int, inbox: int | None, claims: Iterable[Claim], result: Took
) -> dict[int, Found]:
    """Look at each; what was not ours to take goes back at once, before the journal says so."""
    found: dict[int, Found] = {}
    for claim in claims:
        one = examine.examine(work, claim, pause=anyio.from_thread.check_cancelled)
        if isinstance(one, Back):
            if inbox is None:
                result.stuck[claim.seen.name] = one.why
                continue
            result.returned[carry.back(work, inbox, claim)] = one.why
        else:
            carry.forget_companions(work, claim)
        found[claim.run] = one
    return found


def _immovable(claim: Claim, why: str) -> Problem:
    return problem.about(Code.UNREADABLE, f"{shown(claim.seen.name)} may not be moved by us: {why}")
