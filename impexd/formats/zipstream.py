"""
The bytes of one member of a zip archive, counted and checked while they are read.

Nothing the archive says of a member is believed: reading stops one byte behind the size it
declares, and its checksum is compared at the end.  So an error may come with the last read, after
much good data; whoever reads has to be able to take everything back.
"""

import io
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.limits import KiB
from impexd.model.problem import Code

PACKED = 64 * KiB
"""Packed bytes taken from the archive at once."""

STORED, DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    name: str
    size: int
    """Bytes it says it unpacks to."""
    packed: int
    method: int
    crc: int
    start: int
    """Where its packed bytes begin."""


class Stream(io.RawIOBase):
    """Unpacks a member; several may read from one file in turn, each keeps its own place."""

    def __init__(self, file: BinaryIO, member: Member) -> None:
        super().__init__()
        self._file = file
        self._member = member
        self._at = member.start
        self._left = member.packed
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
        self._given = 0
        self._crc = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next; 0 at the end, once size and checksum are right."""
        data = self._unpacked(min(len(buffer), self._member.size - self._given + 1))
        self._given += len(data)
        self._crc = zlib.crc32(data, self._crc)
        if self._given > self._member.size:
            raise self._wrong(Code.INCONSISTENT_ARCHIVE, "unpacks to more than it says")
        if not data:
            self._check()
        buffer[: len(data)] = data
        return len(data)

    def _packed(self, most: int) -> bytes:
        self._file.seek(self._at)
        data = self._file.read(min(most, self._left))
        if not data and self._left:
            raise self._wrong(Code.BAD_DATA, "is cut off")
        self._at += len(data)
        self._left -= len(data)
        return data

    def _unpacked(self, most: int) -> bytes:
        if self._inflate is None:
            return self._packed(most)
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._packed(PACKED)
            try:
                data = self._inflate.decompress(packed, most)
            except zlib.error as error:
                raise self._wrong(Code.BAD_DATA, "cannot be unpacked") from error
            if data:
                return data
            if not packed and not self._inflate.eof:
                raise self._wrong(Code.BAD_DATA, "ends in the middle of its data")
        return b""

    def _check(self) -> None:
        surplus = self._left or (self._inflate and self._inflate.unused_data)
        if surplus or self._given != self._member.size:
            raise self._wrong(Code.INCONSISTENT_ARCHIVE, "has another size than it says")
        if self._crc != self._member.crc:
            raise self._wrong(Code.BAD_CRC, "does not have the checksum it says")

    def _wrong(self, code: Code, what: str) -> DataError:
        return DataError(code, f"the member {shown(self._member.name, limit=60)} {what}")
