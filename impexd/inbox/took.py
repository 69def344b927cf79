"""
The end of a claim: the transaction that says what was found, and the jobs that carry on.

Takes what looking at claimed bytes gave for each run; gives the same in `Took`, for the log
and for whoever asked.  What is refused or a duplicate is put away at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.durable import Digest
from impexd.inbox import archive
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.examine import Back, Found
from impexd.inbox.settle import Seen
from impexd.model.problem import Problem
from impexd.store import journal, verdict
from impexd.store.again import again


@dataclass(slots=True)
class Took:
    """What became of some claims."""

    claimed: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    refused: dict[int, Problem] = field(default_factory=dict)
    """Runs that are `failed` now."""
    returned: dict[bytes, str] = field(default_factory=dict)
    """Names that are in the inbox again, and why."""
    left: set[Seen] = field(default_factory=set)
    """Refused files that could not be moved away."""
    stuck: dict[bytes, str] = field(default_factory=dict)
    """Names whose claim cannot be ended yet, and why; it is tried again."""

    def add(self, other: "Took") -> None:
        """Put another batch to this one."""
        self.claimed += other.claimed
        self.duplicates += other.duplicates
        self.refused |= other.refused
        self.returned |= other.returned
        self.left |= other.left
        self.stuck |= other.stuck


async def settle(
    desk: Desk,
    inlet: Inlet,
    found: Mapping[int, Found],
    took: Took,
    *,
    gone: Mapping[int, str] | None = None,
    left: Mapping[int, Problem] | None = None,
) -> None:
    """
    Journal what was found, add it to `took`, put away what has ended with it.

    `gone` are runs whose file was not there, `left` refused ones whose file stays in the inbox.
    """
    hashes = {id: (it.sha256, it.size) for id, it in found.items() if isinstance(it, Digest)}
    faults = {id: it for id, it in found.items() if isinstance(it, Problem)}
    voids = {id: it.why for id, it in found.items() if isinstance(it, Back)} | dict(gone or {})
    staying = dict(left or {})

    async def said(tx: AsyncConnection) -> set[int]:
        await verdict.void(tx, voids, at=desk.clock.now())
        await verdict.failed(tx, _words(faults))
        await verdict.left(tx, _words(staying), at=desk.clock.now())
        doubles = await verdict.claimed(tx, hashes)
        await desk.enqueue(
            tx, sorted(hashes.keys() - doubles), desk.node, inlet.group, inlet.priority
        )
        return doubles

    doubles = await again(desk.store, said, clock=desk.clock)
    failpoint.hit("claim.done")
    took.claimed += sorted(hashes.keys() - doubles)
    took.duplicates += sorted(doubles)
    took.refused |= faults | staying
    if faults or doubles:
        async with desk.store.reading() as conn:
            ended = await journal.rows(conn, faults.keys() | doubles)
        await archive.put(desk, ended)


def _words(faults: Mapping[int, Problem]) -> dict[int, tuple[str, str]]:
    return {id: (fault.code, fault.message) for id, fault in faults.items()}
