"""What becomes of a run, written into the journal: applied, refused, held, shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.imports import following
from impexd.imports.bench import Bench
from impexd.imports.order import Planned
from impexd.imports.sheets import CREATED
from impexd.model import report
from impexd.model.group import ImportGroup
from impexd.model.run import Run, State
from impexd.store import bundles, runs
from impexd.store.applying import Verdict
from impexd.store.bundles import Share

log = structlog.get_logger(__name__)


def applied(
    bench: Bench,
    run: Run,
    planned: Planned,
    parts: Sequence[Mapping[str, Any]],
    *,
    told: str | None,
) -> Verdict:
    """Give what is written into the transaction that applies a plan: its parts as they are then."""

    async def write(tx: AsyncConnection) -> None:
        await runs.move(
            tx,
            run,
            State.APPLIED,
            counts=report.by_entity(parts),
            problems=planned.told,
            finished=stamp(bench.desk.clock.now()),
            code=None,
            message=told,
            parent=run.parent,
        )
        await following.put(bench, tx, run)

    return write


def together(bench: Bench, shares: Sequence[Share]) -> Verdict:
    """Give what is written into the transaction that applies a bundle; nothing is to be said of its runs."""

    async def write(tx: AsyncConnection) -> None:
        now = stamp(bench.desk.clock.now())
        rows = [
            {"of": share.run.id, "counted": report.by_entity(share.parts), "at": now}
            for share in shares
        ]
        await bundles.applied(tx, rows)
        for share in shares:
            await following.put(bench, tx, share.run)

    return write


async def refuse(bench: Bench, run: Run, planned: Planned) -> None:
    """Nothing of the drop is loaded, for good."""
    refused = planned.refused
    if refused is None:
        return
    parts = [part | {"counts": _unloaded(part)} for part in parts_of(planned, "rejected")]
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


def _unloaded(part: Mapping[str, Any]) -> dict[str, int]:
    """Pure: the counts of a part none of whose rows is loaded; parents that were to be made are no rows."""
    rows = part["counts"]["read"] if part["record"] < CREATED else 0
    return {**dict.fromkeys(part["counts"], 0), "read": rows, "rejected": rows}


async def cut_short(bench: Bench, run: Run, why: str, code: str | None) -> None:
    """A run that is partly in the tables goes no further; it ends as applied, so it can be undone."""
    desk = bench.desk
    async with desk.store.writing() as tx:
        await end_partly(tx, run, why, code, now=stamp(desk.clock.now()))
    log.error("cut short", why=why)


async def end_partly(
    tx: AsyncConnection, run: Run, why: str, code: str | None, *, now: str
) -> None:
    """Write so into a transaction."""
    parts = await runs.parts(tx, run.id)
    counts = report.by_entity(parts)
    done = sum(
        count[name] for count in counts.values() for name in ("inserted", "updated", "deleted")
    )
    told = f"{why}; {done:,} changes were in the tables already, undo takes them back"
    await runs.count_parts(tx, run.id, [part | {"state": "applied"} for part in parts])
    await runs.move(
        tx, run, State.APPLIED, message=told, code=code, counts=counts, problems=1, finished=now
    )


async def hold(bench: Bench, run: Run, planned: Planned, why: str) -> None:
    """A person is to decide; what was seen is tied to the state it was planned against."""
    await _told(bench, run, planned, State.HELD, why, planned_at=planned.at, approved=False)
    log.warning("held", why=why)


async def show(bench: Bench, run: Run, planned: Planned, group: ImportGroup) -> None:
    """A dry run ends with its plan."""
    now = stamp(bench.desk.clock.now())
    told = "; ".join(filter(None, ["dry run: nothing was changed", remarks(planned, group)]))
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


def remarks(planned: Planned, group: ImportGroup) -> str | None:
    """Pure: say which files nobody took, and how many rows gave way to others; None if neither."""
    said = []
    if planned.unmatched and group.unmatched != "ignore":
        said.append("no descriptor of the group takes " + ", ".join(planned.unmatched[:10]))
    if planned.overtaken:
        rows = "1 row" if planned.overtaken == 1 else f"{planned.overtaken:,} rows"
        said.append(f'{rows} gave way to a later row with the same key (duplicates = "last")')
    return "; ".join(said) or None
