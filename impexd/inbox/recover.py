"""
Carry on where a crash cut things short: at every start, before anything else is claimed.

Takes the journal and the work folder; where they agree, each run goes on along the same path as
a fresh drop.  `decide` is the table; the rest does what it says.  May itself be killed: each
step may be repeated.  What cannot be explained is never thrown away, but set aside and logged.
"""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import durable
from impexd.core.text import shown
from impexd.inbox import archive, carry, claim
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.folders import DRAFT, SCRATCH, Folders
from impexd.inbox.took import Took
from impexd.model.problem import Code
from impexd.model.run import FINAL, State
from impexd.store import journal, verdict
from impexd.store.again import again
from impexd.store.journal import Row

CRASHES = 20
"""
How often the daemon may die during a run before a person has to look at it.

Many, because what is dangerous is done by worker processes, whose deaths are counted when they
happen (3 hold the run); a daemon mostly dies of something else.
"""
BATCH = 100

_TOKEN = re.compile(r"([0-9a-f]{32})(\..+)?")

log = structlog.get_logger(__name__)


REPORTED = frozenset({State.APPLIED, State.PLANNED, State.REJECTED, State.CANCELLED})
"""States whose bytes are put away by the run's own job, because a report goes with them."""


class Action(StrEnum):
    """What a start does with a run."""

    RESUME = "resume"
    """End its claim."""
    DROP = "drop"
    """Forget it: nobody was told of it, and the original is where it was."""
    ENQUEUE = "enqueue"
    """See that a job carries on with it."""
    AGAIN = "again"
    """Its worker died: begin again."""
    POISON = "poison"
    """Its worker died once too often: hold it."""
    VANISHED = "vanished"
    """Its bytes are gone: hold it."""
    PUT = "put"
    """Put its bytes away."""
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start found."""

    runs: Mapping[Action, list[int]]
    """Runs by what was done with them."""
    orphans: list[str]
    """Names in work that no run knows."""
    took: Took
    """What became of the claims that were ended."""


def decide(row: Row, *, present: bool) -> Action:
    """Pure: the recovery table.  `present`: the run's bytes are in the work folder."""
    if row.state is State.CLAIMING:
        return Action.RESUME if row.origin == "inbox" else Action.DROP
    if row.state.value in journal.SHELVED:
        if row.place is not None:
            return Action.LEAVE
        return Action.ENQUEUE if row.state in REPORTED and present else Action.PUT
    if row.state in FINAL or (row.state is State.PLANNED and row.dry):
        return Action.LEAVE  # a dry run ends with its plan
    if not present:
        return Action.LEAVE if row.code == Code.VANISHED else Action.VANISHED
    if row.state is State.HELD:
        return Action.LEAVE
    if row.state is State.CLAIMED:
        return Action.ENQUEUE
    return Action.POISON if row.crashes + 1 >= CRASHES else Action.AGAIN


async def everything(desk: Desk, inlets: Iterable[Inlet]) -> Recovered:
    """Bring journal and folders together.  OSError or WorldError if disk or database fail."""
    async with desk.store.reading() as conn:
        rows = await journal.unended(conn, desk.node)
    names = await anyio.to_thread.run_sync(_names, desk.folders)
    todo: dict[Action, list[Row]] = defaultdict(list)
    for row in rows:
        todo[decide(row, present=row.token in names)].append(row)
    took = await _claims(desk, {one.group: one for one in inlets}, todo[Action.RESUME])
    await _drop(desk, todo[Action.DROP])
    await _hold(desk, todo[Action.VANISHED], Code.VANISHED, "its bytes are gone from work")
    await _hold(desk, todo[Action.POISON], Code.POISON, f"it ended the process {CRASHES} times")
    carried = todo[Action.ENQUEUE] + todo[Action.AGAIN]
    await _carry_on(desk, sorted(carried, key=lambda row: row.id))
    for some in _batches(todo[Action.PUT]):
        await archive.put(desk, some)
    orphans = await _tidy(desk, {row.token for row in todo[Action.RESUME]})
    for name in orphans:
        log.error("bytes of no run, set aside", place=f"failed/orphans/{name}.recovered")
    done = {action: [row.id for row in some] for action, some in todo.items() if some}
    counts = {action.value: len(ids) for action, ids in done.items()}
    log.info("recovered", **counts, orphans=len(orphans))
    return Recovered(done, orphans, took)


def _names(folders: Folders) -> set[str]:
    return set(os.listdir(folders.work))  # noqa: PTH208 - an open folder, not a path


async def _claims(desk: Desk, inlets: Mapping[str, Inlet], rows: Sequence[Row]) -> Took:
    """End interrupted claims, group by group; a group may have lost its inbox meanwhile."""
    took = Took()
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    for group, mine in groups.items():
        with ExitStack() as stack:
            inbox: int | None = None
            if group in inlets:
                try:
                    inbox = stack.enter_context(durable.opened(inlets[group].path))
                except OSError as error:
                    log.warning("inbox is not there", group=group, reason=error.strerror)
            for some in _batches(mine):
                inlet = inlets.get(group) or Inlet(group, Path(), priority=some[0].priority)
                took.add(await claim.resume(desk, inlet, inbox, some))
    return took


async def _drop(desk: Desk, rows: Sequence[Row]) -> None:
    """Forget copies whose giver was never answered."""
    if rows:
        await anyio.to_thread.run_sync(_forget, desk.folders, [row.token for row in rows])
        reasons = {row.id: "cut short; to be given again" for row in rows}
        await again(desk.store, lambda tx: verdict.void(tx, reasons, at=desk.clock.now()))


def _forget(folders: Folders, tokens: Sequence[str]) -> None:
    for token in tokens:
        durable.forget(folders.work, token.encode())
        durable.forget(folders.work, (token + DRAFT).encode())
    os.fsync(folders.work)


async def _hold(desk: Desk, rows: Sequence[Row], code: Code, why: str) -> None:
    if rows:
        ids = [row.id for row in rows]
        await again(desk.store, lambda tx: verdict.hold(tx, ids, code.value, why))
        for id in ids:
            log.error("run held", run=id, code=code.value, reason=why)


async def _carry_on(desk: Desk, rows: Sequence[Row]) -> None:
    """See that a job goes on with each run, in the order they were claimed in."""
    for some in _batches(rows):

        async def work(tx: AsyncConnection, some: Sequence[Row] = some) -> None:
            await verdict.again(tx, [row.id for row in some])
            for (group, priority), mine in groupby(some, lambda row: (row.group, row.priority)):
                await desk.enqueue(tx, [row.id for row in mine], desk.node, group, priority)

        await again(desk.store, work, clock=desk.clock)


async def _tidy(desk: Desk, claiming: set[str]) -> list[str]:
    """Clear what ended runs left in work; set aside, and give, what no run knows."""
    names = await anyio.to_thread.run_sync(_names, desk.folders)
    tokens = {name: found[1] for name in names if (found := _TOKEN.fullmatch(name))}
    for name in sorted(names - tokens.keys()):
        log.warning("strange name in work, left alone", name=shown(os.fsencode(name)))
    async with desk.store.reading() as conn:
        rows = await journal.by_tokens(conn, set(tokens.values()) - claiming)
    going = claiming | {row.token for row in rows if row.place is None and _unended(row)}
    loose = [
        name
        for name, token in tokens.items()
        if token not in going or (carry.WITH in name and token not in claiming)
    ]
    return await anyio.to_thread.run_sync(_clear, desk.folders, loose)


def _unended(row: Row) -> bool:
    """Pure: has a run's job still to do with what is in work?"""
    return row.state not in FINAL or row.state in REPORTED


def _clear(folders: Folders, names: Sequence[str]) -> list[str]:
    orphans = []
    for name in names:
        if name.endswith(SCRATCH):
            shutil.rmtree(name, dir_fd=folders.work)
        elif "." in name:  # a draft, or a companion that has said what it had to say
            durable.forget(folders.work, name.encode())
        else:
            with durable.made("orphans", within=folders.failed) as target:
                durable.move(folders.work, name.encode(), target, f"{name}.recovered".encode())
            orphans.append(name)
    os.fsync(folders.work)
    return orphans


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
