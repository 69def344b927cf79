"""What people do with runs beside approving them: apply a plan that was looked at, cancel, sort problems out."""

import csv
import io
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from impexd.admin import acting, downloads, nodes, refusals
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.ids import After, Id
from impexd.admin.uploads import inlet_of
from impexd.core.errors import UsageError
from impexd.core.guard import guarded
from impexd.imports import decisions
from impexd.inbox import adopt
from impexd.model.base import Model
from impexd.model.run import Run, State
from impexd.store import problems, runs

COLUMNS = ("file", "line", "column", "code", "message", "cell")
NEWEST = 1000
"""Runs that the chart is made of."""
POINTS = 40
FRESH, KEPT = 5.0, 100
"""Seconds for which a chart is not drawn anew, and for how many different grants."""
Counts = Mapping[str, Mapping[str, int]]
TROUBLE = (State.FAILED, State.HELD, State.REJECTED)


class Said(Model):
    """Who wants it, and why."""

    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""
    drawn: dict[tuple[str, ...] | None, tuple[float, list[list[float]]]] = {}
    _problems(made, house)

    @made.post("/api/v1/runs/{id}/apply", status_code=202)
    async def apply(id: Id, said: Said) -> dict[str, Any]:
        run = await found(house, id)
        if not (run.dry and run.state is State.PLANNED and run.place):
            raise UsageError(f"run {id} is no plan that could be applied")
        await nodes.here(house, run)
        path = house.bench.config.var / run.place
        order = adopt.Order(
            origin=run.origin,
            actor=said.actor,
            name=os.fsencode(path.name),
            forced=run.forced,
            parent=run.parent,
            note=said.note,
        )
        adopted = await adopt.adopt(house.desk, inlet_of(house, run.group), path, order)
        return {"run": adopted.run, "duplicate": adopted.duplicate}

    @made.post("/api/v1/runs/{id}/cancel", status_code=202)
    async def cancel(id: Id, said: Said) -> dict[str, Any]:
        await decisions.cancel(house.bench, id, said.actor, said.note)
        return {"run": id}

    @made.get("/api/v1/activity")
    async def activity() -> dict[str, Any]:
        within, now = acting.who().bounded, house.clock.monotonic()
        if within not in drawn or now - drawn[within][0] > FRESH:
            async with house.store.reading() as tx:
                newest = await runs.lately(tx, limit=NEWEST, within=within)
            if len(drawn) >= KEPT:
                drawn.clear()
            drawn[within] = now, series(newest)
        return {"series": drawn[within][1]}


def _problems(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/runs/{id}/problems")
    async def page(
        id: Id,
        code: str | None = Query(default=None, max_length=64),
        file: str | None = Query(default=None, max_length=1000),
        words: str | None = Query(default=None, max_length=200),
        after: After = 0,
        limit: int = Query(default=100, ge=1, le=1000),
    ) -> dict[str, Any]:
        await found(house, id)
        wanted: dict[str, Any] = {"code": code, "file": _text(file), "words": _text(words)}
        async with house.store.reading() as tx:
            rows = await problems.page(tx, id, **wanted, after=after, limit=limit)
            kinds = await problems.kinds(tx, id)
        return {
            "problems": [_problem(row) for row in rows],
            "codes": kinds,
            "next": rows[-1]["id"] if len(rows) == limit else None,
        }

    @made.get(
        "/api/v1/runs/{id}/problems.csv",
        response_class=StreamingResponse,
        responses=refusals.answers("text/csv"),
    )
    async def download(id: Id) -> StreamingResponse:
        await found(house, id)
        headers = downloads.saving(f"problems-of-run-{id}.csv")
        return StreamingResponse(_lines(house, id), media_type="text/csv", headers=headers)


async def _lines(house: House, id: int) -> AsyncIterator[str]:
    """Write the listed problems for a spreadsheet, a page at a time."""
    after = 0
    yield _line(COLUMNS)
    while True:
        async with house.store.reading() as tx:
            rows = await problems.page(tx, id, after=after, limit=1000)
        for row in rows:
            told = _problem(row)
            yield _line([guarded(str(told[name] or "")) for name in COLUMNS])
        if len(rows) < 1000:
            return
        after = rows[-1]["id"]


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _problem(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "file": row["member"],
        "descriptor": row["descriptor"],
        "line": row["line"],
        "column": row["col"],
        "code": row["code"],
        "message": row["message"],
        "cell": row["cell"],
    }


def _text(said: str | None) -> str | None:
    """Pure: text that every engine takes; UsageError for one that none does."""
    if said is not None and ("\0" in said or not _encodes(said)):
        raise UsageError("this is no text")
    return said


def _encodes(said: str) -> bool:
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


async def found(house: House, id: int) -> Run:
    """Find a run; UsageError if there is none."""
    async with house.store.reading() as tx:
        run = await runs.get(tx, id) if 0 < id < 1 << 62 else None
    if run is None:
        raise UsageError(f"there is no run {id}", hint="`impexd runs` lists them")
    return run


def series(newest: Sequence[tuple[str, Counts, str, int]]) -> list[list[float]]:
    """Pure: moments, rows, runs, and runs with trouble, in steps that suit how much there is."""
    if not newest:
        return [[], [], [], []]
    at = [datetime.fromisoformat(created).timestamp() for created, *_ in newest]
    step = next(
        (one for one in _STEPS if (max(at) - min(at)) / one < POINTS), (max(at) - min(at)) / POINTS
    )
    rows: Counter[float] = Counter()
    count: Counter[float] = Counter()
    trouble: Counter[float] = Counter()
    for (_, counts, state, wrong), moment in zip(newest, at, strict=True):
        slot = moment // step * step
        rows[slot] += sum(sum(one.values()) for one in counts.values())
        count[slot] += 1
        trouble[slot] += state in TROUBLE or wrong > 0
    first, last = min(count), max(count)
    slots = [first + n * step for n in range(int((last - first) / step) + 1)]
    if len(slots) == 1:
        slots = [slots[0] - step, *slots]
    return [slots, *([float(one[slot]) for slot in slots] for one in (rows, count, trouble))]


_STEPS = (60.0, 600.0, 3600.0, 6 * 3600.0, 86_400.0, 7 * 86_400.0)
