"""
The rooms of an instance's state folder, opened once and worked on by descriptor.

`work` holds claimed bytes under random names, flat, each with a scratch folder `<token>.d`;
`archive` and `failed` hold them afterwards, under the day and the run, with their own names.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from impexd.core import durable
from impexd.core.errors import WorldError

DRAFT = ".part"
"""What a copy is called until it is complete: `<token>.part`."""
SCRATCH = ".d"
NODE = ".node"


@dataclass(frozen=True, slots=True)
class Folders:
    """`var/` and its rooms."""

    var: Path
    work: int
    archive: int
    failed: int

    def bytes_of(self, token: str) -> Path:
        """Where the claimed bytes of a run lie until they are archived."""
        return self.var / "work" / token

    def scratch_of(self, token: str) -> Path:
        """The folder a run may fill while it lasts; made by who uses it."""
        return self.var / "work" / (token + SCRATCH)


@contextmanager
def opened(var: Path) -> Iterator[Folders]:
    """Open the rooms below `var`, making those that are not there; OSError if that fails."""
    with ExitStack() as stack:
        top = stack.enter_context(durable.opened(var))
        rooms = [
            stack.enter_context(durable.made(room, within=top))
            for room in ("work", "archive", "failed")
        ]
        yield Folders(var, *rooms)


def token(var: Path, fresh: str) -> str:
    """
    Read what the state folder is known by among those that share a database; OSError if that fails.

    It is written, durably, with the folder's first start: then it is `fresh`.
    """
    with durable.opened(var) as top:
        try:
            return (var / NODE).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            durable.write(top, NODE.encode(), fresh.encode())
            return fresh


def check_room(folders: Folders, reserve: int) -> None:
    """WorldError if less than `reserve` bytes of the disk are free: what is under way needs them."""
    disk = os.fstatvfs(folders.work)
    free = disk.f_bavail * disk.f_frsize
    if free < reserve:
        what = f"only {free >> 20} MiB are free where {folders.var} lies; nothing new is taken"
        raise WorldError(
            what, hint=f"make room: {reserve >> 20} MiB are kept free (daemon.reserve)"
        )


def device(folder: int) -> int:
    """Say on which device an open folder lies."""
    return os.fstat(folder).st_dev
