"""
Is a drop complete?  Decided on values alone.

Takes what a scan saw now and what was seen before; says of each name whether it may be taken.
Only the monotonic clock counts, and only from the moment *we* saw the file unchanged: a file
dated 1969 or 2100, or a wall clock that jumps, changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Seen:
    """What tells one state of a file from another."""

    name: bytes
    dev: int
    ino: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A file as it stands in the inbox, and since when it stands like that."""

    seen: Seen
    since: float
    """The monotonic moment when we first saw it so."""
    sha256: str = ""
    """Its hash, if a companion made us look."""


Watchlist = Mapping[bytes, Watched]
"""What stands in one inbox, by name."""


class Proof(StrEnum):
    """What says that a file is complete."""

    COMPANION = "companion"
    """Its companion lies beside it and is right."""
    WHOLE = "whole"
    """Its bytes have an end, and it is there."""
    PARTIAL = "partial"
    """Its bytes, or the group's rules, ask for an end that is not there."""
    SILENT = "silent"
    """Nothing; only time can tell."""


class Verdict(StrEnum):
    """What to do with a file."""

    READY = "ready"
    WAITING = "waiting"
    STALE = "stale"
    """Kept still for so long that its end will not come any more."""


def watch(before: Watchlist, now: Iterable[Seen], *, at: float) -> dict[bytes, Watched]:
    """Pure: carry over what has not changed, start anew with the rest, forget what is gone."""
    watched = {}
    for seen in now:
        known = before.get(seen.name)
        watched[seen.name] = known if known and known.seen == seen else Watched(seen, at)
    return watched


def patience(watched: Watched, *, at: float, settle: float) -> float:
    """Pure: the seconds a file has yet to keep still; 0 if it kept still for long enough."""
    return max(0.0, watched.since + settle - at)


def verdict(
    watched: Watched, proof: Proof, *, at: float, settle: float, incomplete_after: float
) -> Verdict:
    """
    Pure: decide on one file that nobody holds open.

    A right companion is enough.  A whole file settles all the same: its producer may have more
    to say.  One whose end is missing waits, then is given up; time starts again with each change.
    """
    if proof is Proof.COMPANION:
        return Verdict.READY
    if patience(watched, at=at, settle=settle) > 0:
        return Verdict.WAITING
    if proof is not Proof.PARTIAL:
        return Verdict.READY
    given_up = patience(watched, at=at, settle=max(settle, incomplete_after)) == 0
    return Verdict.STALE if given_up else Verdict.WAITING


def hashed(watched: Watched, sha256: str) -> Watched:
    """Pure: remember the hash of a file for as long as it does not change."""
    return replace(watched, sha256=sha256)
