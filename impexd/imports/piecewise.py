"""
Groups that do not want all or nothing: a plan applied file by file, or in ranges of rows.

`Ledger` keeps in the journal what each piece did, in the piece's own transaction, so that a run
that was cut short goes on behind its last piece and in the end tells of all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.imports import verdicts
from impexd.imports.bench import Bench
from impexd.imports.order import PartResult, Planned
from impexd.imports.sheets import CREATED
from impexd.model import report
from impexd.model.group import ImportGroup
from impexd.model.run import Run, State
from impexd.model.work import Progress
from impexd.store import pieces, runs
from impexd.store.pieces import Done, Files, Ranges

GOING = "applying"
"""The state of parts some pieces of which are in the tables."""

CHANGES = ("inserted", "updated", "deleted")

_ACTS = {"i": "inserted", "u": "updated", "l": "updated", "m": "updated"}
"""What an act is counted as; `d` and `k` are deletions."""

Before = Mapping[int, Mapping[str, int]]
"""Part -> what earlier attempts have done; `lacking` of it to records that its file lacks."""


async def before(bench: Bench, run: Run) -> Before:
    """Read what earlier attempts at a run have put into the tables already."""
    async with bench.desk.store.reading() as tx:
        found = await runs.parts(tx, run.id)
    return {part["n"]: part["counts"] for part in found if part["state"] == GOING}


def changed(done: Before) -> int:
    """Pure: how many changes that is."""
    return sum(counts.get(name, 0) for counts in done.values() for name in CHANGES)


def cut(group: ImportGroup, planned: Planned) -> Files | Ranges:
    """Pure: how the plan is to be cut.  Parents that are made go with the first file."""
    if group.atomic == "chunk":
        return Ranges(pieces.CHUNK)
    files: dict[str, list[int]] = {}
    made = [part.n for part in planned.parts if part.record >= CREATED]
    for part in planned.parts:
        if part.record < CREATED:
            files.setdefault(part.member, []).append(part.n)
    parts = list(files.values())
    return Files([made + parts[0], *parts[1:]] if parts else [])


def total(part: PartResult, done: Mapping[str, int]) -> dict[str, int]:
    """Pure: the counts of a part, with what was done before it was planned anew."""
    counts = part.counts.model_dump()
    for name in CHANGES:
        counts[name] += done.get(name, 0)
    again = sum(done.get(name, 0) for name in CHANGES) - done.get("lacking", 0)
    left = counts["unchanged"] - again
    if part.record >= CREATED:
        counts["read"] -= min(left, 0)  # a parent that is there already is not made again
    return counts | {"unchanged": max(left, 0)}


class Ledger:
    """Keeps how far a run is, in the journal and for whoever looks."""

    def __init__(
        self, bench: Bench, run: Run, planned: Planned, done: Before, group: ImportGroup
    ) -> None:
        self._bench = bench
        self._group = group
        self._run = run
        self._planned = planned
        self._before = done
        self._done: dict[int, dict[str, int]] = {}
        for part in planned.parts:
            mine = done.get(part.n, {})
            self._done[part.n] = {n: mine.get(n, 0) for n in (*CHANGES, "lacking")}
        self._first = _first_parts(planned)
        self._all: int = changed(done) + sum(
            getattr(part.counts, name) for part in planned.parts for name in CHANGES
        )

    async def begin(self, tx: AsyncConnection) -> int:
        """See that the parts are in the journal, and give the id of part 0."""
        there = await runs.parts(tx, self._run.id)
        if there and all(part["state"] == GOING for part in there):
            return int(there[0]["id"]) - int(there[0]["n"])
        return await runs.put_parts(tx, self._run.id, self._parts(GOING))

    async def note(self, tx: AsyncConnection, done: Sequence[Done], *, last: bool) -> None:
        """Note a piece; the verdict with the last one."""
        for one in done:
            part = self._first[one.sheet] if one.part is None else one.part
            counts = self._done[part]
            counts[_ACTS.get(one.act, "deleted")] += one.rows
            counts["lacking"] += one.rows if one.part is None else 0
        if last:
            await self._close(tx)
            return
        parts = self._parts(GOING)
        await runs.count_parts(tx, self._run.id, parts)
        await runs.move(
            tx,
            self._run,
            State.APPLYING,
            counts=report.by_entity(parts),
            problems=self._planned.told,
            message=said(changed(self._done), self._all),
        )
        told = Progress(phase="apply", rows=changed(self._done), done=self._share())
        bench, id = self._bench, self._run.id
        bench.desk.store.after_commit(tx, lambda: bench.progress.update({id: told}))

    async def _close(self, tx: AsyncConnection) -> None:
        parts = verdicts.parts_of(self._planned, "applied")
        whole = {part.n: total(part, self._before.get(part.n, {})) for part in self._planned.parts}
        parts = [part | {"counts": whole[part["n"]]} for part in parts]
        await runs.count_parts(tx, self._run.id, parts)
        told = verdicts.remarks(self._planned, self._group)
        await verdicts.applied(self._bench, self._run, self._planned, parts, told=told)(tx)

    def _share(self) -> float:
        return changed(self._done) / max(self._all, 1)

    def _parts(self, state: str) -> list[dict[str, Any]]:
        """What the journal is told of the parts for now."""
        return [
            part
            | {
                "state": state,
                "counts": {name: part["counts"][name] for name in ("read", "rejected", "parked")}
                | {"unchanged": 0}
                | self._done[part["n"]],
            }
            for part in verdicts.parts_of(self._planned, state)
        ]


def said(done: int, of: int) -> str:
    """Pure: how far a run is, in words."""
    return f"{done:,} of {of:,} changes are in the tables"


def _first_parts(planned: Planned) -> dict[int, int]:
    """Pure: sheet -> its first part.  Sheets are numbered as descriptors and records appear."""
    found: dict[tuple[str, int], int] = {}
    for part in planned.parts:
        found.setdefault((part.descriptor, part.record), part.n)
    return dict(enumerate(found.values()))
