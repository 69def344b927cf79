"""
Carry files from an inbox into the work folder, and back where one was not ours to take.

Takes open folders and `Claim`s; does the folder work of the claim and nothing else.  Names in
work are random, so a rename into it can hit nothing.  The folder that gains a name is synced
before the one that loses it.  OSError means the disk; what concerns one file alone is a value.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from impexd.core import durable
from impexd.core.durable import Digest
from impexd.inbox import lease, scan
from impexd.inbox.folders import DRAFT
from impexd.inbox.judge import READ
from impexd.inbox.settle import Seen
from impexd.model.problem import Problem

WITH = ".with"
"""What a companion is called beside claimed bytes: `<token>.with.ready`."""

_LONGEST = 255
_OTHER = {errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM}
_NOT_OURS = {errno.EPERM, errno.EACCES, errno.EXDEV, errno.EBUSY}


@dataclass(frozen=True, slots=True)
class Claim:
    """A journalled run whose file is being taken."""

    run: int
    token: str
    seen: Seen
    fault: Problem | None = None
    """Why it is taken only to be refused."""
    companion: bytes = b""
    """The companion that lay beside it."""
    ends: tuple[bytes, ...] = scan.COMPANIONS
    """How its companion may end, where that is not known any more."""

    @property
    def own(self) -> bytes:
        """The name of its bytes in the work folder."""
        return self.token.encode()

    @property
    def draft(self) -> bytes:
        """The name of its copy until that is complete."""
        return (self.token + DRAFT).encode()


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a batch; whatever is named nowhere is in work."""

    gone: set[int] = field(default_factory=set)
    """Runs whose file had gone, or was another one."""
    stuck: dict[int, str] = field(default_factory=dict)
    """Runs whose file may not be moved by us, and what the system says."""


def bring(inbox: int, work: int, claims: Iterable[Claim]) -> Brought:
    """Rename files and their companions into work, then sync both folders."""
    brought = Brought()
    for claim in claims:
        _take_companion(inbox, work, claim)
        try:
            os.rename(claim.seen.name, claim.own, src_dir_fd=inbox, dst_dir_fd=work)
        except FileNotFoundError:
            brought.gone.add(claim.run)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            brought.stuck[claim.run] = error.strerror or str(error)
        else:
            continue
        return_companion(work, inbox, claim)
    os.fsync(work)
    os.fsync(inbox)
    return brought


def end_rename(inbox: int, work: int, claim: Claim) -> None:
    """Remove the old name of a file in work, if a power cut left it both (btrfs may)."""
    with suppress(FileNotFoundError):
        here = os.stat(claim.own, dir_fd=work, follow_symlinks=False)
        there = os.stat(claim.seen.name, dir_fd=inbox, follow_symlinks=False)
        if os.path.samestat(here, there):
            os.unlink(claim.seen.name, dir_fd=inbox)
            os.fsync(inbox)


def copy(
    inbox: int, work: int, claim: Claim, *, largest: int, pause: Callable[[], None]
) -> Digest | None:
    """
    Copy a file into work as a draft, hashing on the way; None if it is not the one seen any more.

    The original stays until `let_go`.
    """
    try:
        source = os.open(claim.seen.name, READ, dir_fd=inbox)
    except OSError as error:
        if error.errno in _OTHER:
            return None
        raise
    good = False
    try:
        if not _still(source, claim) or lease.written(source):
            return None
        digest = durable.copy(source, work, claim.draft, most=largest, pause=pause)
        good = _still(source, claim) and not lease.written(source)
        return digest if good else None
    except OSError:
        if _still(source, claim):
            raise
        return None  # it grew beyond all bounds under our hands
    finally:
        os.close(source)
        if not good:
            durable.forget(work, claim.draft)


def keep(work: int, claims: Iterable[Claim]) -> None:
    """Make complete copies the claimed bytes; may be repeated."""
    for claim in claims:
        with suppress(FileNotFoundError):
            os.rename(claim.draft, claim.own, src_dir_fd=work, dst_dir_fd=work)
    os.fsync(work)


def let_go(inbox: int, claims: Iterable[Claim]) -> dict[int, str]:
    """
    Remove the originals of kept copies; may be repeated.

    One that is not the file we copied any more is left alone.  Gives the runs whose original
    may not be removed, with what the system says: they MUST NOT be imported yet.
    """
    stuck = {}
    for claim in claims:
        try:
            _remove(inbox, claim)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            stuck[claim.run] = error.strerror or str(error)
    os.fsync(inbox)
    return stuck


def back(work: int, inbox: int, claim: Claim) -> bytes:
    """
    Give a file back to its inbox, over nothing; gives the name it has there now.

    If its name is taken by a newer file, that is left, and this one is set beside it as
    `NAME-<run>.recovered`, which no inbox takes by itself.
    """
    if stat.S_ISREG(os.stat(claim.own, dir_fd=work, follow_symlinks=False).st_mode):
        _writable(work, claim.own)
    beside = b"-%d.recovered" % claim.run
    names = (claim.seen.name, claim.seen.name[: _LONGEST - len(beside)] + beside)
    try:
        durable.move(work, claim.own, inbox, names[0])
    except FileExistsError:
        durable.move(work, claim.own, inbox, names[1])
        return names[1]
    return_companion(work, inbox, claim)
    return names[0]


def return_companion(work: int, inbox: int, claim: Claim) -> None:
    """Give a companion back beside its file, unless there is a newer one."""
    for name in companions(work, claim):
        suffix = name.removeprefix((claim.token + WITH).encode())
        with suppress(FileExistsError):
            durable.give(work, name, inbox, claim.seen.name + suffix)
        durable.forget(work, name)


def forget_companions(work: int, claim: Claim) -> None:
    """Remove companions that have said what they had to say."""
    for name in companions(work, claim):
        durable.forget(work, name)


def companions(work: int, claim: Claim) -> list[bytes]:
    """The companions that were taken with a file, by their names in work."""
    names = [(claim.token + WITH).encode() + end for end in claim.ends]
    return [name for name in names if there(work, name)]


def there(folder: int, name: bytes) -> bool:
    """Say whether a folder has a name."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _take_companion(inbox: int, work: int, claim: Claim) -> None:
    if claim.companion:
        suffix = claim.companion.removeprefix(claim.seen.name)
        name = (claim.token + WITH).encode() + suffix
        with suppress(FileNotFoundError):
            os.rename(claim.companion, name, src_dir_fd=inbox, dst_dir_fd=work)


def _remove(inbox: int, claim: Claim) -> None:
    with suppress(FileNotFoundError):
        status = os.stat(claim.seen.name, dir_fd=inbox, follow_symlinks=False)
        if scan.seen(claim.seen.name, status) == claim.seen:
            for end in claim.ends:  # first: the next file of this name needs its own
                if len(claim.seen.name + end) <= _LONGEST:
                    durable.forget(inbox, claim.seen.name + end)
            os.unlink(claim.seen.name, dir_fd=inbox)


def _still(file: int, claim: Claim) -> bool:
    return scan.seen(claim.seen.name, os.fstat(file)) == claim.seen


def _writable(work: int, name: bytes) -> None:
    """Undo what `examine` did to the mode, so that the producer can go on with its file."""
    with suppress(OSError):
        file = os.open(name, READ, dir_fd=work)
        try:
            os.fchmod(file, os.fstat(file).st_mode & 0o7777 | 0o200)
        finally:
            os.close(file)
