"""
Take a file that a person names, by command or upload, as if it had been dropped.

Takes a path; gives the run.  The same rules as in an inbox, but nothing is waited for and the
original stays where it is, whatever becomes of the run: the bytes are copied into work.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread

from impexd.core import durable, failpoint
from impexd.core.durable import Digest
from impexd.core.errors import Changed, DataError, ImpexError, UsageError, WorldError
from impexd.core.text import shown
from impexd.inbox import carry, folders, lease, prove, scan, took
from impexd.inbox.carry import Claim
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.judge import READ
from impexd.inbox.settle import Proof, Seen
from impexd.inbox.took import Took
from impexd.model import problem
from impexd.model.problem import Code, Problem
from impexd.store import journal, verdict
from impexd.store.again import again
from impexd.store.journal import Intent


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a file imported, and how."""

    origin: str = "command"
    actor: str | None = None
    name: bytes | None = None
    """The name to go by; the path's own if None."""
    forced: bool = False
    """Import it even if the same bytes were imported before."""
    dry: bool = False
    parent: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """The run made for a file."""

    run: int
    duplicate: bool = False
    """The same bytes were imported before: the run has ended with that."""


async def adopt(desk: Desk, inlet: Inlet, path: Path, order: Order | None = None) -> Adopted:
    """
    Import a file into a group.

    DataError if it is refused, which is journalled; UsageError if there is no such file or it
    is no drop by its name; WorldError if it is being written to or the disk fails.
    """
    order = order or Order()
    folders.check_room(desk.folders, desk.reserve)
    with _world(path), durable.opened(path.parent) as folder:
        seen, fault = await anyio.to_thread.run_sync(_look, folder, path, inlet, order)
        claim = await _begin(desk, inlet, order, seen, fault)
        failpoint.hit("adopt.journalled")
        if fault:
            words = {claim.run: (fault.code, fault.message)}
            await again(desk.store, lambda tx: verdict.left(tx, words, at=desk.clock.now()))
            raise DataError(fault.code, fault.message)
        source = replace(claim, seen=replace(seen, name=os.fsencode(path.name)))
        digest = await _copy(desk, inlet, folder, source)
    failpoint.hit("adopt.copied")
    result = Took()
    await took.settle(desk, inlet, {claim.run: digest}, result)
    return Adopted(claim.run, duplicate=bool(result.duplicates))


def _look(folder: int, path: Path, inlet: Inlet, order: Order) -> tuple[Seen, Problem | None]:
    own = os.fsencode(path.name)
    name = order.name if order.name is not None else own
    status = os.stat(own, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{shown(name)} is a folder", hint="give a file, or pack them as a zip")
    if scan.temporary(name):
        raise UsageError(f"{shown(name)} is no drop by its name or kind", hint="rename it")
    seen = scan.seen(name, status)
    if fault := scan.unfit(name, status, largest=inlet.limits.file, links=False):
        return seen, fault
    try:
        file = os.open(own, READ, dir_fd=folder)
    except PermissionError:
        return seen, problem.about(Code.UNREADABLE, f"{shown(name)} may not be read by us")
    try:
        if lease.written(file):
            raise WorldError(f"{shown(name)} is still being written", hint="try again later")
        if prove.of(file) is Proof.PARTIAL:
            return seen, problem.about(Code.INCOMPLETE, f"{shown(name)} has no end")
    finally:
        os.close(file)
    return seen, None


async def _begin(
    desk: Desk, inlet: Inlet, order: Order, seen: Seen, fault: Problem | None
) -> Claim:
    intent = Intent(
        desk.clock.token(),
        inlet.group,
        seen.name,
        order.origin,
        dev=seen.dev,
        inode=seen.ino,
        size=seen.size,
        mtime_ns=seen.mtime_ns,
        priority=inlet.priority,
        config_hash=inlet.config_hash,
        code=fault.code if fault else None,
        message=fault.message if fault else None,
        forced=order.forced,
        dry=order.dry,
        parent=order.parent,
        actor=order.actor,
        note=order.note,
    )
    now = desk.clock.now()
    (run,) = await again(desk.store, lambda tx: journal.begin(tx, [intent], node=desk.node, at=now))
    return Claim(run, intent.token, seen, fault)


async def _copy(desk: Desk, inlet: Inlet, folder: int, claim: Claim) -> Digest:
    """Copy the bytes into work; if that fails in any way, the run is void."""
    try:
        digest = await anyio.to_thread.run_sync(_into_work, desk, inlet, folder, claim)
        if digest is None:
            raise Changed(f"{shown(claim.seen.name)} changed while it was copied")
    except BaseException:
        with anyio.CancelScope(shield=True), suppress(ImpexError):
            reason = {claim.run: "its bytes could not be copied"}
            await again(desk.store, lambda tx: verdict.void(tx, reason, at=desk.clock.now()))
        raise
    return digest


def _into_work(desk: Desk, inlet: Inlet, folder: int, claim: Claim) -> Digest | None:
    digest = carry.copy(
        folder,
        desk.folders.work,
        claim,
        largest=inlet.limits.file,
        pause=anyio.from_thread.check_cancelled,
    )
    if digest:
        carry.keep(desk.folders.work, [claim])
    return digest


@contextmanager
def _world(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"there is no file {shown(str(path))}") from error
    except OSError as error:
        raise WorldError(f"{shown(str(path))}: {error.strerror or error}") from error
