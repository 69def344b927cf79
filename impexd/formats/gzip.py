"""
A file packed by gzip, as the bytes it was made of.

Takes an opener of packed bytes; gives one of unpacked bytes, so that `products.csv.gz` is read as
`products.csv`.  Nothing is unpacked beforehand: size, ratio and checksum are checked while it is
read, so an error may come with the last read.  Several gzip members one after the other are one
file, as RFC 1952 has it; anything else behind a member is refused.
"""

import io
import zlib
from typing import BinaryIO, cast

from impexd.core.errors import DataError
from impexd.model.limits import KiB, Limits, MiB
from impexd.model.problem import Code
from impexd.ports import Opener

PACKED = 64 * KiB
BUFFER = 128 * KiB
FREE_RATIO = 10 * MiB
"""Up to this size a file may be packed as well as it likes."""

_GZIP = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"


def unpacked(opener: Opener, limits: Limits) -> Opener:
    """
    Give an opener of the unpacked bytes.

    Any read raises `DataError`: `inconsistent_archive` if it is no gzip, or cut off, or more than
    gzip; `bad_data`, `bad_crc`, and `too_large` beyond what `limits` say of size and ratio.
    """

    def opened() -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Stream(opener(), limits), BUFFER))

    return opened


class _Stream(io.RawIOBase):
    """Unpacks a stream."""

    def __init__(self, packed: BinaryIO, limits: Limits) -> None:
        super().__init__()
        self._packed = packed
        self._limits = limits
        self._inflate = zlib.decompressobj(_GZIP)
        self._rest = b""
        """Packed bytes that were read and not unpacked yet."""
        self._taken = self._given = 0
        self._begun = False
        """Has any byte of the member at hand been read?"""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next; 0 at the end, once checksum and length are right."""
        while True:
            if self._inflate.eof:
                self._rest = self._inflate.unused_data
                self._inflate = zlib.decompressobj(_GZIP)
                self._begun = False
            if not self._rest:
                self._rest = self._packed.read(PACKED)
                self._taken += len(self._rest)
                if not self._rest:
                    if self._begun or not self._taken:
                        raise _wrong("it is cut off" if self._taken else "it is empty")
                    return 0
            if data := self._inflated(len(buffer)):
                self._given += len(data)
                self._measure()
                buffer[: len(data)] = data
                return len(data)

    def close(self) -> None:
        """Close the packed stream too."""
        self._packed.close()
        super().close()

    def _inflated(self, most: int) -> bytes:
        packed, self._rest = self._rest, b""
        if not self._begun and not _MAGIC.startswith(packed[:2]):
            first = self._taken == len(packed)
            raise _wrong("it does not begin as one" if first else "there is more behind its end")
        self._begun = True
        try:
            data = self._inflate.decompress(packed, most)
        except zlib.error as error:
            told = str(error)
            if "incorrect data check" in told or "incorrect length check" in told:
                what = "the checksum of the packed file is wrong"
                raise DataError(Code.BAD_CRC, what) from error
            if "header" in told or "unknown" in told:
                raise _wrong("its header is odd") from error
            raise DataError(Code.BAD_DATA, "the packed file cannot be unpacked") from error
        self._rest = self._inflate.unconsumed_tail
        return data

    def _measure(self) -> None:
        limits = self._limits
        if self._given > limits.unpacked:
            what = f"the packed file unpacks to more than {limits.unpacked} bytes"
            raise DataError(Code.TOO_LARGE, what)
        if self._given > FREE_RATIO and self._given > limits.ratio * self._taken:
            what = f"the packed file unpacks to more than {limits.ratio} times its size"
            raise DataError(Code.TOO_LARGE, what)


def _wrong(what: str) -> DataError:
    return DataError(Code.INCONSISTENT_ARCHIVE, f"this is no file packed by gzip; {what}")
