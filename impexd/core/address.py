"""Names for unix sockets that are short enough, whatever the path of their folder is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 100
"""Longest path that a unix socket address takes with certainty (unix(7): 108 bytes)."""


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Give a name for a unix socket that can be bound and connected to while the block lasts."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
