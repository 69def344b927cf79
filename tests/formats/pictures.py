"""Pictures made by hand: whole in their frame, and different for each `seed`."""

import struct
import zlib


def png(width: int = 2, height: int = 2, *, seed: int = 0) -> bytes:
    """A grey PNG that any program shows."""
    lines = b"".join(b"\0" + bytes((seed + y) % 256 for _ in range(width)) for y in range(height))
    return png_of(width, height, zlib.compress(lines) if width * height < 10_000 else b"x")


def png_of(width: int, height: int, drawn: bytes) -> bytes:
    """A PNG that says it has this size, whatever is drawn."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", drawn), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(width: int = 2, height: int = 3, *, seed: int = 0, thumbnail: bytes = b"") -> bytes:
    """A JPEG in two scans, with a restart mark and a stuffed FF; `thumbnail` lies in its head."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\xff\xd0" + bytes([seed])
    parts = (
        segment(0xE1, b"Exif\0\0" + thumbnail),
        b"\xff\xff" + segment(0xC2, frame)[1:],  # marks may be filled up with FF
        segment(0xC4, bytes(17)),
        scan,
        segment(0xC4, bytes(17)),
        scan,
    )
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def segment(mark: int, body: bytes) -> bytes:
    """One part of a JPEG."""
    return bytes((0xFF, mark)) + struct.pack(">H", len(body) + 2) + body


def gif(width: int = 4, height: int = 5, *, seed: int = 0) -> bytes:
    """A GIF of two pictures, with a comment, a table of colours and one of its own."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    said = b"\x21\xfe" + b"\x03" + bytes([seed, seed, seed]) + b"\0"
    first = b"\x2c" + bytes(8) + b"\x00" + b"\x02" + b"\x02\x4c\x01\0"
    second = b"\x2c" + bytes(8) + b"\x81" + bytes(12) + b"\x02" + b"\x02\x4c\x01\0"
    return head + said + first + b"\0" + second + b"\x3b"


def webp(width: int = 6, height: int = 7, *, seed: int = 0, kind: str = "VP8L") -> bytes:
    """A WebP: `VP8L` without loss, `VP8 ` with, or `VP8X` with both a size and a picture."""
    wide, high = width - 1, height - 1
    lossless = b"\x2f" + struct.pack("<I", wide | high << 14) + bytes([seed])
    lossy = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", min(width, 16_383), height) + bytes([seed])
    extended = bytes(4) + wide.to_bytes(3, "little") + high.to_bytes(3, "little")
    parts = {
        "VP8L": _riff(b"VP8L", lossless),
        "VP8 ": _riff(b"VP8 ", lossy),
        "VP8X": _riff(b"VP8X", extended) + _riff(b"ALPH", b"\0") + _riff(b"VP8 ", lossy),
    }
    body = b"WEBP" + parts[kind]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
