"""
One pass over one group's inbox: look, settle, judge, claim.

Takes the desk, which remembers what the last pass saw, and an inlet; gives `Taken`.  The daemon
makes a pass on every hint and every half minute, `run --drain` until nothing is left that may
yet settle.  Only one pass at a time for a group.  Files are claimed, and so imported, in the
order of their names as bytes.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import anyio.to_thread
import structlog

from impexd.core import durable
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.inbox import archive, claim, folders, judge, scan, settle
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.judge import Judged, Why
from impexd.inbox.scan import Candidate, Look
from impexd.inbox.settle import Seen, Watchlist
from impexd.inbox.took import Took
from impexd.model.problem import Problem
from impexd.model.run import State
from impexd.store import journal

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one pass did, and what it leaves for the next."""

    claimed: list[int]
    """Runs that a job carries on with."""
    duplicates: list[int]
    refused: dict[int, Problem]
    """Runs that have failed with their claim."""
    waiting: dict[bytes, Why]
    """Names that are not taken yet, and why."""
    settling: float | None
    """Seconds until another pass is worth while; None if nothing is about to settle."""


async def take(desk: Desk, inlet: Inlet) -> Taken:
    """
    Make one pass.  WorldError if the inbox, the disk or the database fails.

    What it was busy with then is carried on by the next pass, or by `recover` at the next start.
    """
    with world(inlet), durable.opened(inlet.path) as inbox:
        if not os.access(b".", os.W_OK | os.X_OK, dir_fd=inbox):
            raise PermissionError(1, "files may not be moved out of it")
        took, known = await _leftovers(desk, inlet, inbox)
        folders.check_room(desk.folders, desk.reserve)
        look = await anyio.to_thread.run_sync(_look, inlet, inbox)
        at = desk.clock.monotonic()
        before = desk.watched.get(inlet.group, {})
        watched = settle.watch(before, (one.seen for one in look.candidates), at=at)
        fresh = [
            one
            for one in look.candidates
            if one.seen not in known and one.seen.name not in took.stuck
        ]
        waiting: list[Judged] = []
        for start in range(0, len(fresh), claim.BATCH):
            some = fresh[start : start + claim.BATCH]
            judged = await anyio.to_thread.run_sync(_judge, inlet, inbox, some, look, watched, at)
            watched |= {one.watched.seen.name: one.watched for one in judged}
            waiting += [one for one in judged if not one.ready]
            if ready := [one for one in judged if one.ready]:
                took.add(await claim.take(desk, inlet, inbox, ready))
        desk.watched[inlet.group] = watched
    _say(inlet, took)
    reasons = {one.watched.seen.name: one.why for one in waiting if one.why}
    settling = min((one.again for one in waiting if one.why is Why.SETTLING), default=None)
    if len(look.candidates) == scan.MOST and took.claimed:
        settling = 0.0  # there is more behind what one look sees
    return Taken(took.claimed, took.duplicates, took.refused, reasons, settling)


@contextmanager
def world(inlet: Inlet) -> Iterator[None]:
    """Turn what the system says about an inbox into words for the operator."""
    try:
        yield
    except OSError as error:
        what = f"inbox of {inlet.group}, {shown(str(inlet.path))}: {error.strerror or error}"
        raise WorldError(
            what, hint="look at the folder and its disk; it is tried again by itself"
        ) from error


async def _leftovers(desk: Desk, inlet: Inlet, inbox: int) -> tuple[Took, set[Seen]]:
    """End what an earlier pass left half done; give also what it could not move away."""
    async with desk.store.reading() as conn:
        rows = await journal.unsettled(conn, inlet.group, desk.node)
    claiming = [row for row in rows if row.state is State.CLAIMING]
    took = await claim.resume(desk, inlet, inbox, claiming) if claiming else Took()
    await archive.put(desk, [row for row in rows if row not in claiming and row.place is None])
    left = [row for row in rows if row.note == journal.LEFT]
    return took, {Seen(row.name, row.dev, row.inode, row.size, row.mtime_ns) for row in left}


def _look(inlet: Inlet, inbox: int) -> Look:
    return scan.look(
        inbox,
        match=inlet.match,
        largest=inlet.limits.file,
        links=inlet.rules.copy_mode,
        ends=inlet.companions,
    )


def _judge(
    inlet: Inlet,
    inbox: int,
    candidates: Sequence[Candidate],
    look: Look,
    watched: Watchlist,
    at: float,
) -> list[Judged]:
    one = partial(judge.judge, inbox, companions=look.companions, rules=inlet.rules, at=at)
    judged = (one(candidate, watched[candidate.seen.name]) for candidate in candidates)
    return [each for each in judged if each is not None]


def _say(inlet: Inlet, took: Took) -> None:
    if took.claimed or took.duplicates:
        counts = {"claimed": len(took.claimed), "duplicates": len(took.duplicates)}
        log.info("drops taken", group=inlet.group, **counts)
    for run, fault in took.refused.items():
        log.warning(
            "drop refused", group=inlet.group, run=run, code=fault.code, reason=fault.message
        )
    for name, why in took.returned.items():
        log.info("drop given back", group=inlet.group, name=shown(name), reason=why)
    for name, why in took.stuck.items():
        log.warning("claim not ended yet", group=inlet.group, name=shown(name), reason=why)
