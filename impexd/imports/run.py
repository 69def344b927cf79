"""
Carry a run through: stage, plan, guard, apply, report, put away.

Called by the queue with the lock of the run's group, as often as it takes: each step leaves
the journal in a state from which the next call carries on.  A `WorldError` goes up, and the
queue comes back to it later; what is wrong with the drop ends in the journal.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.config import Config
from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.imports import defaults, guard, pool, report, sheets
from impexd.imports.order import Answer, Order, Planned, Progress
from impexd.imports.pool import Bug, Died, Pool
from impexd.inbox import archive
from impexd.inbox.desk import Desk
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.store import applying, journal, runs
from impexd.store.again import again
from impexd.store.applying import Decided, Stale

DEATHS = 3
"""Attempts that may kill their worker before the run is held (promise I8)."""
REPLANS = 5
"""Plans that may grow stale before the run gives way to others for a while."""

EXTRAS = ("report.json", "*.rejects-*")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Bench:
    """What runs are carried out with; one for the daemon."""

    desk: Desk
    pool: Pool
    config: Config
    """The configuration in force; replaced as a whole by a reload."""
    progress: dict[int, Progress] = field(default_factory=dict)
    """How far the runs are that are being staged now."""
    older: dict[str, Config] = field(default_factory=dict)
    """Configurations that runs were claimed under, by hash."""


async def carry(bench: Bench, id: int) -> None:
    """Carry a run as far as it goes without a person; harmless to be called again."""
    run = await _begun(bench, id)
    if run is not None:
        with structlog.contextvars.bound_contextvars(run=id, group=run.group):
            config = await configured(bench, run)
            planned = await _planned(bench, run, config, "stage")
            if planned is not None:
                await decide(bench, run, config, planned)
    await put_away(bench, id)


async def decide(bench: Bench, run: Run, config: Config, planned: Planned) -> None:
    """A plan is refused, held, shown, or applied."""
    if planned.refused is not None:
        await _refuse(bench, run, planned)
    elif run.dry:
        await _show(bench, run, planned)
    elif reasons := guard.outside(planned, config.groups[run.group].guard):
        await _hold(bench, run, planned, "; ".join(reasons))
    else:
        await apply(bench, run, config, planned)


async def apply(bench: Bench, run: Run, config: Config, planned: Planned) -> None:
    """Write the rejects, then put the plan into the tables with the verdict."""
    for _ in range(REPLANS):
        if any(part.counts.rejected for part in planned.parts):
            await _asked(bench, run, config, "rejects")
        try:
            await applying.put(
                bench.desk.store,
                _decided(bench, run, config, planned),
                _verdict(bench, run, planned),
            )
        except Stale:
            fresh = await _planned(bench, run, config, "plan")
            if fresh is None:
                return
            planned = fresh
            continue
        log.info("applied", problems=planned.told, counts=guard.total(planned).model_dump())
        return
    raise WorldError("the tables kept changing while this was planned", hint="it is tried again")


async def put_away(bench: Bench, id: int) -> None:
    """Write the report of a run that has ended, and put its bytes away."""
    desk = bench.desk
    async with desk.store.reading() as tx:
        rows = await journal.rows(tx, [id])
        run = await runs.get(tx, id)
        if run is None or run.state not in ENDED or run.place is not None:
            return
        document = report.whole(run, await runs.parts(tx, id), await runs.problems(tx, id))
    await _written(desk.folders.scratch_of(run.token) / "report.json", document)
    await archive.put(desk, rows, extras=EXTRAS)


ENDED = frozenset({State.APPLIED, State.REJECTED, State.FAILED, State.CANCELLED, State.DUPLICATE})
"""States after which the bytes go to the archive or to failed."""


async def configured(bench: Bench, run: Run) -> Config:
    """Find the configuration a run was claimed under."""
    if run.config is None or run.config == bench.config.hash:
        return bench.config
    if run.config not in bench.older:
        async with bench.desk.store.reading() as tx:
            body = await runs.config(tx, run.config)
        if body is None:
            return bench.config
        bench.older[run.config] = Config.from_json(body)
    return bench.older[run.config]


async def _begun(bench: Bench, id: int) -> Run | None:
    """Start an attempt; None if the run is not to be loaded (any more)."""
    now = stamp(bench.desk.clock.now())

    async def begin(tx: AsyncConnection) -> Run | None:
        run = await runs.begin(tx, id, now=now)
        if run is None:
            return None
        twin = await journal.twin(tx, id)
        if twin is None:
            return run
        told = f"the same file as run {twin}, which is loaded already"
        await runs.move(tx, run, State.DUPLICATE, message=told, parent=twin, finished=now)
        return None

    return await again(bench.desk.store, begin, clock=bench.desk.clock)


async def _planned(bench: Bench, run: Run, config: Config, task: str) -> Planned | None:
    """Have a run staged and planned; None if it has killed its worker once too often."""
    answer = await _asked(bench, run, config, task)
    if answer is None or answer.planned is None:
        return None
    failpoint.hit("stage.done")
    return answer.planned


async def _asked(bench: Bench, run: Run, config: Config, task: Any) -> Answer | None:
    folders = bench.desk.folders
    scratch = folders.scratch_of(run.token) / str(run.attempt)
    await anyio.Path(scratch).mkdir(parents=True, exist_ok=True)
    order = Order(
        task=task,
        run=run.id,
        group=run.group,
        source=str(folders.bytes_of(run.token)),
        name=run.name,
        scratch=str(scratch),
        url=bench.desk.store.url,
        config=config.hash,
    )
    try:
        return await bench.pool.ask(order, config, lambda p: bench.progress.update({run.id: p}))
    except (Died, Bug) as error:
        await _buried(bench, run, error)
        return None
    finally:
        bench.progress.pop(run.id, None)


async def _buried(bench: Bench, run: Run, error: Died | Bug) -> None:
    """Count a death; the third holds the run, the others go up to be tried again."""
    trace = {"trace": error.trace} if isinstance(error, Bug) else {}
    log.error("worker failed", what=str(error), **trace)
    async with bench.desk.store.writing() as tx:
        deaths = await runs.crashed(tx, run)
        if deaths >= DEATHS:
            told = f"this drop has ended its worker process {deaths} times: {error}"
            await runs.move(tx, run, State.HELD, code=Code.POISON, message=told)
            return
    raise WorldError(f"run {run.id}: {error}", hint="it is tried again; after 3 times it is held")


def _decided(bench: Bench, run: Run, config: Config, planned: Planned) -> Decided:
    """Pure: everything the store needs to apply a plan."""
    forms = sheets.forms(planned.descriptors, config.descriptors, config.catalogue)
    total = guard.total(planned)
    return Decided(
        run,
        bench.desk.folders.scratch_of(run.token) / str(run.attempt),
        tuple(form.sheet for form in forms),
        planned.at,
        parts_of(planned, "applied"),
        problems_of(planned),
        total.inserted + total.updated + total.deleted,
        {form.sheet.k: defaults.of(form.sheet, bench.desk.store.dialect) for form in forms},
    )


def _verdict(bench: Bench, run: Run, planned: Planned) -> applying.Verdict:
    async def write(tx: AsyncConnection) -> None:
        await runs.move(
            tx,
            run,
            State.APPLIED,
            counts=report.by_entity(parts_of(planned, "applied")),
            problems=planned.told,
            finished=stamp(bench.desk.clock.now()),
            code=None,
            message=None,
        )

    return write


async def _refuse(bench: Bench, run: Run, planned: Planned) -> None:
    """Nothing of the drop is loaded, for good."""
    refused = planned.refused
    if refused is None:
        return
    if planned.parts:
        await _rejects_quietly(bench, run, planned)
    parts = [part | {"counts": _unloaded(part["counts"])} for part in parts_of(planned, "rejected")]
    async with bench.desk.store.writing() as tx:
        await runs.put_parts(tx, run.id, parts)
        await runs.put_problems(tx, run.id, problems_of(planned))
        await runs.move(
            tx,
            run,
            State.REJECTED,
            code=refused.code,
            message=refused.message,
            problems=max(planned.told, 1),
            counts=report.by_entity(parts),
            finished=stamp(bench.desk.clock.now()),
        )
    log.warning("rejected", code=refused.code, what=refused.message)


async def _rejects_quietly(bench: Bench, run: Run, planned: Planned) -> None:
    config = await configured(bench, run)
    if any(part.counts.rejected and part.state == "planned" for part in planned.parts):
        await _asked(bench, run, config, "rejects")


def _unloaded(counts: Mapping[str, int]) -> dict[str, int]:
    """Pure: the counts of a part none of whose rows is loaded."""
    return {**dict.fromkeys(counts, 0), "read": counts["read"], "rejected": counts["read"]}


async def _hold(bench: Bench, run: Run, planned: Planned, why: str) -> None:
    await _told(bench, run, planned, State.HELD, why)
    log.warning("held", why=why)


async def _show(bench: Bench, run: Run, planned: Planned) -> None:
    await _told(bench, run, planned, State.PLANNED, "dry run: nothing was changed")


async def _told(bench: Bench, run: Run, planned: Planned, state: State, why: str) -> None:
    parts = parts_of(planned, "planned")
    async with bench.desk.store.writing() as tx:
        await runs.put_parts(tx, run.id, parts)
        await runs.put_problems(tx, run.id, problems_of(planned))
        await runs.move(
            tx,
            run,
            state,
            message=why,
            problems=planned.told,
            counts=report.by_entity(parts),
            finished=stamp(bench.desk.clock.now()) if state is State.PLANNED else None,
        )


def parts_of(planned: Planned, state: str) -> list[dict[str, Any]]:
    """Pure: the parts of a plan as the journal keeps them."""
    return [
        part.model_dump(exclude={"state"})
        | {"state": part.state if part.state == "rejected" else state}
        for part in planned.parts
    ]


def problems_of(planned: Planned) -> list[dict[str, Any]]:
    """Pure: the listed problems of a plan as the journal keeps them."""
    return [noted.model_dump() for noted in planned.problems]


async def _written(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1)
    await anyio.Path(path.parent).mkdir(parents=True, exist_ok=True)
    await anyio.Path(path).write_text(text + "\n", encoding="utf-8")


__all__ = ["Bench", "carry", "pool"]
