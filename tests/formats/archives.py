"""Zip archives built by hand, so that every field can lie."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

ROWS = b"code,name\n" + b"".join(b"%d,Product %d\n" % (n, n) for n in range(50))


@dataclass
class Part:
    """A member; `local` says where its own header differs from the directory."""

    name: bytes | str = "a.csv"
    data: bytes = ROWS
    method: int = 8
    flags: int = 0x800
    attributes: int = 0o100644 << 16
    crc: int | None = None
    size: int | None = None
    raw: bytes | None = None
    local: dict[str, Any] = field(default_factory=dict)
    behind: bytes = b""
    wide: bool = False
    offset: int | None = None

    def fields(self) -> dict[str, Any]:
        """What the directory says."""
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = self.data
        if self.method == 8:
            packed = deflate.compress(self.data) + deflate.flush()
        raw = packed if self.raw is None else self.raw
        return {
            "name": self.name.encode() if isinstance(self.name, str) else self.name,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.data) if self.crc is None else self.crc,
            "packed": len(raw),
            "size": len(self.data) if self.size is None else self.size,
            "raw": raw,
        }


def _extra(sizes: list[int], wide: bool) -> tuple[bytes, list[int]]:
    if not wide:
        return b"", sizes
    field = struct.pack(f"<2H{len(sizes)}Q", 1, 8 * len(sizes), *sizes)
    return field, [0xFFFFFFFF] * len(sizes)


def _local(part: Part) -> bytes:
    one = {**part.fields(), **part.local}
    extra, sizes = _extra([one["size"], one["packed"]], part.wide)
    head = struct.pack(
        "<4s5H3I2H",
        b"PK\3\4", 45, one["flags"], one["method"], 0, 0,
        one["crc"], sizes[1], sizes[0], len(one["name"]), len(extra),
    )  # fmt: skip
    return bytes(head + one["name"] + extra + one["raw"] + part.behind)


def _central(part: Part, offset: int) -> bytes:
    one = part.fields()
    extra, sizes = _extra([one["size"], one["packed"], offset], part.wide)
    head = struct.pack(
        "<4s6H3I5H2I",
        b"PK\1\2", 0x0314, 45, one["flags"], one["method"], 0, 0,
        one["crc"], sizes[1], sizes[0], len(one["name"]), len(extra), 0, 0, 0,
        part.attributes, sizes[2],
    )  # fmt: skip
    return bytes(head + one["name"] + extra)


def end(count: int, size: int, offset: int, comment: bytes = b"", **says: int) -> bytes:
    """An end record."""
    disk, here = says.get("disk", 0), says.get("here", count)
    length = says.get("length", len(comment))
    return struct.pack("<4s4H2IH", b"PK\5\6", disk, 0, here, count, size, offset, length) + comment


def end64(count: int, size: int, offset: int, **says: int) -> bytes:
    """A zip64 end record with its locator, and an end record that refers to it."""
    at = says.get("at", offset + size)
    return (
        struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
        + struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
        + end(says.get("short", 0xFFFF), 0xFFFFFFFF, 0xFFFFFFFF)
    )


def archive(
    *parts: Part,
    prefix: bytes = b"",
    comment: bytes = b"",
    tail: bytes = b"",
    wide: bool = False,
    **says: int,
) -> bytes:
    """An archive; `says` are lies of its end record."""
    body, directory = prefix, b""
    for part in parts:
        offset = len(body) if part.offset is None else part.offset
        body += _local(part)
        directory += _central(part, offset)
    size, count = says.pop("size", len(directory)), says.pop("count", len(parts))
    offset = says.pop("offset", len(body))
    last = end64(count, size, offset, **says) if wide else end(count, size, offset, comment, **says)
    return body + directory + last + tail
