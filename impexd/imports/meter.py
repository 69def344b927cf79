"""How far the reading of a drop is: rows, and the share of its bytes."""

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from impexd.imports.unpack import File

Told = Callable[[int, float], None]
"""Called now and then with the rows read and the share of the bytes."""


class Meter:
    """Tells how far we are: rows, and the share of all bytes that have been read."""

    def __init__(self, told: Told, total: int) -> None:
        self._told = told
        self._total = max(total, 1)
        self._bytes = 0
        self._rows = 0

    def rows(self, count: int) -> None:
        """Count rows that are done."""
        self._rows += count
        self._told(self._rows, min(self._bytes / self._total, 1.0))

    def counting(self, file: File) -> Callable[[], BinaryIO]:
        """Give an opener of the file whose reads are counted."""
        return lambda: cast(BinaryIO, _Counted(file.open(), self))

    def read(self, count: int) -> None:
        """Count bytes that were read."""
        self._bytes += count


class _Counted(io.RawIOBase):
    """A stream that tells the meter what is read from it."""

    def __init__(self, stream: BinaryIO, meter: Meter) -> None:
        super().__init__()
        self._stream = stream
        self._meter = meter

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._meter.read(len(data))
        return data

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()
