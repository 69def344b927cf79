"""
The records of a zip archive, read strictly (APPNOTE 6.3, sections 4.3 and 4.5).

Takes a binary file that can seek; gives its end record, the entries of its directory, and where
the data of each entry lies.  Two readers that take an archive differently are how things are
smuggled past a check, so whatever could be read in two ways is refused: bytes before the first
or behind the last record, a second end record, headers that contradict the directory.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from impexd.core.errors import DataError
from impexd.model.problem import Code

END, LOCATOR, END64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
ENTRY, LOCAL = b"PK\x01\x02", b"PK\x03\x04"

LONGEST_COMMENT = 0xFFFF
LONGEST_NAME = 1000
"""Bytes of a name with its folders; no name we take comes near."""

STREAMED = 0x0008
"""Flag: sizes and checksum stand behind the data, not before it."""

_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")


@dataclass(frozen=True, slots=True)
class End:
    """What the end record says of the directory."""

    count: int
    size: int
    offset: int
    start: int
    """Where the end records begin, which is where the directory has to end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the directory."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    """Where its local header begins."""
    attributes: int


class Span(NamedTuple):
    """Where an entry lies: its header, its data, and the first byte behind them."""

    offset: int
    data: int
    end: int


def end(file: BinaryIO) -> End:
    """
    Read the one end record, at the very end of the file.

    Raises `DataError`: `empty_file`, `type_mismatch` for what is no zip, `incomplete` for one
    whose end is missing, `inconsistent_archive`.
    """
    base, tail = _tail(file)
    if not tail:
        raise DataError(Code.EMPTY_FILE, "the file is empty")
    found = list(_candidates(tail))
    fitting = [at for at, length in found if at + length == len(tail)]
    if not fitting:
        if any(at + length < len(tail) for at, length in found):
            raise _inconsistent("there are bytes behind its end record")
        if found or _bytes(file, 0, 4) == LOCAL:
            raise DataError(Code.INCOMPLETE, "the archive has no end; was it cut off?")
        raise DataError(Code.TYPE_MISMATCH, "the file is no zip archive")
    if tail.find(END, fitting[0] + 4) >= 0:
        raise _inconsistent("there is a second end record in its comment")
    return _end(file, base + fitting[0])


def whole(file: BinaryIO) -> bool:
    """
    Say whether an archive that begins with the file has ended, whatever follows it.

    While a file is growing this does not hold: an end record counts only if its directory lies
    right before it, counted from the first byte of the file.
    """
    base, tail = _tail(file)
    for at, length in _candidates(tail):
        if at + length <= len(tail):
            try:
                _end(file, base + at)
            except DataError:
                continue
            return True
    return False


def entries(file: BinaryIO, end: End) -> Iterator[Entry]:
    """Read the directory; it must have as many entries and bytes as the end record says."""
    at = end.offset
    for _ in range(end.count):
        if at + _ENTRY.size > end.start:
            raise _inconsistent("its directory has fewer entries than it says")
        entry, at = _entry(file, at)
        yield entry
    if at != end.start:
        raise _inconsistent("its directory is longer than its entries")


def spans(file: BinaryIO, entries: list[Entry], end: End) -> list[Span]:
    """
    Find where each entry lies, in the order given.

    Refuses headers that contradict the directory, and entries that share bytes: a bomb of a few
    kilobytes unpacks to gigabytes when its members quote each other (CVE-2024-0450).
    """
    found = [_span(file, entry) for entry in entries]
    reached = 0
    for span in sorted(found):
        if span.offset < reached:
            raise DataError(Code.OVERLAPPING_MEMBERS, "members of the archive share bytes")
        if reached == 0 and span.offset:
            raise _inconsistent("there are bytes before its first member")
        reached = span.end
    if reached > end.offset:
        raise DataError(Code.OVERLAPPING_MEMBERS, "a member reaches into the directory")
    return found


def _inconsistent(what: str) -> DataError:
    return DataError(Code.INCONSISTENT_ARCHIVE, f"the archive contradicts itself: {what}")


def _tail(file: BinaryIO) -> tuple[int, bytes]:
    size = file.seek(0, 2)
    base = max(size - _END.size - LONGEST_COMMENT, 0)
    return base, _bytes(file, base, size - base)


def _bytes(file: BinaryIO, offset: int, count: int) -> bytes:
    """Read as many bytes as there are, at most `count`."""
    file.seek(offset)
    data = b""
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data


def _record(file: BinaryIO, offset: int, form: struct.Struct, mark: bytes) -> tuple[int, ...]:
    data = _bytes(file, offset, form.size)
    if len(data) < form.size or not data.startswith(mark):
        raise _inconsistent("a record is not where another one says")
    return tuple(form.unpack(data)[1:])


def _candidates(tail: bytes) -> Iterator[tuple[int, int]]:
    """Pure: positions of what may be end records, each with its length."""
    at = tail.find(END)
    while at >= 0:
        head = tail[at : at + _END.size]
        yield at, _END.size + (_END.unpack(head)[-1] if len(head) == _END.size else 0)
        at = tail.find(END, at + 4)


def _end(file: BinaryIO, at: int) -> End:
    disk, first, here, count, size, offset, _ = _record(file, at, _END, END)
    start = at
    if _bytes(file, at - _LOCATOR.size, 4) == LOCATOR if at >= _LOCATOR.size else False:
        wide, start = _end64(file, at - _LOCATOR.size)
        narrow = (disk, first, here, count, size, offset)
        for short, long, most in zip(narrow, wide, (0xFFFF,) * 4 + (0xFFFFFFFF,) * 2, strict=True):
            if short not in (long, most):
                raise _inconsistent("its two end records differ")
        disk, first, here, count, size, offset = wide
    if (disk, first, here) != (0, 0, count):
        raise _inconsistent("it is one part of several")
    if offset + size != start:
        raise _inconsistent("its directory is not where its end record says")
    return End(count, size, offset, start)


def _end64(file: BinaryIO, locator: int) -> tuple[tuple[int, ...], int]:
    disk, at, disks = _record(file, locator, _LOCATOR, LOCATOR)
    length, _, _, *wide = _record(file, at, _END64, END64)
    if disk or disks > 1 or at + 12 + length != locator:
        raise _inconsistent("its end record is not where its locator says")
    return tuple(wide), at


def _entry(file: BinaryIO, at: int) -> tuple[Entry, int]:
    fields = _record(file, at, _ENTRY, ENTRY)
    (
        _,
        _,
        flags,
        method,
        _,
        _,
        crc,
        packed,
        size,
        name,
        extra,
        comment,
        disk,
        _,
        attributes,
        offset,
    ) = fields
    if name > LONGEST_NAME:
        what = f"the name of a member has {name} bytes"
        raise DataError(Code.UNSAFE_MEMBER_NAME, what)
    text = _bytes(file, at + _ENTRY.size, name + extra)
    if len(text) < name + extra:
        raise _inconsistent("its directory is cut off")
    size, packed, offset, disk = _widened((size, packed, offset, disk), text[name:])
    if disk:
        raise _inconsistent("it is one part of several")
    entry = Entry(text[:name], flags, method, crc, packed, size, offset, attributes)
    return entry, at + _ENTRY.size + name + extra + comment


def _span(file: BinaryIO, entry: Entry) -> Span:
    fields = _record(file, entry.offset, _LOCAL, LOCAL)
    _, flags, method, _, _, crc, packed, size, name, extra = fields
    if (flags, method, name) != (entry.flags, entry.method, len(entry.name)):
        raise _inconsistent("the header of a member and the directory differ")
    text = _bytes(file, entry.offset + _LOCAL.size, name + extra)
    if text[:name] != entry.name or len(text) < name + extra:
        raise _inconsistent("a member has two names")
    if not flags & STREAMED:
        size, packed, _, _ = _widened((size, packed, 0, 0), text[name:])
        if (crc, packed, size) != (entry.crc, entry.packed, entry.size):
            raise _inconsistent("the header of a member and the directory differ")
    data = entry.offset + _LOCAL.size + name + extra
    return Span(entry.offset, data, data + entry.packed)


def _widened(narrow: tuple[int, int, int, int], extra: bytes) -> tuple[int, int, int, int]:
    """Pure: take size, packed size, offset and disk from the zip64 field where they are too big."""
    most = (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF)
    field = _field64(extra)
    values = []
    for value, limit, form in zip(narrow, most, ("<Q", "<Q", "<Q", "<I"), strict=True):
        if value == limit and field is not None:
            width = struct.calcsize(form)
            if len(field) < width:
                raise _inconsistent("a zip64 field is cut off")
            (value,), field = struct.unpack(form, field[:width]), field[width:]
        values.append(value)
    return values[0], values[1], values[2], values[3]


def _field64(extra: bytes) -> bytes | None:
    """Pure: the zip64 field among the extra fields; None without one."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<2H", extra[:4])
        if kind == 1:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return None
