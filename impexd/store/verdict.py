"""
The verdicts of the journal: every change of state that claiming, archiving and recovery make.

Takes a transaction and many runs at once.  Each change says which states it may start from,
so that repeating it changes nothing and a late one finds nothing to change.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, case, func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.run import State
from impexd.store.journal import BEGUN, LEFT, LOST, OPEN, SHELVED, TWINS, batches
from impexd.store.schema import run


async def copied(tx: AsyncConnection, hashes: Mapping[int, tuple[str, int]]) -> None:
    """Note that complete copies are ours; their originals may go.  id -> (sha256, bytes)."""
    await _hashed(tx, hashes, State.CLAIMING)


async def claimed(tx: AsyncConnection, hashes: Mapping[int, tuple[str, int]]) -> set[int]:
    """
    Take runs from `claiming` to `claimed`, or to `duplicate` where the same bytes came under
    the same name into the same group before and are imported.  Gives the ids of the duplicates.
    """
    await _hashed(tx, hashes, State.CLAIMED)
    doubles: set[int] = set()
    for some in batches(sorted(hashes)):
        for id, first in await tx.execute(TWINS.where(run.c.id.in_(some))):
            doubles.add(id)
            await mark_duplicate(tx, id, first)
    return doubles


async def mark_duplicate(tx: AsyncConnection, id: int, first: int) -> None:
    """Say of a run that it repeats another; it will not be applied."""
    await tx.execute(
        update(run)
        .where(run.c.id == id, run.c.state.in_((State.CLAIMED.value, *BEGUN)))
        .values(state=State.DUPLICATE.value, message=f"the same bytes as run {first}")
    )


async def failed(tx: AsyncConnection, faults: Mapping[int, tuple[str, str]]) -> None:
    """Take runs from `claiming` to `failed`: id -> (code, message)."""
    if faults:
        await tx.execute(
            update(run)
            .where(run.c.id == bindparam("of"), run.c.state == State.CLAIMING.value)
            .values(state=State.FAILED.value, code=bindparam("why"), message=bindparam("words")),
            [{"of": id, "why": code, "words": message} for id, (code, message) in faults.items()],
        )


async def left(tx: AsyncConnection, faults: Mapping[int, tuple[str, str]], *, at: datetime) -> None:
    """Fail runs whose files cannot be moved away, and note that they still lie in the inbox."""
    await failed(tx, faults)
    for some in batches(sorted(faults)):
        await tx.execute(
            update(run)
            .where(run.c.id.in_(some), run.c.state == State.FAILED.value)
            .values(place="", note=LEFT, finished=stamp(at))
        )


async def void(tx: AsyncConnection, reasons: Mapping[int, str], *, at: datetime) -> None:
    """End runs that turned out to be none: their files are back, or never were ours."""
    if reasons:
        await tx.execute(
            update(run)
            .where(
                run.c.id == bindparam("of"),
                _one_of(OPEN),
            )
            .values(state=State.VOID.value, message=bindparam("words"), finished=stamp(at)),
            [{"of": id, "words": reason} for id, reason in reasons.items()],
        )


async def again(tx: AsyncConnection, ids: Collection[int]) -> None:
    """Take runs whose worker died back to `claimed`; the next attempt fences what it left."""
    for some in batches(sorted(ids)):
        await tx.execute(
            update(run)
            .where(run.c.id.in_(some), run.c.state.in_(BEGUN))
            .values(
                state=State.CLAIMED.value,
                attempt=run.c.attempt + 1,
                crashes=run.c.crashes + 1,
            )
        )


async def hold(tx: AsyncConnection, ids: Collection[int], code: str, message: str) -> None:
    """Let a person decide on runs that cannot go on."""
    for some in batches(sorted(ids)):
        await tx.execute(
            update(run)
            .where(
                run.c.id.in_(some), run.c.state.in_((State.CLAIMED.value, State.HELD.value, *BEGUN))
            )
            .values(
                state=State.HELD.value,
                code=code,
                message=message,
                attempt=run.c.attempt + 1,
                crashes=case((run.c.state.in_(BEGUN), run.c.crashes + 1), else_=run.c.crashes),
            )
        )


async def shelved(
    tx: AsyncConnection, places: Mapping[int, str], lost: Collection[int], *, at: datetime
) -> None:
    """
    Note where the bytes of ended runs are now: id -> place below var; `applied` is `archived` now.

    `lost` are those whose bytes are nowhere: their rows are safe, but that is said.
    """
    if places:
        await tx.execute(
            _SHELVE.values(
                place=bindparam("where"), finished=func.coalesce(run.c.finished, stamp(at))
            ),
            [{"of": id, "where": place} for id, place in places.items()],
        )
    if lost:
        await tx.execute(
            _SHELVE.values(
                place="",
                note=LOST,
                finished=func.coalesce(run.c.finished, stamp(at)),
            ),
            [{"of": id} for id in lost],
        )


def _one_of(states: Collection[str]) -> ColumnElement[bool]:
    """Pure: the state is one of these; IN takes no part in an executemany."""
    return or_(*(run.c.state == state for state in states))


_SHELVE = (
    update(run)
    .where(run.c.id == bindparam("of"), _one_of(SHELVED))
    .values(
        state=case((run.c.state == State.APPLIED.value, State.ARCHIVED.value), else_=run.c.state)
    )
)


async def _hashed(tx: AsyncConnection, hashes: Mapping[int, tuple[str, int]], state: State) -> None:
    if hashes:
        await tx.execute(
            update(run)
            .where(run.c.id == bindparam("of"), run.c.state == State.CLAIMING.value)
            .values(state=state.value, sha256=bindparam("hash"), bytes=bindparam("size")),
            [{"of": id, "hash": sha256, "size": size} for id, (sha256, size) in hashes.items()],
        )
