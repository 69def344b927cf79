"""
What proves that a file is whole?  Its own bytes, or a companion beside it.

Takes open files and names; gives a `Proof`.  A format proves itself if it has an end that
cannot be mistaken: `ENDS` names the heads of such formats and who looks for their ends.
"""

import os
import re
import stat
from collections.abc import Callable
from typing import BinaryIO

from impexd.core import durable
from impexd.formats import zip as archive
from impexd.inbox.settle import Proof

ENDS: tuple[tuple[bytes, Callable[[BinaryIO], bool]], ...] = (
    (b"PK\x03\x04", archive.complete),
    (b"PK\x05\x06", archive.complete),
)
"""Head of a format -> does the file have its end?"""

_SUM = re.compile(rb"\s*([0-9A-Fa-f]{64})(?:\s.*)?", re.DOTALL)
_LONGEST = 4096
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def of(file: int) -> Proof:
    """Let the bytes of an open file speak for themselves."""
    head = os.pread(file, max(len(head) for head, _ in ENDS), 0)
    for start, ended in ENDS:
        if head == start:
            with os.fdopen(os.dup(file), "rb") as reader:
                return Proof.WHOLE if ended(reader) else Proof.PARTIAL
        if start.startswith(head):  # shorter than any head: it has only just begun
            return Proof.PARTIAL
    return Proof.SILENT


def beside(name: bytes, companions: frozenset[bytes], ends: tuple[bytes, ...]) -> bytes:
    """Pure: the companion that lies beside a file, b"" if none."""
    return next((name + end for end in ends if name + end in companions), b"")


def by(companion: bytes, folder: int, file: int, known: str) -> tuple[Proof, str]:
    """
    Let a companion speak for an open file: by being there, or (`.sha256`) by naming its hash.

    `known` is the file's hash if it has been taken already.  Gives the proof and the hash.
    """
    try:
        handle = os.open(companion, _OPEN, dir_fd=folder)
    except OSError:
        return Proof.PARTIAL, known  # gone, or nothing that can be read: it says nothing yet
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return Proof.PARTIAL, known
        if not companion.endswith(b".sha256"):
            return Proof.COMPANION, known
        said = _SUM.fullmatch(os.pread(handle, _LONGEST, 0))
    finally:
        os.close(handle)
    if said is None:
        return Proof.PARTIAL, known
    known = known or durable.digest(file).sha256
    right = said[1].decode("ascii").lower() == known
    return Proof.COMPANION if right else Proof.PARTIAL, known
