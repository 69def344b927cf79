"""
Runs, their parts and their problems: what is known of them, and their way through the states.

Every change of a run that has been claimed is fenced: it names the attempt it belongs to,
and raises `Fenced` if another worker has taken the run over since.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, and_, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import Fenced
from impexd.model.run import Run, State
from impexd.store import schema
from impexd.store.constant import Constant

RUNNABLE = (State.CLAIMED, State.STAGING, State.APPLYING)
"""States from which an attempt starts over."""

LOADED = (State.APPLIED, State.ARCHIVED)
"""States in which the rows of a run are in the tables."""

_RUN = schema.run
_PART = schema.part
_PROBLEM = schema.problem


async def get(tx: AsyncConnection, run: int) -> Run | None:
    """Read one run."""
    row = (await tx.execute(select(_RUN).where(_RUN.c.id == run))).mappings().first()
    return None if row is None else made(row)


async def some(tx: AsyncConnection, ids: Collection[int]) -> list[Run]:
    """Read runs by id; a few hundred at most."""
    query = select(_RUN).where(_RUN.c.id.in_(sorted(ids)))
    return [made(row) for row in (await tx.execute(query)).mappings()]


async def newest(
    tx: AsyncConnection,
    *,
    group: str | None = None,
    states: Iterable[str] = (),
    limit: int = 20,
    before: int | None = None,
    within: Collection[str] | None = None,
) -> list[Run]:
    """Read the newest runs, newest first; `within` these groups if any are named."""
    query: Select[Any] = select(_RUN).order_by(_RUN.c.id.desc()).limit(limit)
    if group is not None:
        query = query.where(_RUN.c.group_name == group)
    if wanted := list(states):
        query = query.where(_RUN.c.state.in_(wanted))
    if before is not None:
        query = query.where(_RUN.c.id < before)
    if within is not None:
        query = query.where(_RUN.c.group_name.in_(within))
    return [made(row) for row in (await tx.execute(query)).mappings()]


async def lately(
    tx: AsyncConnection, *, limit: int, within: Collection[str] | None = None
) -> list[tuple[str, dict[str, dict[str, int]], str, int]]:
    """Read of the newest runs when they came, their counts, states and numbers of problems."""
    query = select(_RUN.c.created, _RUN.c.counts, _RUN.c.state, _RUN.c.problems)
    if within is not None:
        query = query.where(_RUN.c.group_name.in_(within))
    found = await tx.execute(query.order_by(_RUN.c.id.desc()).limit(limit))
    return [(row[0], row[1] or {}, row[2], row[3]) for row in found]


async def latest(tx: AsyncConnection, groups: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Give the newest run of each of some groups, and its state."""
    newest = [
        select(func.max(_RUN.c.id)).where(_RUN.c.group_name == group).scalar_subquery()
        for group in groups
    ]
    query = select(_RUN.c.group_name, _RUN.c.id, _RUN.c.state).where(_RUN.c.id.in_(newest))
    return {row[0]: (row[1], row[2]) for row in await tx.execute(query)} if newest else {}


async def states(tx: AsyncConnection, *, within: Collection[str] | None = None) -> dict[str, int]:
    """Count all runs by state; `within`: of these groups only."""
    query = select(_RUN.c.state, func.count()).group_by(_RUN.c.state)
    if within is not None:
        query = query.where(_RUN.c.group_name.in_(within))
    return {row.state: row[1] for row in await tx.execute(query)}


async def begin(tx: AsyncConnection, run: int, *, now: str) -> Run | None:
    """
    Start an attempt at a run; None if there is nothing to be done with it.

    The new attempt number fences off whoever held the run before.
    """
    changed = (
        update(_RUN)
        .where(_RUN.c.id == run, _RUN.c.state.in_(RUNNABLE))
        .values(
            state=State.STAGING,
            attempt=_RUN.c.attempt + 1,
            started=func.coalesce(_RUN.c.started, now),
        )
        .returning(_RUN)
    )
    row = (await tx.execute(changed)).mappings().first()
    return None if row is None else made(row)


async def move(tx: AsyncConnection, run: Run, state: State, **values: Any) -> None:
    """Put a run into a state, with other columns beside it; raises `Fenced`."""
    changed = (
        update(_RUN)
        .where(_RUN.c.id == run.id, _RUN.c.attempt == run.attempt)
        .values(state=state, **values)
        .returning(_RUN.c.id)
    )
    if (await tx.execute(changed)).first() is None:
        raise Fenced(f"run {run.id} has been taken over")


async def hold(tx: AsyncConnection, run: Run) -> None:
    """Make sure that the run is still ours, and stays so for this transaction; raises `Fenced`."""
    query = select(_RUN.c.attempt).where(_RUN.c.id == run.id).with_for_update()
    if (await tx.execute(query)).scalar() != run.attempt:
        raise Fenced(f"run {run.id} has been taken over")


async def crashed(tx: AsyncConnection, run: Run) -> int:
    """Count one more attempt that killed its process; gives how many there were."""
    changed = (
        update(_RUN)
        .where(_RUN.c.id == run.id, _RUN.c.attempt == run.attempt)
        .values(crashes=_RUN.c.crashes + 1, state=State.CLAIMED)
        .returning(_RUN.c.crashes)
    )
    count = (await tx.execute(changed)).scalar()
    if count is None:
        raise Fenced(f"run {run.id} has been taken over")
    return int(count)


async def put_parts(tx: AsyncConnection, run: int, parts: Sequence[Mapping[str, Any]]) -> int:
    """
    Write the parts of a run anew; gives the id of part 0.

    Ids of one run are consecutive, so that a row's part is known from its part in the drop.
    """
    await tx.execute(_PART.delete().where(_PART.c.run == run))
    if not parts:
        return 0
    last = await advance(tx, "part", len(parts))
    base = last - len(parts)
    rows = [{"id": base + 1 + int(part["n"]), "run": run, **part} for part in parts]
    await tx.execute(insert(_PART), rows)
    return base + 1


async def count_parts(tx: AsyncConnection, run: int, parts: Sequence[Mapping[str, Any]]) -> None:
    """Write the states and counts of parts that are there already; their ids stay."""
    for part in parts:
        mine = update(_PART).where(_PART.c.run == run, _PART.c.n == part["n"])
        names = ("state", "counts", "problems")
        await tx.execute(mine.values(**{name: part[name] for name in names}))


async def put_problems(
    tx: AsyncConnection, run: int, problems: Sequence[Mapping[str, Any]]
) -> None:
    """Write the listed problems of a run anew."""
    await tx.execute(_PROBLEM.delete().where(_PROBLEM.c.run == run))
    if problems:
        await tx.execute(insert(_PROBLEM), [{"run": run, **problem} for problem in problems])


async def parts(tx: AsyncConnection, run: int) -> list[dict[str, Any]]:
    """Read the parts of a run, in order."""
    query = select(_PART).where(_PART.c.run == run).order_by(_PART.c.n)
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def problems(tx: AsyncConnection, run: int, *, limit: int = 1000) -> list[dict[str, Any]]:
    """Read the listed problems of a run, by part and line."""
    query = (
        select(_PROBLEM, _PART.c.member, _PART.c.descriptor)
        .join(_PART, and_(_PART.c.run == run, _PART.c.n == _PROBLEM.c.part), isouter=True)
        .where(_PROBLEM.c.run == run)
        .order_by(_PROBLEM.c.id)
        .limit(limit)
    )
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def cured(tx: AsyncConnection, run: Run) -> int:
    """
    Count the rejects of a run that were mended, dropped again and loaded since.

    By entity, and never more than there were: who mends a row twice has not mended another.
    """
    children = select(_RUN.c.counts).where(
        _RUN.c.parent == run.id, _RUN.c.kind == "import", _RUN.c.state.in_(LOADED)
    )
    loaded: dict[str, int] = {}
    for (counts,) in await tx.execute(children):
        for entity, count in (counts or {}).items():
            mine = sum(count.get(name, 0) for name in _IN_TABLES)
            loaded[entity] = loaded.get(entity, 0) + mine
    return sum(
        min(count.get("rejected", 0), loaded.get(entity, 0)) for entity, count in run.counts.items()
    )


_IN_TABLES = ("inserted", "updated", "unchanged", "deleted")


_COUNTER = schema.counter
_IN_TURN = Constant(
    select(_COUNTER.c.value).where(_COUNTER.c.name == bindparam("name")).with_for_update()
)
_ADVANCED = Constant(
    update(_COUNTER)
    .where(_COUNTER.c.name == bindparam("counted"))
    .values(value=_COUNTER.c.value + bindparam("by"))
    .returning(_COUNTER.c.value)
)


_COUNTED = text("INSERT INTO counter (name, value) VALUES (:counted, 0) ON CONFLICT DO NOTHING")


async def in_turn(tx: AsyncConnection) -> None:
    """
    Wait for whoever changes records now; whoever comes later waits for us.

    To be asked before what a change depends on is looked at: two that look at the same time
    would not see each other.  Ends with the transaction.
    """
    await _IN_TURN.rows(tx, {"name": "change"})


async def advance(tx: AsyncConnection, name: str, by: int = 1) -> int:
    """
    Move a counter on and give its new value.

    Its row stays locked until the transaction ends, so values become visible in order.
    """
    value = await _ADVANCED.scalar(tx, {"counted": name, "by": by})
    if value is None:
        await tx.execute(_COUNTED, {"counted": name})  # somebody else may be as fast
        value = await _ADVANCED.scalar(tx, {"counted": name, "by": by})
    return int(value)


def made(row: RowMapping) -> Run:
    """Pure: a row of the journal as a value."""
    return Run(
        **{
            name: row[name]
            for name in Run.__dataclass_fields__
            if name not in ("group", "state", "config", "counts")
        },
        group=row["group_name"],
        state=State(row["state"]),
        config=row["config_hash"],
        counts=row["counts"] or {},
    )


async def config(tx: AsyncConnection, hash: str) -> str | None:
    """Read the text of a configuration that runs were claimed under."""
    query = select(schema.config.c.body).where(schema.config.c.hash == hash)
    body: str | None = (await tx.execute(query)).scalar()
    return body


async def keep_config(tx: AsyncConnection, hash: str, body: str, *, now: str) -> None:
    """Keep the text of a configuration, once."""
    if await config(tx, hash) is None:
        await tx.execute(insert(schema.config).values(hash=hash, body=body, at=now))
