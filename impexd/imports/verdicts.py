"""What becomes of a run, written into the journal: applied, refused, held, shown."""

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.imports import following, report
from impexd.imports.bench import Bench
from impexd.imports.order import Planned
from impexd.model.run import Run, State
from impexd.store import runs
from impexd.store.applying import Verdict

log = structlog.get_logger(__name__)


def applied(bench: Bench, run: Run, planned: Planned) -> Verdict:
    """Give what is written into the transaction that applies a plan."""

    async def write(tx: AsyncConnection) -> None:
        await runs.move(
            tx,
            run,
            State.APPLIED,
            counts=report.by_entity(parts_of(planned, "applied")),
            problems=planned.told,
            finished=stamp(bench.desk.clock.now()),
            code=None,
            message=unmatched(planned),
        )
        await following.put(bench, tx, run)

    return write


async def refuse(bench: Bench, run: Run, planned: Planned) -> None:
    """Nothing of the drop is loaded, for good."""
    refused = planned.refused
    if refused is None:
        return
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
    failpoint.hit("refuse.committed")
    log.warning("rejected", code=refused.code, what=refused.message)


def _unloaded(counts: Mapping[str, int]) -> dict[str, int]:
    """Pure: the counts of a part none of whose rows is loaded."""
    return {**dict.fromkeys(counts, 0), "read": counts["read"], "rejected": counts["read"]}


async def hold(bench: Bench, run: Run, planned: Planned, why: str) -> None:
    """A person is to decide; what was seen is tied to the state it was planned against."""
    await _told(bench, run, planned, State.HELD, why, planned_at=planned.at, approved=False)
    log.warning("held", why=why)


async def show(bench: Bench, run: Run, planned: Planned) -> None:
    """A dry run ends with its plan."""
    now = stamp(bench.desk.clock.now())
    told = "dry run: nothing was changed"
    await _told(bench, run, planned, State.PLANNED, told, finished=now)


async def _told(
    bench: Bench, run: Run, planned: Planned, state: State, why: str, **more: Any
) -> None:
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
            **more,
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


def unmatched(planned: Planned) -> str | None:
    """Pure: say which files nobody took; None if all were taken."""
    if not planned.unmatched:
        return None
    return "no descriptor of the group takes " + ", ".join(planned.unmatched[:10])
