"""
Examine claimed bytes: are they still what was seen, has their writer gone, what is their hash?

Takes a `Claim` whose file is in work (step 4 and 5 of the claim); gives its `Digest` with the
bytes synced, the `Problem` it is refused with, or `Back` if it was not ours to take after all.
`intact` asks once more, for whoever has read the bytes and is about to act on them.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from impexd.core import durable
from impexd.core.durable import Digest
from impexd.core.errors import Changed
from impexd.inbox import lease, scan
from impexd.inbox.carry import Claim
from impexd.inbox.judge import READ
from impexd.model.problem import Problem

_BROKEN = {errno.EIO, errno.ENOSPC, errno.EDQUOT}
_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Back:
    """A file that goes back to its inbox, and why."""

    why: str


Found = Digest | Problem | Back


def examine(work: int, claim: Claim, *, pause: Callable[[], None] = durable.go_on) -> Found:
    """Look at claimed bytes; stops wherever `pause` raises.  FileNotFoundError if they are gone."""
    status = os.stat(claim.own, dir_fd=work, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return claim.fault or Back("it is no file any more")
    try:
        file = os.open(claim.own, READ, dir_fd=work)
    except PermissionError:
        return claim.fault or Back("it may not be read")
    try:
        if _changed(file, claim):
            return Back("it changed while it was claimed")
        if lease.written(file):
            return Back("it is still being written")
        if claim.fault:
            return claim.fault
        digest = durable.digest(file, pause=pause)
        if _changed(file, claim) or digest.size != claim.seen.size:
            return Back("it changed while it was hashed")
        with suppress(PermissionError):
            os.fchmod(file, os.fstat(file).st_mode & 0o555 | 0o400)
        return _synced(work, file, claim, digest, pause)
    finally:
        os.close(file)


def intact(path: str | os.PathLike[str], *, sha256: str, size: int) -> None:
    """
    Hash claimed bytes again and raise `Changed` if they are not what was claimed.

    To be asked after the last byte has been read and before anything of it takes effect: a
    producer that kept its file open can write to it wherever it lies.
    """
    try:
        file = os.open(path, READ)
    except FileNotFoundError:
        raise Changed("the claimed bytes are gone") from None
    try:
        status = os.fstat(file)
        if status.st_size != size or lease.written(file) or durable.digest(file).sha256 != sha256:
            raise Changed("the file was written to after it had been claimed")
    finally:
        os.close(file)


def _synced(work: int, file: int, claim: Claim, digest: Digest, pause: Callable[[], None]) -> Found:
    """Sync the bytes; the producer may never have.  A sync that failed is not tried twice."""
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _BROKEN:
            raise
        # The kernel takes pages it could not write for clean: only new pages can be trusted.
        anew = durable.copy(file, work, claim.draft, most=_LARGEST, pause=pause)
        if anew != digest:
            return Back("it changed while it was written anew")
        os.rename(claim.draft, claim.own, src_dir_fd=work, dst_dir_fd=work)
        os.fsync(work)
    return digest


def _changed(file: int, claim: Claim) -> bool:
    return scan.seen(claim.seen.name, os.fstat(file)) != claim.seen
