"""
Put a run's bytes away: into `archive/<day>/<run>/` or `failed/<day>/<run>/`, unchanged.

Takes ended runs; gives their names and bytes a place that was never anybody else's, with the
report and the rejects beside them, and tells the journal.  Where that is follows from the
journal alone, so that a repeated attempt finds what an interrupted one left.  Many runs share
the syncs of their folders.
"""

import fnmatch
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import structlog

from impexd.core import durable, failpoint
from impexd.inbox import carry, scan
from impexd.inbox.desk import Desk
from impexd.inbox.folders import DRAFT, SCRATCH, Folders
from impexd.model import report
from impexd.model.run import State
from impexd.store import journal, runs, verdict
from impexd.store.again import again
from impexd.store.journal import Row

EXTRAS = ("report.json", "changes.csv", "*.rejects-*")
"""What of a run's scratch folder is put beside its bytes, unless the caller says."""

REPORT = b"report.json"

_GOOD = {State.APPLIED, State.ARCHIVED, State.DUPLICATE, State.PLANNED}

_AT_CLAIM = {State.FAILED, State.DUPLICATE}
"""States that a claim may end in, where nobody has written a report yet."""

log = structlog.get_logger(__name__)


async def put(
    desk: Desk,
    rows: Sequence[Row],
    *,
    extras: Sequence[str] = EXTRAS,
    reports: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """
    Put the bytes of ended runs away and say so in the journal.

    `reports` are those that do not lie in a scratch folder, by run.

    May be repeated after a crash at any point.  OSError if the disk fails: then nothing is
    said, and all of it may be tried again.  Bytes that are nowhere are said and logged.
    """
    if not rows:
        return
    texts = {id: _text(document) for id, document in (reports or {}).items()}
    texts |= await _reports(desk, [row.id for row in rows if row.state in _AT_CLAIM])
    places = await anyio.to_thread.run_sync(_put, desk.folders, rows, extras, texts)
    lost = [row.id for row in rows if row.id not in places]
    for id in lost:
        log.error("bytes missing", run=id)
    failpoint.hit("archive.done")
    await again(
        desk.store,
        lambda tx: verdict.shelved(tx, places, lost, at=desk.clock.now()),
        clock=desk.clock,
    )


async def _reports(desk: Desk, ids: Sequence[int]) -> dict[int, bytes]:
    """Write up runs that have ended with their claim: there is nothing in them but why."""
    found: dict[int, bytes] = {}
    for some in journal.batches(ids):
        async with desk.store.reading() as tx:
            for run in await runs.some(tx, some):
                found[run.id] = _text(report.whole(run, [], []))
    return found


def _text(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def place(row: Row) -> tuple[str, str, str, bytes]:
    """Pure: room, day, folder and name of a run's bytes."""
    room = "archive" if row.state in _GOOD else "failed"
    name = b"source" if scan.misnamed(row.name) or not row.name else row.name
    return room, row.created[:10], f"{row.id:06d}", name


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where a run's bytes are put, while nothing of it is synced."""

    run: int
    room: str
    day: str
    folder: str
    name: bytes
    there: bool
    """Are there bytes at all?"""
    draft: bytes = b""
    """The draft of its report, if that has not come with its files."""


def _put(
    folders: Folders, rows: Sequence[Row], extras: Sequence[str], reports: Mapping[int, bytes]
) -> dict[int, str]:
    """Link everything, sync what gained names, then remove the old names and sync that."""
    shelves = [_link(folders, row, extras, reports.get(row.id)) for row in rows]
    for day in dict.fromkeys((one.room, one.day) for one in shelves):
        mine = [one for one in shelves if (one.room, one.day) == day]
        _settle(folders, mine, reports)
    failpoint.hit("archive.linked")
    for row in rows:
        durable.forget(folders.work, row.token.encode())
        durable.forget(folders.work, (row.token + DRAFT).encode())
        with suppress(FileNotFoundError):
            shutil.rmtree(row.token + SCRATCH, dir_fd=folders.work)
    os.fsync(folders.work)
    return {
        one.run: f"{one.room}/{one.day}/{one.folder}/{os.fsdecode(one.name)}"
        for one in shelves
        if one.there
    }


def _link(folders: Folders, row: Row, extras: Sequence[str], report: bytes | None) -> _Shelf:
    """Let a run's bytes and extras have their names in the archive, and draft its report."""
    room, day, run, name = place(row)
    with durable.made(day, within=_top(folders, room)) as days:
        # A journal restored from a backup counts its runs anew, and the number may be taken.
        other = f"{run}-{row.token[:8]}"
        for folder in (other, run) if carry.there(days, other.encode()) else (run, other):
            with durable.made(folder, within=days, sync=False) as target:
                try:
                    there = _give(folders.work, row.token.encode(), target, name)
                except FileExistsError:
                    continue
                _beside(folders, row, target, name, extras)
                draft = b""
                if report is not None and there and not carry.there(target, _reporting(name)):
                    draft = durable.drafted(target, _reporting(name), report)
                return _Shelf(row.id, room, day, folder, name, there, draft)
    raise FileExistsError(f"{room}/{day}/{run}")


def _settle(folders: Folders, mine: Sequence[_Shelf], reports: Mapping[int, bytes]) -> None:
    """
    Give the reports of one day their names, and sync all that gained names.

    Everything of one sort after the other: the file system writes what many have changed with
    the first sync, and the others find little left to do.
    """
    drafted = [one for one in mine if one.draft]
    with durable.opened(mine[0].day, within=_top(folders, mine[0].room)) as days:
        for one in drafted:
            with durable.opened(one.folder, within=days) as target:
                durable.sync(target, one.draft)
        for one in drafted:
            with durable.opened(one.folder, within=days) as target:
                durable.release(target, _reporting(one.name), reports[one.run])
        for one in mine:
            with durable.opened(one.folder, within=days) as target:
                os.fsync(target)
        os.fsync(days)


def _top(folders: Folders, room: str) -> int:
    return folders.archive if room == "archive" else folders.failed


def _reporting(name: bytes) -> bytes:
    """Pure: the name of the report beside bytes of a name."""
    return b"run-" + REPORT if name == REPORT else REPORT


def _give(work: int, token: bytes, target: int, name: bytes) -> bool:
    """Link bytes into their folder; say whether they are there, now or from an earlier attempt."""
    try:
        durable.give(work, token, target, name)
    except FileNotFoundError:
        return carry.there(target, name)
    return True


def _beside(folders: Folders, row: Row, target: int, name: bytes, extras: Iterable[str]) -> None:
    """Put the run's own files beside its bytes; a drop of the same name keeps it."""
    try:
        scratch = os.open(row.token + SCRATCH, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folders.work)
    except FileNotFoundError:
        return
    try:
        for extra in os.listdir(scratch):  # noqa: PTH208 - an open folder, not a path
            if any(fnmatch.fnmatchcase(extra, wanted) for wanted in extras):
                raw = os.fsencode(extra)
                durable.sync(scratch, raw)
                with suppress(FileExistsError):
                    durable.give(scratch, raw, target, b"run-" + raw if raw == name else raw)
    finally:
        os.close(scratch)
