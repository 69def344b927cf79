"""
One daemon for each instance: a lock the kernel lets go of when the holder dies.

flock(2) on a file below var; the descriptor is not inherited by what we start, so a child
that outlives us does not keep the instance.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impexd.core.errors import Busy, Unsafe


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold a lock for as long as the block lasts; raises `Busy` if somebody else does."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unsafe(
            f"{path}: {error.strerror}", hint="the folder must exist and be ours to write"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(file, 32, 0).decode("ascii", "replace").strip()
            by = f" by process {holder}" if holder.isdigit() else ""
            raise Busy(
                f"{what} is in use{by}", hint="stop that daemon, or let it do what you want done"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)
