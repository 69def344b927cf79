"""
Apply a plan piece by piece, each in a transaction of its own, for groups that want it so.

A piece is what comes from some files of the drop, or a number of planned rows.  With each, the
run's ledger says how far it is; the verdict stands in the transaction of the last one.  Cut
short, the run is staged and planned anew: what is in the tables already is then unchanged.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import anyio.to_thread
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.store import applying, runs
from impexd.store.applying import Decided
from impexd.store.dialect import Names
from impexd.store.engine import Store
from impexd.store.stage import Sheet

CHUNK = 2_000
"""Planned rows of a piece."""


class Done(NamedTuple):
    """What a piece holds of one sheet."""

    sheet: int
    part: int | None
    """None: records that the files lack."""
    act: str
    rows: int


class Ledger(Protocol):
    """Keeps how far a run is."""

    async def begin(self, tx: AsyncConnection) -> int:
        """See that the parts are in the journal, and give the id of part 0."""
        ...

    async def note(self, tx: AsyncConnection, done: Sequence[Done], *, last: bool) -> None:
        """Note a piece; the verdict with the last one."""
        ...


@dataclass(slots=True)
class Files:
    """Cuts a plan by the files its rows come from: the parts of each, in order."""

    parts: Sequence[Sequence[int]]
    _next: int = 0

    async def take(self, tx: AsyncConnection, sheets: Sequence[Sheet], names: Names) -> bool:
        """Put the next piece into `a<k>`; gives whether it is the last."""
        mine = ", ".join(map(str, self.parts[self._next])) if self.parts else "-1"
        self._next += 1
        last = self._next >= len(self.parts)
        wanted = f"part IN ({mine})" + (" OR part IS NULL" if last else "")
        for sheet in sheets:
            await tx.execute(text(_taking(sheet, names, f"WHERE {wanted} ORDER BY n")))
        return last


@dataclass(slots=True)
class Ranges:
    """Cuts a plan by the number of its rows, sheet after sheet."""

    most: int
    _sheet: int = 0
    _row: int = 0

    async def take(self, tx: AsyncConnection, sheets: Sequence[Sheet], names: Names) -> bool:
        """Put the next piece into `a<k>`; gives whether it is the last."""
        room = self.most
        while self._sheet < len(sheets):
            sheet = sheets[self._sheet]
            which = f"WHERE n > {self._row:d} ORDER BY n LIMIT {room:d}"
            taken = (await tx.execute(text(_taking(sheet, names, which)))).rowcount
            if taken == room:
                end = f"SELECT MAX(n) FROM {sheet.table('a', names)}"
                self._row = (await tx.execute(text(end))).scalar_one()
                return False
            room -= taken
            self._sheet, self._row = self._sheet + 1, 0
        return True


async def put(store: Store, decided: Decided, cut: Files | Ranges, ledger: Ledger) -> None:
    """Apply; raises `Stale`, `Fenced` or `DataError` with whole pieces done and noted, or none."""
    found = applying.names(store, decided.run.id)
    at = dict(decided.at)
    waiting = await anyio.to_thread.run_sync(decided.waiting)
    last = False
    while not last:
        async with applying.transaction(store, decided, at) as tx:
            base = await ledger.begin(tx)
            for statement in _emptied(decided.sheets, found):
                await tx.execute(text(statement))
            last = await cut.take(tx, decided.sheets, found)
            done = [one async for one in _counted(tx, decided.sheets, found)]
            if done:
                touched = {one.sheet for one in done}
                mine = [replace(s, plan="a") for s in decided.sheets if s.k in touched]
                await applying.merged(tx, decided, mine, found, base)
            if last:
                await runs.put_problems(tx, decided.run.id, decided.problems)
                await applying.kept_waiting(tx, store, decided, waiting)
                await applying.insisted(tx, store, decided)
            failpoint.hit("apply.rows")
            await ledger.note(tx, done, last=last)
            at = await applying.changes(tx, list(at))
            failpoint.hit("apply.verdict")
        failpoint.hit("apply.committed")


def _emptied(sheets: Sequence[Sheet], names: Names) -> Iterator[str]:
    return (f"DELETE FROM {sheet.table('a', names)}" for sheet in sheets)


def _taking(sheet: Sheet, names: Names, which: str) -> str:
    """Pure: the statement that takes some planned rows into a piece, in their order."""
    a, p = sheet.table("a", names), sheet.table("p", names)
    return f"INSERT INTO {a} (n, r, t, part, act) SELECT n, r, t, part, act FROM {p} {which}"


async def _counted(
    tx: AsyncConnection, sheets: Sequence[Sheet], names: Names
) -> AsyncIterator[Done]:
    for sheet in sheets:
        counting = f"SELECT part, act, COUNT(*) FROM {sheet.table('a', names)} GROUP BY part, act"
        for part, act, rows in await tx.execute(text(counting)):
            yield Done(sheet.k, part, act, rows)
