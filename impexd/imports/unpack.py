"""
The files inside a drop: members of a zip, or the one file itself.

Takes the claimed bytes; gives files that can be opened as streams, each as often as needed.
Nothing is ever written by a member's name.  What the bytes are decides, and the suffix has to
agree with it: an archive named .csv is refused, not guessed at.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.formats import zip as archive
from impexd.model.limits import Limits
from impexd.model.problem import Code

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a drop."""

    name: str
    size: int
    open: Opener
    """Gives a stream from the first byte on; the caller closes it."""


@contextmanager
def files(path: Path, name: str, limits: Limits, zip_names: str) -> Iterator[list[File]]:
    """
    Open a drop for as long as the block lasts.

    Raises `DataError` for a drop that is empty, too large, of another kind than its name
    says, or a broken or dangerous archive.
    """
    with path.open("rb") as source:
        size = path.stat().st_size
        if not size:
            raise DataError(Code.EMPTY_FILE, "the file is empty")
        if size > limits.file:
            raise DataError(Code.TOO_LARGE, f"the file has {size} bytes, {limits.file} are taken")
        zipped = name.lower().endswith(".zip")
        magic = archive.sniff(source.read(8))
        source.seek(0)
        if (magic == "zip") != zipped and not (magic == "zip" and name.lower().endswith(".xlsx")):
            what = "is a zip archive" if magic == "zip" else "is not a zip archive"
            raise DataError(Code.TYPE_MISMATCH, f"the file {what}, its name says otherwise")
        if not zipped:
            yield [File(name, size, lambda: path.open("rb"))]
            return
        members = archive.members(source, limits, zip_names)
        yield [
            File(
                member.name,
                member.size,
                lambda member=member: archive.opened(source, member, limits),  # type: ignore[misc]
            )
            for member in members
        ]
