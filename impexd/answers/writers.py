"""Who has a file open for writing?  As far as /proc tells us, which is of our own processes or as root."""

import os
from collections.abc import Iterator
from pathlib import Path

MOST = 5


def of(path: Path) -> list[str]:
    """Give some processes that have a file open for writing, as `NAME (PID)`."""
    try:
        wanted = path.stat()
    except OSError:
        return []
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _writes(process, wanted):
            found.append(f"{_name(process)} ({process.name})")
            if len(found) == MOST:
                break
    return found


def _writes(process: Path, wanted: os.stat_result) -> bool:
    return any(os.path.samestat(status, wanted) for status in _open(process))


def _open(process: Path) -> Iterator[os.stat_result]:
    """Give what a process has open for writing."""
    try:
        for descriptor in (process / "fd").iterdir():
            said = (process / "fdinfo" / descriptor.name).read_text()
            flags = next(line for line in said.splitlines() if line.startswith("flags:"))
            if int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY:
                yield descriptor.stat()
    except (OSError, StopIteration):
        return  # it has ended, or is not ours to look into


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
