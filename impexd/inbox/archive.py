"""
Put a run's bytes away: into `archive/<day>/<run>/` or `failed/<day>/<run>/`, unchanged.

Takes ended runs; gives their names and bytes a place that was never anybody else's, with the
report and the rejects beside them, and tells the journal.  Where that is follows from the
journal alone, so that a repeated attempt finds what an interrupted one left.  Many runs share
the syncs of their folders.
"""

import fnmatch
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import structlog
from pydantic_core import to_json

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

BATCH = 100
"""Runs put away at once: their folders are open meanwhile."""

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
    # Not by `json`, whose indenting is slow: it took as long as applying a small file.
    return to_json(document, indent=1) + b"\n"


def place(row: Row) -> tuple[str, str, str, bytes]:
    """Pure: room, day, folder and name of a run's bytes."""
    room = "archive" if row.state in _GOOD else "failed"
    name = b"source" if scan.misnamed(row.name) or not row.name else row.name
    return room, row.created[:10], f"{row.id:06d}", name


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where a run's bytes are put, while nothing of it is synced."""

    row: Row
    target: int
    """Its folder, open."""
    place: str
    name: bytes
    there: bool
    """Are there bytes at all?"""
    draft: bytes = b""
    """The draft of its report, if that has not come with its files."""


def _put(
    folders: Folders, rows: Sequence[Row], extras: Sequence[str], reports: Mapping[int, bytes]
) -> dict[int, str]:
    """Put runs away, as many at once as may have their folders open."""
    places: dict[int, str] = {}
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        with ExitStack() as opened:
            places |= _put_some(folders, some, extras, reports, opened)
        failpoint.hit("archive.linked")
        for row in some:
            durable.forget(folders.work, row.token.encode())
            durable.forget(folders.work, (row.token + DRAFT).encode())
            with suppress(FileNotFoundError):
                shutil.rmtree(row.token + SCRATCH, dir_fd=folders.work)
        os.fsync(folders.work)
    return places


def _put_some(
    folders: Folders,
    rows: Sequence[Row],
    extras: Sequence[str],
    reports: Mapping[int, bytes],
    opened: ExitStack,
) -> dict[int, str]:
    """
    Link everything, give the reports their names, and sync all that gained names.

    Everything of one sort after the other: the file system writes what many have changed with
    the first sync, and the others find little left to do.
    """
    days = {
        day: opened.enter_context(durable.made(day[1], within=_top(folders, day[0])))
        for day in dict.fromkeys(place(row)[:2] for row in rows)
    }
    shelves = [
        _link(folders, row, days[place(row)[:2]], extras, reports.get(row.id), opened)
        for row in rows
    ]
    drafted = [one for one in shelves if one.draft]
    for one in drafted:
        durable.sync(one.target, one.draft)
    for one in drafted:
        durable.release(one.target, _reporting(one.name), reports[one.row.id])
    for one in shelves:
        os.fsync(one.target)
    for folder in days.values():
        os.fsync(folder)
    return {one.row.id: one.place for one in shelves if one.there}


def _link(
    folders: Folders,
    row: Row,
    days: int,
    extras: Sequence[str],
    report: bytes | None,
    opened: ExitStack,
) -> _Shelf:
    """Let a run's bytes and extras have their names in the archive, and draft its report."""
    room, day, run, name = place(row)
    # A journal restored from a backup counts its runs anew, and the number may be taken.
    other = f"{run}-{row.token[:8]}"
    for folder in (other, run) if carry.there(days, other.encode()) else (run, other):
        target = opened.enter_context(durable.made(folder, within=days, sync=False))
        try:
            there = _give(folders.work, row.token.encode(), target, name)
        except FileExistsError:
            continue
        _beside(folders, row, target, name, extras)
        draft = b""
        if report is not None and there and not carry.there(target, _reporting(name)):
            draft = durable.drafted(target, _reporting(name), report)
        found = f"{room}/{day}/{folder}/{os.fsdecode(name)}"
        return _Shelf(row, target, found, name, there, draft)
    raise FileExistsError(f"{room}/{day}/{run}")


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
