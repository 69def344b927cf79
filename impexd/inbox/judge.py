"""
Judge one candidate: may it be taken now, must it wait, or is it refused?

Takes what the scan saw and what is known of it from before; opens the file (never through a
link, never waiting for one) and asks the kernel, its companion and its bytes.  Gives a
`Judged`, or None for a file that has gone.  All of it is asked again after the claim.
"""

import errno
import os
from dataclasses import dataclass
from enum import StrEnum

from impexd.core.text import shown
from impexd.inbox import desk, lease, prove, scan, settle
from impexd.inbox.scan import Candidate
from impexd.inbox.settle import Proof, Verdict, Watched
from impexd.model import problem
from impexd.model.group import Inbox
from impexd.model.problem import Code, Problem

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How files of others are opened: no link is followed, no FIFO waited for."""

_NO_FILE = {errno.ENOENT, errno.ELOOP, errno.ENXIO}
_CLOSED_TO_US = {errno.EACCES, errno.EPERM}


class Why(StrEnum):
    """What a file waits for."""

    SETTLING = "settling"
    """It has not kept still for long enough."""
    WRITER = "writer"
    """Somebody has it open for writing."""
    END = "end"
    """Its end, or its companion, is missing."""
    CHANGED = "changed"
    """It has just changed again."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be done with a candidate."""

    watched: Watched
    why: Why | None = None
    """What it waits for; None if it may be taken, or refused, now."""
    again: float = 0.0
    """Seconds until it may have settled."""
    fault: Problem | None = None
    """Why it is refused."""
    regular: bool = True
    companion: bytes = b""

    @property
    def ready(self) -> bool:
        """May it be taken, or refused, now?"""
        return self.why is None


def judge(
    folder: int,
    candidate: Candidate,
    watched: Watched,
    *,
    companions: frozenset[bytes],
    rules: Inbox,
    at: float,
) -> Judged | None:
    """Judge a candidate in its open folder, at a monotonic moment."""
    companion = prove.beside(candidate.seen.name, companions, desk.companions(rules))
    left = settle.patience(watched, at=at, settle=rules.settle)
    if left > 0 and not companion:
        return Judged(watched, Why.SETTLING, again=left)
    if not candidate.regular:
        return Judged(watched, fault=candidate.fault, regular=False)
    try:
        file = os.open(candidate.seen.name, READ, dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        if error.errno not in _CLOSED_TO_US:
            raise
        return Judged(watched, fault=candidate.fault or _unreadable(candidate))
    try:
        return _inside(folder, file, candidate, watched, companion, rules, at)
    finally:
        os.close(file)


def _inside(
    folder: int,
    file: int,
    candidate: Candidate,
    watched: Watched,
    companion: bytes,
    rules: Inbox,
    at: float,
) -> Judged:
    if scan.seen(candidate.seen.name, os.fstat(file)) != candidate.seen:
        return Judged(watched, Why.CHANGED)
    if lease.written(file):
        return Judged(watched, Why.WRITER)
    if candidate.fault:
        return Judged(watched, fault=candidate.fault, companion=companion)
    proof, sha256 = Proof.PARTIAL, watched.sha256
    if companion:
        proof, sha256 = prove.by(companion, folder, file, sha256)
        watched = settle.hashed(watched, sha256)
    elif not rules.companion:
        proof = prove.of(file)
    decided = settle.verdict(
        watched, proof, at=at, settle=rules.settle, incomplete_after=rules.incomplete_after
    )
    if decided is Verdict.WAITING:
        return Judged(watched, Why.END)
    fault = _incomplete(candidate, rules) if decided is Verdict.STALE else None
    return Judged(watched, fault=fault, companion=companion)


def _unreadable(candidate: Candidate) -> Problem:
    return problem.about(Code.UNREADABLE, f"{shown(candidate.seen.name)} may not be read by us")


def _incomplete(candidate: Candidate, rules: Inbox) -> Problem:
    return problem.about(
        Code.INCOMPLETE,
        f"{shown(candidate.seen.name)} has not been completed for {rules.incomplete_after:g} s",
    )
