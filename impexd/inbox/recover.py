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
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum

import anyio.to_thread
import structlog
from pathlib import Path
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import durable
from impexd.inbox import archive, carry, claim, intake
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.folders import SCRATCH, Folders
from impexd.inbox.took import Took
from impexd.model.problem import Code
from impexd.model.run import State
from impexd.store import journal, verdict
from impexd.store.again import again
from impexd.store.journal import BEGUN, Row

CRASHES = 3
"""How often a run may take the process down before a person has to look at it."""
BATCH = 100

_TOKEN = re.compile(r"([0-9a-f]{32})(\..+)?")

log = structlog.get_logger(__name__)


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


@dataclass(slots=True)
class Recovered:
    """What a start found: runs by what was done with them, and names that nobody knows."""

    runs: dict[Action, list[int]] = field(default_factory=lambda: defaultdict(list))
    orphans: list[str] = field(default_factory=list)
    took: Took = field(default_factory=Took)


def decide(row: Row, *, present: bool) -> Action:
    """Pure: the recovery table.  `present`: the run's bytes are in the work folder."""
    if row.state is State.CLAIMING:
        return Action.RESUME if row.origin == "inbox" else Action.DROP
    if row.state.value in journal.SHELVED:
        return Action.PUT if row.place is None else Action.LEAVE
    if row.state.value not in journal.OPEN:
        return Action.LEAVE
    if not present:
        return Action.LEAVE if row.code == Code.VANISHED else Action.VANISHED
    if row.state is State.HELD:
        return Action.LEAVE
    if row.state is State.CLAIMED:
        return Action.ENQUEUE
    return Action.POISON if row.crashes + 1 >= CRASHES else Action.AGAIN


async def recover(desk: Desk, inlets: Mapping[str, Inlet]) -> Recovered:
    """Bring journal and folders together.  OSError or WorldError if disk or database fail."""
    async with desk.store.reading() as conn:
        rows = await journal.unended(conn)
    names = await anyio.to_thread.run_sync(_names, desk.folders)
    recovered = Recovered()
    todo: dict[Action, list[Row]] = defaultdict(list)
    for row in rows:
        action = decide(row, present=row.token in names)
        todo[action].append(row)
        recovered.runs[action].append(row.id)
    await _claims(desk, inlets, todo[Action.RESUME], recovered.took)
    await _drop(desk, todo[Action.DROP])
    for start in range(0, len(rows), BATCH):
        await _carry_on(desk, todo, start)
    for start in range(0, len(todo[Action.PUT]), BATCH):
        await archive.put(desk, todo[Action.PUT][start : start + BATCH])
    await _tidy(desk, {row.token for row in rows}, recovered)
    _say(recovered)
    return recovered


def _names(folders: Folders) -> set[str]:
    return set(os.listdir(folders.work))  # noqa: PTH208 - an open folder, not a path


async def _claims(
    desk: Desk, inlets: Mapping[str, Inlet], rows: Sequence[Row], took: Took
) -> None:
    """End interrupted claims, group by group; a group may have lost its inbox meanwhile."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    for group, some in groups.items():
        inlet = inlets.get(group) or Inlet(group, Path())
        with ExitStack() as stack:
            inbox: int | None = None
            if group in inlets:
                try:
                    inbox = stack.enter_context(durable.opened(inlet.path))
                except OSError as error:
                    log.warning("inbox is not there", group=group, reason=error.strerror)
            for start in range(0, len(some), BATCH):
                batch = some[start : start + BATCH]
                took.add(await claim.resume(desk, inlet, inbox, batch))


