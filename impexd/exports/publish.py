"""
Lay a draft down in its outbox: complete, durable, under a name that was never there before.

The draft lies in a folder of the outbox itself, so a link is all it takes.  Whoever sees the
name sees all of the file, also after a power cut, and no file is ever written over.  Each function
may be repeated wherever it was cut short.  Blocking; `OSError` as it comes, `WorldError` for an
outbox that is not there.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from impexd.core import durable
from impexd.core.errors import WorldError

MODE = 0o640
"""Who may read what lies in an outbox: its group, too."""
DRAFTS = ".impexd-tmp"
"""The folder of drafts in each outbox."""


class Placed(StrEnum):
    """What became of a draft."""

    THERE = "there"
    """It has its name."""
    TAKEN = "taken"
    """Another file has that name."""
    LOST = "lost"
    """There is no draft, nor a file with its bytes under its name."""


def prepare(outbox: Path, *, make: bool) -> Path:
    """Give the folder of drafts; the outbox is made if it may be, else it must be there."""
    if make:
        outbox.mkdir(mode=0o750, parents=True, exist_ok=True)
    try:
        with durable.opened(outbox) as folder, durable.made(DRAFTS, within=folder):
            return outbox / DRAFTS
    except (FileNotFoundError, NotADirectoryError) as error:
        what = f"the outbox {outbox} is not there"
        raise WorldError(what, hint="mount or make it; the export waits for it") from error


def clear(outbox: Path, token: str, *, keep: str = "") -> None:
    """Forget the drafts of a run, but for one."""
    with _rooms(outbox) as (_, drafts):
        for name in os.listdir(drafts):  # noqa: PTH208 (an open folder, not a path)
            if name.startswith(token) and name != keep:
                durable.forget(drafts, name.encode())
        os.fsync(drafts)


def place(outbox: Path, draft: str, name: str, sha256: str) -> Placed:
    """Give a draft its name, durably; the draft stays until it is forgotten."""
    with _rooms(outbox) as (folder, drafts):
        try:
            durable.give(drafts, draft.encode(), folder, name.encode())
        except FileExistsError:
            return Placed.TAKEN
        except FileNotFoundError:
            return Placed.THERE if _has(folder, name, sha256) else Placed.LOST
        os.fsync(folder)
    return Placed.THERE


def free(outbox: Path, names: Iterable[str], companions: Iterable[str]) -> str:
    """Give the first name that nobody has, nor any of its companions."""
    ends = ("", *companions)
    with durable.opened(outbox) as folder:
        return next(name for name in names if not any(_exists(folder, name + end) for end in ends))


def accompany(outbox: Path, name: str, sha256: str, companions: Iterable[str]) -> list[str]:
    """Lay the companions beside a file; gives those whose names somebody else has taken."""
    taken = []
    with durable.opened(outbox) as folder:
        for end in companions:
            try:
                durable.write(
                    folder, (name + end).encode(), companion(end, name, sha256), mode=MODE
                )
            except FileExistsError:
                taken.append(name + end)
    return taken


def companion(end: str, name: str, sha256: str) -> bytes:
    """Pure: what stands in a companion: of `.sha256` a line for `sha256sum -c`, else nothing."""
    return f"{sha256}  {name}\n".encode() if end == ".sha256" else b""


def remove(outbox: Path, name: str, companions: Iterable[str]) -> None:
    """Take a file and its companions out of an outbox, the companions first."""
    with durable.opened(outbox) as folder:
        for end in (*reversed(tuple(companions)), ""):
            durable.forget(folder, (name + end).encode())
        os.fsync(folder)


@contextmanager
def _rooms(outbox: Path) -> Iterator[tuple[int, int]]:
    with durable.opened(outbox) as folder, durable.made(DRAFTS, within=folder) as drafts:
        yield folder, drafts


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _has(folder: int, name: str, sha256: str) -> bool:
    """Say whether a file of these bytes has this name."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=folder)
    except OSError:
        return False
    try:
        return durable.digest(file).sha256 == sha256
    finally:
        os.close(file)
