"""
Undo: take a run back in one transaction that holds the rows, their images, and the verdict.

Either all that can be taken back is, and the run is `undone`, or nothing is.  An undo is a run
itself, with a part for each entity, and can be taken back in the same way.  The SQL of it is
`takeback`.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import Clock, stamp
from impexd.core.errors import UsageError
from impexd.model.entity import Catalogue, Kind
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.store import applying, bearing, images, parked, runs, schema, takeback
from impexd.store.dialect import Names
from impexd.store.engine import Store
from impexd.store.takeback import CHANGED, DELETE, GONE, INSERT, NEEDED, RESTORE, Taken

LISTED = 1_000
"""Records that are kept and named; more are counted."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that stays as it is."""

    entity: str
    key: str
    """A JSON list of texts."""
    why: str
    """`takeback.CHANGED`, `GONE` or `NEEDED`."""
    by: int = 0
    """The run that changed or deleted it since; 0 if it was none of ours."""
    needed: str = ""
    """The entity whose records point at it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking a run back does, or has done."""

    acts: Mapping[str, Mapping[str, int]]
    """Entity -> act -> records."""
    kept: Sequence[Kept] = field(default=())
    """The first of those that are kept."""
    held: str = ""
    """The start of a query for the records something points at; "" if there are none."""

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Entity -> counts in the words of every run; `rejected` are the kept."""
        return {entity: _counted(acts) for entity, acts in self.acts.items()}

    @property
    def problems(self) -> int:
        """How many records are kept."""
        return sum(counts["rejected"] for counts in self.counts.values())


def _counted(acts: Mapping[str, int]) -> dict[str, int]:
    return {
        "read": sum(acts.values()),
        "inserted": acts.get(INSERT, 0),
        "updated": acts.get(RESTORE, 0),
        "unchanged": 0,
        "deleted": acts.get(DELETE, 0),
        "rejected": acts.get(CHANGED, 0) + acts.get(GONE, 0) + acts.get(NEEDED, 0),
    }


async def undoable(tx: AsyncConnection, run: Run, catalogue: Catalogue) -> list[Kind]:
    """Find the entities a run has changed; UsageError if it cannot be taken back, and why."""
    if run.state not in (State.APPLIED, State.ARCHIVED):
        raise UsageError(
            f"run {run.id} is {run.state}: nothing of it is in the tables",
            hint=f"`impexd show {run.id}` tells what became of it",
        )
    if await images.gone(tx, run):
        raise UsageError(
            f"run {run.id} cannot be undone any more: what was before it is no longer kept",
            hint="`undo` under [keep] in impexd.toml says for how many days it is",
        )
    entities = [part["entity"] for part in await runs.parts(tx, run.id)]
    if missing := [name for name in entities if name not in catalogue]:
        raise UsageError(
            f"run {run.id} changed records of {missing[0]}, which is not declared any more",
            hint=f"declare [entity.{missing[0]}] again",
        )
    return [catalogue[name] for name in dict.fromkeys(entities)]


async def plan(
    tx: AsyncConnection, run: Run, kinds: Sequence[Kind], catalogue: Catalogue, names: Names
) -> Plan:
    """Say what taking a run back would do now."""
    acts: dict[str, dict[str, int]] = {}
    kept: list[Kept] = []
    for kind in kinds:
        taken = Taken(kind, names, run.id)
        rows = await tx.execute(text(takeback.counts(taken)))
        acts[kind.name] = {act: int(count) for act, count in rows}
        if {CHANGED, GONE} & acts[kind.name].keys() and len(kept) < LISTED:
            found = await tx.execute(text(takeback.kept(taken, LISTED - len(kept))))
            kept += [Kept(kind.name, key, why, by or 0) for key, why, by in found]
    held = None
    if any(DELETE in mine for mine in acts.values()):
        held = bearing.held(kinds, catalogue, names, run.id)
    needed = {} if held is None else await _needed(tx, held)
    if held is None or not needed:
        return Plan(acts, kept)
    for name, count in needed.items():
        acts[name] |= {NEEDED: count, DELETE: acts[name][DELETE] - count}
    if len(kept) < LISTED:
        async with _hashing(tx):
            listed = await tx.execute(text(bearing.listed(held, LISTED - len(kept))))
        for entity, key, by in listed:
            told = json.dumps([key], ensure_ascii=False)
            kept.append(Kept(entity, told, NEEDED, needed=by))
    return Plan(acts, kept, held)


async def _needed(tx: AsyncConnection, held: str) -> dict[str, int]:
    """Count the records, by entity, that would go if nothing pointed at them."""
    async with _hashing(tx):
        rows = await tx.execute(text(bearing.counts(held)))
    return {name: int(count) for name, count in rows}


async def put(store: Store, undo: Run, catalogue: Catalogue, clock: Clock) -> Plan:
    """
    Take the parent of an undo back, and journal it; gives what was done.

    Raises `Fenced`, or `UsageError` if it cannot be taken back (any more), with nothing done.
    """
    names = Names(store.dialect, "", "")
    async with store.writing() as tx:
        await runs.hold(tx, undo)
        await runs.in_turn(tx)
        run = await _parent(tx, undo)
        kinds = await undoable(tx, run, catalogue)
        failpoint.hit("undo.begun")
        done = await plan(tx, run, kinds, catalogue, names)
        seq = await runs.advance(tx, "change")
        taken = [Taken(kind, names, run.id) for kind in kinds]
        for one in taken:  # all of them first: what points at what is looked at once more
            await _image(tx, one, done, undo.id)
        for one in taken:
            await _take(tx, one, done.acts[one.kind.name], undo.id, seq)
        failpoint.hit("undo.rows")
        await parked.withhold(tx, run.id, undo.id)
        await _verdict(tx, undo, done, stamp(clock.now()))
        await _effect(tx, run, there=False)
    failpoint.hit("undo.committed")
    touched = sum(sum(acts.values()) for acts in done.acts.values())
    if store.dialect == "sqlite" and touched > applying.CHECKPOINT:
        async with store.alone() as conn:
            await conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return done


async def _parent(tx: AsyncConnection, undo: Run) -> Run:
    run = None if undo.parent is None else await runs.get(tx, undo.parent)
    if run is None:
        raise UsageError(f"the run that run {undo.id} undoes is not in the journal")
    return run


async def _image(tx: AsyncConnection, taken: Taken, done: Plan, undo: int) -> None:
    """Keep what is there now of the records of one entity that are taken back."""
    acts = done.acts[taken.kind.name]
    if NEEDED not in acts:
        for sql in takeback.imaging(taken, acts, undo=undo):
            await tx.execute(text(sql))
        return
    async with _hashing(tx):
        for sql in takeback.imaging(taken, acts, undo=undo, spared=bearing.spared(taken)):
            await tx.execute(text(f"{done.held} {sql}"))


@asynccontextmanager
async def _hashing(tx: AsyncConnection) -> AsyncIterator[None]:
    """Keep PostgreSQL from nested loops over what it takes for one row and is a hundred thousand."""
    if tx.dialect.name == "postgresql":
        await tx.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    if tx.dialect.name == "postgresql":
        await tx.execute(text("SET LOCAL enable_nestloop = on"))


async def _take(
    tx: AsyncConnection, taken: Taken, acts: Mapping[str, int], undo: int, seq: int
) -> None:
    """Carry out what the plan of one entity found."""
    if not {RESTORE, INSERT, DELETE} & acts.keys():
        return
    for sql in takeback.statements(taken, acts, undo=undo, seq=seq):
        await tx.execute(text(sql))
    await applying.changed(tx, taken.kind.name, seq)


async def _verdict(tx: AsyncConnection, undo: Run, done: Plan, now: str) -> None:
    parts: list[dict[str, Any]] = [
        {
            "n": n,
            "member": "",
            "descriptor": "",
            "record": 0,
            "entity": entity,
            "mode": "undo",
            "state": "applied",
            "counts": counts,
            "problems": counts["rejected"],
        }
        for n, (entity, counts) in enumerate(done.counts.items())
    ]
    place = {part["entity"]: part["n"] for part in parts}
    await runs.put_parts(tx, undo.id, parts)
    await runs.put_problems(tx, undo.id, [problem(kept, place[kept.entity]) for kept in done.kept])
    await runs.move(
        tx,
        undo,
        State.ARCHIVED,
        counts=done.counts,
        problems=done.problems,
        finished=now,
        code=None,
        message=None,
    )


_DONE = {CHANGED: "changed", GONE: "deleted"}


def problem(kept: Kept, part: int | None) -> dict[str, Any]:
    """Pure: a kept record as the journal lists it."""
    if kept.why == NEEDED:
        why = f"records of {kept.needed} point at it"
    else:
        why = f"{_DONE[kept.why]} since by {f'run {kept.by}' if kept.by else 'somebody else'}"
    return {
        "part": part,
        "line": None,
        "col": None,
        "code": (Code.STILL_NEEDED if kept.why == NEEDED else Code.CHANGED_SINCE).value,
        "message": f"{kept.entity} {kept.key} is kept: {why}",
        "cell": None,
    }


async def _effect(tx: AsyncConnection, run: Run, *, there: bool) -> None:
    """
    Note whether what a run did is in the tables.

    If the run was an undo, then that of the run it had taken back is there just if its is not.
    """
    state = State.ARCHIVED if there else State.UNDONE
    await tx.execute(update(schema.run).where(schema.run.c.id == run.id).values(state=state))
    if run.kind == "undo" and run.parent is not None:
        parent = await runs.get(tx, run.parent)
        if parent is not None:
            await _effect(tx, parent, there=not there)


async def under_way(tx: AsyncConnection, run: int) -> int | None:
    """Find the undo of a run that is waiting or at work; None if there is none."""
    query = select(schema.run.c.id).where(
        schema.run.c.kind == "undo",
        schema.run.c.parent == run,
        schema.run.c.state.in_(runs.RUNNABLE),
    )
    found: int | None = (await tx.execute(query)).scalar()
    return found
