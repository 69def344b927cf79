"""
Stored pictures: `pictures/<ab>/<sha256>.<suffix>` below var, each once, whoever sends it.

A `Shelf` is what a worker puts pictures on while it stages a run.  When its block ends they are
durable, so the records that refer to them may be applied.  A picture that is there already is
not written again, but its time is set to now: that is how `sweep` knows that a run which is not
applied yet is going to point at it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impexd.core import durable
from impexd.model import picture

ROOM = "pictures"
"""The folder below var."""

_LOCK = ".lock"


class Shelf:
    """Where the pictures of a run are put; made by `opened`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._touched: set[str] = set()

    def keep(self, data: bytes, sha256: str, suffix: str) -> str:
        """Store a picture, if it is not there yet; gives its reference.  OSError if the disk fails."""
        name = picture.reference(sha256, suffix)
        self._touched.add(name[:2])
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            locked(self._folder),
            durable.opened(self._folder) as top,
            durable.made(name[:2], within=top) as room,
        ):
            if not _there(room, name, len(data)):
                durable.publish(room, name.encode(), data)
        return name

    def sync(self) -> None:
        """Make durable that the pictures are there."""
        if not self._touched:
            return
        with durable.opened(self._folder.parent) as var, durable.opened(self._folder) as top:
            for name in sorted(self._touched):
                with durable.opened(name, within=top) as room:
                    os.fsync(room)
            os.fsync(top)
            os.fsync(var)


@contextmanager
def opened(var: Path) -> Iterator[Shelf]:
    """Give a shelf to put pictures on; they are durable when the block has ended well."""
    shelf = Shelf(var / ROOM)
    yield shelf
    shelf.sync()


def place(var: Path, reference: str) -> Path:
    """Pure: where the picture of a reference is stored; ValueError if it is no reference."""
    if not picture.REFERENCE.fullmatch(reference):
        raise ValueError(reference)
    return var / ROOM / reference[:2] / reference


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """
    Have the pictures alone for as long as the block lasts; gives the open lock file.

    Held for one picture at a time, by workers that store it and by the sweep that removes it:
    else a picture could go just when somebody found it there.
    """
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _there(room: int, name: str, size: int) -> bool:
    """Say whether a picture is stored, and mark it as wanted; what is of no use is removed."""
    try:
        found = os.stat(name, dir_fd=room, follow_symlinks=False)
        if found.st_size == size:
            os.utime(name, dir_fd=room, follow_symlinks=False)
            return True
    except FileNotFoundError:
        return False
    except PermissionError:
        pass  # brought back from a backup by somebody else: it becomes ours
    durable.forget(room, name.encode())
    return False
