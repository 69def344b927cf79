"""
What a picture is: its kind, how many pixels it has, and whether all of it is there.

Takes the bytes of one file.  The parts it is made of are walked over from the first to the end
mark, by the lengths they say they have; nothing is ever decoded, so a picture of a million
pixels a side costs what its bytes cost.  Bytes behind the end mark are nobody's business.
"""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from impexd.core.errors import DataError
from impexd.model.problem import Code

MOST_PARTS = 100_000
"""Parts that a picture may be made of; real ones have some hundreds."""

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of pictures."""

    name: str
    type: str
    """As HTTP names it."""
    suffixes: tuple[str, ...]
    """How its files end; the first is the one we use."""
    walk: Callable[[bytes], Size]
    """Read it to its end; raises `DataError`."""

    @property
    def suffix(self) -> str:
        """The suffix of stored pictures, without its dot."""
        return self.suffixes[0][1:]

    def named(self, name: str) -> bool:
        """Pure: does a file name end as this kind's do?"""
        return name.lower().endswith(self.suffixes)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that is whole."""

    kind: Kind
    width: int
    height: int


def look(data: bytes) -> Image:
    """
    Pure: say what a picture is.

    Raises `DataError`: `empty_file`, `type_mismatch` for what is no picture that we take,
    `incomplete` for one that is cut off, `bad_data`.
    """
    if not data:
        raise DataError(Code.EMPTY_FILE, "the file is empty")
    kind = _sniffed(data)
    width, height = kind.walk(data)
    if not width or not height:
        raise DataError(Code.BAD_DATA, f"the {kind.name} picture has no pixels")
    return Image(kind, width, height)


def _sniffed(data: bytes) -> Kind:
    for head, kind in _HEADS:
        if head.match(data):
            return kind
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        what = "the file is text with marks, like SVG or a web page, and no picture that is taken"
    else:
        what = "the file is no picture that is taken"
    raise DataError(Code.TYPE_MISMATCH, f"{what}: PNG, JPEG, GIF and WebP are")


def _cut_off() -> NoReturn:
    raise DataError(Code.INCOMPLETE, "the picture has no end; was it cut off?")


def _bad(what: str) -> NoReturn:
    raise DataError(Code.BAD_DATA, what)


def _int(data: bytes, at: int, form: str) -> int:
    try:
        (number,) = struct.unpack_from(form, data, at)
    except struct.error:
        _cut_off()
    return int(number)


def _png(data: bytes) -> Size:
    """Chunks: length, kind, body, checksum; IHDR first, IEND last."""
    at, size, drawn = 8, (0, 0), False
    view = memoryview(data)
    for _ in range(MOST_PARTS):
        length, kind = _int(data, at, ">I"), data[at + 4 : at + 8]
        end = at + 8 + length
        if _int(data, end, ">I") != zlib.crc32(view[at + 4 : end]):
            _bad("a part of the PNG picture does not have the checksum it says")
        if (kind == b"IHDR") != (at == 8) or (kind == b"IHDR" and length != 13):
            _bad("the PNG picture does not begin with its size")
        if kind == b"IHDR":
            size = _int(data, at + 8, ">I"), _int(data, at + 12, ">I")
        if kind == b"IEND":
            return size if drawn else _bad("there is nothing in the PNG picture")
        drawn = drawn or kind == b"IDAT"
        at = end + 4
    _bad("the PNG picture is made of too many parts")


_EOI, _SOS, _SOI = 0xD9, 0xDA, 0xD8
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Marks without a body."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Marks whose body says the size."""
_MARK = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the drawing itself: there, an FF is followed by 00, or by a mark to go on after."""
_FILLED = re.compile(rb"\xff+")


def _jpeg(data: bytes) -> Size:
    """Segments: FF, mark, length, body; the drawing follows SOS without a length; EOI is last."""
    at, size, drawn = 2, (0, 0), False
    for _ in range(MOST_PARTS):
        if at >= len(data):
            _cut_off()
        fill = _FILLED.match(data, at) or _bad("there is no mark where a part of the JPEG ends")
        mark = _int(data, fill.end(), "B")
        at = fill.end() + 1
        if mark == _EOI:
            return size if drawn else _bad("there is nothing in the JPEG picture")
        if mark in _ALONE:
            continue
        length = _int(data, at, ">H")
        if length < 2 or mark in (0, _SOI):
            _bad("the JPEG picture has a part that cannot be")
        if mark in _FRAMES and not all(size):
            size = _int(data, at + 5, ">H"), _int(data, at + 3, ">H")
        at += length
        if mark == _SOS:
            found = _MARK.search(data, at) or _cut_off()
            at, drawn = found.start(), True
    _bad("the JPEG picture is made of too many parts")


def _gif(data: bytes) -> Size:
    """A screen, then blocks (21: more about it, 2C: a picture); 3B is last."""
    size = _int(data, 6, "<H"), _int(data, 8, "<H")
    at, drawn = 13 + _colours(_int(data, 10, "B")), False
    for _ in range(MOST_PARTS):
        mark = _int(data, at, "B")
        if mark == 0x3B:
            return size if drawn else _bad("there is nothing in the GIF picture")
        if mark == 0x2C:
            at, drawn = _blocks(data, at + 11 + _colours(_int(data, at + 9, "B"))), True
        elif mark == 0x21:
            at = _blocks(data, at + 2)
        elif mark == 0:  # a stray end, which some programs write, and all others pass over
            at += 1
        else:
            _bad("the GIF picture has a part that cannot be")
    _bad("the GIF picture is made of too many parts")


def _colours(flags: int) -> int:
    """Pure: the bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: bytes, at: int) -> int:
    """Pure: pass over blocks of at most 255 bytes; gives where the empty one behind them ends."""
    try:
        while length := data[at]:
            at += length + 1
    except IndexError:
        _cut_off()
    return at + 1


def _webp(data: bytes) -> Size:
    """Chunks: kind, length, body, to an even place; all in one that says how long it is."""
    end = 8 + _int(data, 4, "<I")
    if end > len(data):
        _cut_off()
    at, size, drawn = 12, (0, 0), False
    for _ in range(MOST_PARTS):
        if at + 8 > end:
            return size if drawn else _bad("there is nothing in the WebP picture")
        kind, length = data[at : at + 4], _int(data, at + 4, "<I")
        if at + 8 + length > end:
            _bad("the WebP picture has a part that is longer than the whole")
        body = data[at + 8 : at + 8 + min(length, 16)]
        size = size if all(size) else _webp_size(kind, body)
        drawn = drawn or kind in (b"VP8 ", b"VP8L", b"ANMF")
        at += 8 + length + length % 2
    _bad("the WebP picture is made of too many parts")


def _webp_size(kind: bytes, body: bytes) -> Size:
    """Pure: the size, where a chunk says it."""
    wide = int.from_bytes(body, "little")
    if kind == b"VP8X" and len(body) >= 10:
        return (wide >> 32 & 0xFFFFFF) + 1, (wide >> 56 & 0xFFFFFF) + 1
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        return (wide >> 8 & 0x3FFF) + 1, (wide >> 22 & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        return wide >> 48 & 0x3FFF, wide >> 64 & 0x3FFF
    return 0, 0


_HEADS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), Kind("PNG", "image/png", (".png",), _png)),
    (
        re.compile(rb"\xff\xd8\xff"),
        Kind("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), _jpeg),
    ),
    (re.compile(rb"GIF8[79]a"), Kind("GIF", "image/gif", (".gif",), _gif)),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), Kind("WebP", "image/webp", (".webp",), _webp)),
)
"""How each kind begins."""
