"""
Text from bytes: as the file says itself, as the descriptor says, or strict UTF-8; never a guess.

Takes an opener; gives text in chunks.  A byte order mark decides, else the declared encoding,
else UTF-8.  What is not UTF-8 is read in the `fallback` of the descriptor if there is one: for
that, the file is proven first, whole, because a wrong byte may come late, and rows that were
read as one encoding must not stand beside rows read as another.
"""

import codecs
from codecs import IncrementalDecoder
from collections.abc import Iterator
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.model.limits import KiB
from impexd.model.problem import Code
from impexd.ports import Opener

CHUNK = 128 * KiB
"""Bytes of one read: small enough for the cache, measured."""

HEAD = 4 * KiB
"""Bytes looked at to tell what kind of text this is."""

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that one's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

HINT = "declare `encoding` in the descriptor's [file], or a `fallback` for files that are not UTF-8"


def texts(opener: Opener, *, encoding: str | None, fallback: str | None) -> Iterator[str]:
    """
    Decode a file from its first byte to its last; no chunk ends between CR and LF.

    Raises `DataError`: `empty_file`, or `encoding` with the line of the first wrong byte.
    """
    with opener() as stream:
        head = _head(stream)
        if not head:
            raise DataError(Code.EMPTY_FILE, "the file is empty")
        name, mark = _marked(head)
        if not name:
            name = encoding or ("utf-8" if fallback is None or _is_utf8(opener) else fallback)
        if len(head) == mark:
            raise DataError(Code.EMPTY_FILE, "the file is empty but for a byte order mark")
        _refuse_nuls(head[mark:], name)
        yield from _decoded(stream, head[mark:], codecs.getincrementaldecoder(name)("strict"))


def lines(text: str) -> int:
    """Pure: count the ends of lines, LF, CR LF or CR; nothing else ends a line."""
    found = text.count("\n")
    if "\r" in text:
        found += text.count("\r") - text.count("\r\n")
    return found


def _head(stream: BinaryIO) -> bytes:
    """Read at least the bytes that tell the encoding; a stream may give them in drips."""
    head = b""
    while len(head) < HEAD and (data := stream.read(CHUNK)):
        head += data
    return head


def _marked(head: bytes) -> tuple[str, int]:
    """Pure: the encoding a byte order mark names, and its length; "" and 0 without one."""
    for mark, name in MARKS:
        if head.startswith(mark):
            if name.startswith("utf-32"):
                raise DataError(Code.ENCODING, "the file is UTF-32, which is not taken", line=1)
            return name, len(mark)
    return "", 0


def _is_utf8(opener: Opener) -> bool:
    """Decode the whole file once, to know."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    with opener() as stream:
        try:
            while data := stream.read(CHUNK):
                decoder.decode(data)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _refuse_nuls(head: bytes, name: str) -> None:
    """
    Refuse UTF-16 and UTF-32 without a mark: NULs are valid UTF-8, and would go through as text.

    NULs at the end of the head do not count: they are what a crash leaves of an upload, and are
    told from what they are when they are read.
    """
    if codecs.lookup(name).name.startswith(("utf-16", "utf-32")):
        return
    body = head[:HEAD].rstrip(b"\0")
    if body.count(0) * 5 > len(body):
        what = "the file is full of NUL bytes: UTF-16 or UTF-32 without a byte order mark?"
        raise DataError(Code.ENCODING, what, line=1, hint=HINT)


def _decoded(stream: BinaryIO, data: bytes, decoder: IncrementalDecoder) -> Iterator[str]:
    line, held = 1, ""
    while True:
        try:
            text = held + decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise _undecodable(error, line, held) from error
        held = "\r" if data and text.endswith("\r") else ""  # an LF may follow in the next chunk
        text = text[: len(text) - len(held)]
        if text:
            yield text
            line += lines(text)
        if not data:
            return
        data = stream.read(CHUNK)


def _undecodable(error: UnicodeDecodeError, line: int, held: str) -> DataError:
    before = held + error.object[: error.start].decode(error.encoding, "ignore")
    what = f"byte 0x{error.object[error.start]:02x} is not {error.encoding}: {error.reason}"
    return DataError(Code.ENCODING, what, line=line + lines(before), hint=HINT)
