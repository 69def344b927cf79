"""
The journal held against work, archive and failed: every run's bytes where it says, and no others.

Blocking; called in a thread.  `Known` is filled while runs go by, and holds a number for each folder
that a run has, not its name.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from impexd.answers.verify.difference import Difference
from impexd.core.text import shown
from impexd.model.problem import Code
from impexd.model.run import State
from impexd.store.checks import Row

WAITING = frozenset({State.CLAIMED, State.STAGING, State.HELD, State.APPLYING})
"""States in which a drop's bytes lie in work."""

CHUNK = 1 << 20

_TOKEN = re.compile(r"([0-9a-f]{32})(\..+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(slots=True)
class Known:
    """What the journal knows of."""

    tokens: set[str] = field(default_factory=set)
    """Of runs that still have something in work."""
    folders: set[int] = field(default_factory=set)
    """Of `archive/DAY/RUN` and `failed/DAY/RUN`: their hashes."""

    def add(self, row: Row) -> None:
        """Remember a run."""
        if row.kind != "import":
            return
        if row.place:
            self.folders.add(hash("/".join(row.place.split("/")[:3])))
        elif row.place is None and row.state != State.VOID:
            self.tokens.add(row.token)


def bytes_of(row: Row, var: Path, *, deep: bool) -> Iterator[Difference]:
    """Look at the bytes of one drop; `deep`: hash them, too."""
    if row.kind != "import":
        return
    if row.place:
        yield from _put_away(row, var / row.place, deep=deep)
    elif row.state in WAITING and not (var / "work" / row.token).is_file():
        known = " (it is held for that)" if row.code == Code.VANISHED else ""
        what = f"run {row.id} is {row.state}, and its file is not in work{known}"
        hint = f"give {shown(row.name, limit=80)} again; `impexd refuse {row.id}` ends this run"
        yield Difference("vanished", what, hint, row.id, f"work/{row.token}")


def _put_away(row: Row, path: Path, *, deep: bool) -> Iterator[Difference]:
    room = "archive" if str(row.place).startswith("archive/") else "failed"
    restore = f"bring it back from a copy of {room}/; what it loaded is not touched by this"
    try:
        size = path.lstat().st_size  # a link that was refused lies there itself
    except OSError:
        what = f"run {row.id}: its file is not where it was put away"
        yield Difference("file_missing", what, restore, row.id, row.place)
        return
    if size != row.bytes or (deep and row.sha256 and digest(path) != row.sha256):
        what = f"run {row.id}: its file has been changed since it was put away"
        yield Difference("file_changed", what, restore, row.id, row.place)


def strays(var: Path, known: Known) -> Iterator[Difference]:
    """Look for what lies in our folders and belongs to no run."""
    yield from _work(var / "work", known)
    for room in ("archive", "failed"):
        for day in names(var / room):
            if room == "failed" and day == "orphans":
                yield from _orphans(var / room / day)
            elif not _DAY.fullmatch(day):
                yield _stray(f"{room}/{day}")
            else:
                yield from _day(var, f"{room}/{day}", known)


def _work(work: Path, known: Known) -> Iterator[Difference]:
    for name in names(work):
        found = _TOKEN.fullmatch(name)
        if found is None or found[1] not in known.tokens:
            yield _stray(f"work/{shown(name)}")


def _day(var: Path, day: str, known: Known) -> Iterator[Difference]:
    for run in names(var / day):
        if hash(f"{day}/{run}") not in known.folders:
            what = "was put away by a run that this journal does not know"
            hint = (
                "after the restore of an older backup: drop it again, and what it held is loaded;"
                " else remove it"
            )
            yield Difference("unknown_folder", f"{day}/{run} {what}", hint, path=f"{day}/{run}")


def _orphans(folder: Path) -> Iterator[Difference]:
    for name in names(folder):
        what = f"failed/orphans/{shown(name)} was found in work, and no run knows it"
        hint = "look at it; drop it again if it is wanted, remove it if not"
        yield Difference("orphan", what, hint, path=f"failed/orphans/{shown(name)}")


def _stray(path: str) -> Difference:
    hint = "nobody but impexd should put anything there; move it away"
    return Difference("stray", f"{path} belongs to no run", hint, path=path)


def names(folder: Path) -> list[str]:
    """List a folder; nothing if it is not there."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def digest(path: Path) -> str:
    """Hash a file; "" if it cannot be read."""
    hashed = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                hashed.update(chunk)
    except OSError:
        return ""
    return hashed.hexdigest()
