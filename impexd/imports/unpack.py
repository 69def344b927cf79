"""
The files inside a drop: members of a zip, or the one file itself, each perhaps packed by gzip.

Takes the claimed bytes; gives files that can be opened as streams, each as often as needed.
Nothing is ever written by a member's name.  What the bytes are decides, and the suffix has to
agree with it: an archive named .csv is refused, not guessed at.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.formats import gzip
from impexd.formats import magic as magics
from impexd.formats import zip as archive
from impexd.formats.magic import Kind
from impexd.model.limits import Limits
from impexd.model.problem import Code

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a drop."""

    name: str
    """As it was sent; a packed file keeps its `.gz`."""
    size: int
    """Bytes, about: what a packed file unpacks to is not known before it is."""
    open: Opener
    """Gives a stream from the first byte on, unpacked; the caller closes it."""


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
        magic = magics.sniff(source.read(8))
        _agree(name, magic)
        if magic is Kind.GZIP:
            yield [File(name, _unpacked_size(source, size), gzip.unpacked(_opener(path), limits))]
            return
        if magic is not Kind.ZIP or name.lower().endswith(SHEETS):
            yield [File(name, size, _opener(path))]
            return
        yield [_member(source, one, limits) for one in archive.members(source, limits, zip_names)]


SHEETS = archive.PACKED_SHEETS
_SUFFIXES: Mapping[Kind, tuple[str, ...]] = {Kind.ZIP: (".zip", *SHEETS), Kind.GZIP: (".gz",)}


def _agree(name: str, magic: Kind) -> None:
    """Refuse a file that is packed in another way than its name says."""
    for kind, suffixes in _SUFFIXES.items():
        says = name.lower().endswith(suffixes)
        sheet = says and name.lower().endswith(SHEETS)  # what is wrong with it, its reader says
        if says != (magic is kind) and not sheet:
            what = f"is packed by {kind}" if magic is kind else f"is not packed by {kind}"
            raise DataError(Code.TYPE_MISMATCH, f"the file {what}, its name says otherwise")


def _opener(path: Path) -> Opener:
    return lambda: path.open("rb")


def _member(source: BinaryIO, member: archive.Member, limits: Limits) -> File:
    def opened() -> BinaryIO:
        return archive.opened(source, member, limits)

    packed = member.name.lower().endswith(".gz")
    return File(member.name, member.size, gzip.unpacked(opened, limits) if packed else opened)


def _unpacked_size(source: BinaryIO, size: int) -> int:
    """Read what a file packed by gzip says it unpacks to; only good for telling how far we are."""
    source.seek(max(size - 4, 0))
    return max(int.from_bytes(source.read(4), "little"), size)
