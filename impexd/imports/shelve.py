"""Put an ended run away: its report written, its bytes in the archive or in failed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from impexd.core import failpoint
from impexd.imports.bench import Bench
from impexd.inbox import archive
from impexd.model import report
from impexd.model.run import State
from impexd.store import applying, bundles, journal, runs

ENDED = frozenset(
    {
        State.APPLIED,
        State.PLANNED,  # of a dry run; others do not stay there
        State.REJECTED,
        State.FAILED,
        State.CANCELLED,
        State.DUPLICATE,
    }
)
"""States after which the bytes go to the archive or to failed."""


async def put_away(bench: Bench, id: int) -> None:
    """Write the report of a run that has ended, and put its bytes away."""
    desk = bench.desk
    async with desk.store.reading() as tx:
        rows = await journal.rows(tx, [id])
        run = await runs.get(tx, id)
        if run is None or run.kind != "import" or run.state not in ENDED or run.place is not None:
            return
        document = report.whole(run, await runs.parts(tx, id), await runs.problems(tx, id))
    await _written(desk.folders.scratch_of(run.token) / "report.json", document)
    failpoint.hit("report.written")
    if run.started:
        await applying.forget(desk.store, id)
    await archive.put(desk, rows)
    failpoint.hit("archive.journalled")


async def put_all_away(bench: Bench, ids: Sequence[int]) -> None:
    """Write the reports of runs that are applied with nothing to be said of them, and put them away."""
    desk = bench.desk
    async with desk.store.reading() as tx:
        rows = await journal.rows(tx, ids)
        parts = await bundles.parts(tx, ids)
        found = [run for some in journal.batches(ids) for run in await runs.some(tx, some)]
    documents = {run.id: report.whole(run, parts[run.id], []) for run in found}
    await applying.forget(desk.store, ids[0])
    await archive.put(desk, rows, reports=documents)


async def _written(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1)
    await anyio.Path(path.parent).mkdir(parents=True, exist_ok=True)
    await anyio.Path(path).write_text(text + "\n", encoding="utf-8")
