"""
Look into an inbox: what lies there, and what of it is a drop of ours.

Takes an open folder; gives candidates in the order they are claimed in (by name, as bytes) and
companions.  Nothing is opened here, so neither a FIFO nor a device can hold us up.  A name we
are not meant for (temporary, unknown suffix) is passed over in silence; one we are meant for
but cannot take carries the problem it is refused with.

Names are bytes until they are proven to be text.  Folders are left alone.
"""

import heapq
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from impexd.core.text import shown
from impexd.inbox.settle import Seen
from impexd.model import problem
from impexd.model.patterns import Pattern
from impexd.model.problem import Code, Problem

MOST = 20_000
"""Candidates of one look; the rest comes with the next, when these are gone."""

COMPANIONS = (b".ready", b".sha256")
"""What may lie beside a drop to say that it is complete."""

SUFFIXES = (
    *(b".csv", b".tsv", b".txt", b".xml", b".json", b".jsonl", b".xlsx", b".zip", b".gz"),
    *(b".png", b".jpg", b".jpeg", b".gif", b".webp"),
)
"""What an inbox takes unless its group says `match`."""

_TEMPORARY = re.compile(
    rb"""(?xis) \. .* | ~ .* | .* ~ | \# .* \# | .* \. (part|tmp|filepart|crdownload)
    | thumbs\.db | desktop\.ini"""
)
_UNPRINTABLE = {"Cc", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that is meant for us."""

    seen: Seen
    fault: Problem | None = None
    """Why it cannot be taken, if so."""
    regular: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found."""

    candidates: tuple[Candidate, ...]
    companions: frozenset[bytes]


def look(
    folder: int,
    *,
    match: Pattern | None = None,
    largest: int,
    links: bool = False,
    ends: tuple[bytes, ...] = COMPANIONS,
    most: int | None = None,
) -> Look:
    """
    Look into an inbox once.

    `links` allows files with several names (they are copied); `ends` are those of companions.
    OSError if the folder cannot be read.
    """
    companions: set[bytes] = set()
    with os.scandir(folder) as entries:
        names = heapq.nsmallest(most or MOST, _names(entries, match, ends, companions))
    found = (_candidate(folder, name, largest=largest, links=links) for name in names)
    return Look(tuple(filter(None, found)), frozenset(companions))


def temporary(name: bytes) -> bool:
    """Pure: is this the name of a file somebody is still busy with, or of no drop at all?"""
    return _TEMPORARY.fullmatch(name) is not None


def meant(name: bytes, match: Pattern | None) -> bool:
    """Pure: is this name a drop of ours, by the group's rule or by its suffix?"""
    if match is None:
        return name.lower().endswith(SUFFIXES)
    return match.fullmatch(name.decode("utf-8", "replace")) is not None


def misnamed(name: bytes) -> Problem | None:
    """Pure: say what is wrong with a name, None if it is fit for a journal, a log and a page."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return problem.about(Code.BAD_NAME, f"the name is not UTF-8: {shown(name)}")
    if any(unicodedata.category(char) in _UNPRINTABLE for char in text):
        return problem.about(Code.BAD_NAME, f"the name holds control characters: {shown(name)}")
    return None


def unfit(name: bytes, status: os.stat_result, *, largest: int, links: bool) -> Problem | None:
    """Pure: say why a file cannot be taken, judged by its name and status alone."""
    if not stat.S_ISREG(status.st_mode):
        return problem.about(Code.NOT_REGULAR, f"{shown(name)} is {_kind(status)}, not a file")
    if wrong := misnamed(name):
        return wrong
    if status.st_nlink > 1 and not links:
        return problem.about(
            Code.MULTIPLE_LINKS,
            f"{shown(name)} has {status.st_nlink} names; it may be written to by another",
        )
    if status.st_size > largest:
        return problem.about(
            Code.TOO_LARGE, f"{shown(name)} has {status.st_size} bytes; the limit is {largest}"
        )
    if status.st_size == 0:
        return problem.about(Code.EMPTY_FILE, f"{shown(name)} is empty")
    return None


def seen(name: bytes, status: os.stat_result) -> Seen:
    """Pure: what tells this state of the file from another."""
    return Seen(name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _names(
    entries: Iterable[os.DirEntry[str]],
    match: Pattern | None,
    ends: tuple[bytes, ...],
    companions: set[bytes],
) -> Iterator[bytes]:
    for entry in entries:
        name = os.fsencode(entry.name)
        if temporary(name) or entry.is_dir(follow_symlinks=False):
            continue
        if name.endswith(ends) or name.endswith(COMPANIONS):
            companions.add(name)
        elif meant(name, match):
            yield name


def _candidate(folder: int, name: bytes, *, largest: int, links: bool) -> Candidate | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return None
    fault = unfit(name, status, largest=largest, links=links)
    return Candidate(seen(name, status), fault, stat.S_ISREG(status.st_mode))


def _kind(status: os.stat_result) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(status.st_mode), "something else")
