"""
A picture as a file of one row, whose cells are what its name and its bytes say.

The picture is stored as soon as it is known to be whole, if any column wants it: what becomes
of the row is decided later, and a picture that nothing points at is cleared away in time.
"""

import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.formats import image
from impexd.formats.registry import READERS
from impexd.imports import match
from impexd.imports.pictures.keep import Shelf
from impexd.model.descriptor import Format, Layout
from impexd.model.limits import Limits, MiB
from impexd.model.picture import PICTURE
from impexd.model.problem import Code, about
from impexd.ports import Batch, Opener, Reader, Table

CHUNK = MiB
LINE = 1
"""The line of a picture's only row."""


def reader(layout: Layout, name: str, shelf: Shelf) -> Reader:
    """Give the reader of a file, of rows or of a picture; that one is stored on `shelf`."""
    if layout.format is Format.IMAGE:
        return partial(read, name, shelf)
    return READERS[layout.format]


async def read(
    name: str,
    shelf: Shelf,
    opener: Opener,
    layout: Layout,
    wanted: Sequence[str | int],
    limits: Limits,
    /,
) -> Table:
    """Read a picture; what is wrong with it is a problem of its row."""
    positions = {source: n for n, source in enumerate(wanted)}
    batches = _batches(name, shelf, opener, layout, wanted, limits)
    return Table(tuple(map(str, wanted)), positions, batches)


async def _batches(
    name: str,
    shelf: Shelf,
    opener: Opener,
    layout: Layout,
    wanted: Sequence[str | int],
    limits: Limits,
) -> AsyncGenerator[Batch, None]:
    with opener() as stream:
        data = _whole(stream, limits.picture)
    try:
        found = _looked(name, data, limits)
    except DataError as error:
        yield Batch([], [about(Code(error.code), str(error), line=LINE, cell=name)])
        return
    cells = _cells(name, data, found, shelf)
    named = match.named(layout, name)
    row = [cells[str(one)]() if str(one) in cells else named.get(str(one)) for one in wanted]
    yield Batch([(LINE, row)], [])


def _whole(stream: BinaryIO, most: int) -> bytes:
    """Read a stream to its end, which is where a zip proves its checksum; or just past `most`."""
    data = bytearray()
    while len(data) <= most and (chunk := stream.read(CHUNK)):
        data += chunk
    return bytes(data)


def _looked(name: str, data: bytes, limits: Limits) -> image.Image:
    """Pure: look at a picture; `DataError` if it is not one that we take under this name."""
    if len(data) > limits.picture:
        raise DataError(Code.TOO_LARGE, f"the picture has more than {limits.picture} bytes")
    found = image.look(data)
    if not found.kind.named(match.bare(name)):
        what = f"this is a {found.kind.name} picture, its name says otherwise"
        raise DataError(Code.TYPE_MISMATCH, what)
    if found.width * found.height > limits.pixels:
        what = f"the picture is {found.width} x {found.height}, {limits.pixels} pixels are taken"
        raise DataError(Code.TOO_LARGE, what)
    return found


def _cells(
    name: str, data: bytes, found: image.Image, shelf: Shelf
) -> Mapping[str, Callable[[], str]]:
    """Give the cells that every picture has; asking for the picture itself stores it."""
    sha256 = hashlib.sha256(data).hexdigest()
    return {
        PICTURE: lambda: shelf.keep(data, sha256, found.kind.suffix),
        "@name": lambda: name,
        "@type": lambda: found.kind.type,
        "@width": lambda: str(found.width),
        "@height": lambda: str(found.height),
        "@bytes": lambda: str(len(data)),
        "@sha256": lambda: sha256,
    }
