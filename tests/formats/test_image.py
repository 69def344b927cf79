"""Pictures are told from their bytes; half ones, and what only claims to be one, are refused."""

import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impexd.core.errors import DataError
from impexd.formats import image
from impexd.model.problem import Code
from tests.formats.pictures import chunk, gif, jpeg, png, png_of, segment, webp

WHOLE = {
    "png": (png(2, 3), "image/png", 2, 3),
    "jpeg": (jpeg(640, 480), "image/jpeg", 640, 480),
    "jpeg with a thumbnail": (jpeg(9, 8, thumbnail=jpeg(1, 1)), "image/jpeg", 9, 8),
    "gif": (gif(4, 5), "image/gif", 4, 5),
    "webp without loss": (webp(1, 16_384), "image/webp", 1, 16_384),
    "webp with loss": (webp(16_383, 7, kind="VP8 "), "image/webp", 16_383, 7),
    "webp with more": (webp(70_000, 2, kind="VP8X"), "image/webp", 70_000, 2),
}


def refused(data: bytes) -> str:
    """Hold it that this is refused, and give the code."""
    with pytest.raises(DataError) as caught:
        image.look(data)
    return caught.value.code


@pytest.mark.parametrize(("data", "kind", "width", "height"), WHOLE.values(), ids=WHOLE)
def test_a_whole_picture_is_known_by_its_bytes(
    data: bytes, kind: str, width: int, height: int
) -> None:
    found = image.look(data)
    assert (found.kind.type, found.width, found.height) == (kind, width, height)


@pytest.mark.parametrize("data", [one[0] for one in WHOLE.values()], ids=WHOLE)
def test_a_picture_that_lacks_its_last_bytes_is_refused_wherever_it_ends(data: bytes) -> None:
    codes = [refused(data[:length]) for length in range(len(data))]
    known = next(n for n, code in enumerate(codes) if code == Code.INCOMPLETE)
    assert known <= 12
    assert codes[0] == Code.EMPTY_FILE
    assert set(codes[1:known]) <= {Code.TYPE_MISMATCH}
    assert set(codes[known:]) == {Code.INCOMPLETE}


@pytest.mark.parametrize("data", [one[0] for one in WHOLE.values()], ids=WHOLE)
def test_bytes_behind_the_end_are_nobodys_business(data: bytes) -> None:
    assert image.look(data + b"PK\x03\x04 or anything") == image.look(data)


NONE = {
    "svg": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "svg with a mark": b"\xef\xbb\xbf\n <svg/>",
    "a web page": b"<!doctype html><img src=x>",
    "bmp": b"BM" + bytes(60),
    "tiff": b"II*\0" + bytes(60),
    "avif": b"\0\0\0\x1cftypavif" + bytes(60),
    "a sound in a RIFF": b"RIFF" + struct.pack("<I", 40) + b"WAVEfmt " + bytes(40),
    "pdf": b"%PDF-1.7\n",
    "text": b"guid;name\n1;x\n",
    "zip": b"PK\x03\x04" + bytes(60),
    "a picture behind something": b"\n" + png(),
}


@pytest.mark.parametrize("data", NONE.values(), ids=NONE)
def test_what_is_no_picture_that_is_taken_is_refused(data: bytes) -> None:
    assert refused(data) == Code.TYPE_MISMATCH


BROKEN = {
    "a png with a wrong checksum": png().replace(b"IDAT", b"IDAU"),
    "a png without a size": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"x") + chunk(b"IEND", b""),
    "a png with two sizes": png()[:33] + png()[8:],
    "a png with nothing in it": png()[:33] + chunk(b"IEND", b""),
    "a png of no width": png_of(0, 5, b"x"),
    "a jpeg without a size": b"\xff\xd8" + segment(0xDA, b"\x00") + b"x\xff\xd9",
    "a jpeg with nothing in it": b"\xff\xd8\xff\xd9",
    "a jpeg with a part of no length": b"\xff\xd8\xff\xe0\x00\x01" + bytes(50),
    "a jpeg with text between its parts": b"\xff\xd8" + segment(0xE0, b"JFIF") + b"hello",
    "a jpeg in a jpeg": b"\xff\xd8" + jpeg(),
    "a gif with nothing in it": gif()[:19] + b"\x3b",
    "a gif with a block of its own": gif()[:19] + b"\x7f" + bytes(50),
    "a webp with nothing in it": b"RIFF" + struct.pack("<I", 4) + b"WEBP",
    "a webp with a part that is longer than it": webp().replace(b"VP8L\x06", b"VP8L\x60"),
    "a webp of no kind": webp().replace(b"VP8L", b"VP9 "),
    "a webp that does not begin with a picture": webp(kind="VP8 ").replace(b"\x9d\x01\x2a", b"abc"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_picture_that_contradicts_itself_is_refused(data: bytes) -> None:
    assert refused(data) == Code.BAD_DATA


@given(
    base=st.sampled_from([one[0] for one in WHOLE.values()]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 10_000),
)
def test_spoiled_pictures_are_refused_or_have_a_size_and_never_crash(
    base: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(base)
    for at, byte in changes:
        data[at % len(data)] = byte
    try:
        found = image.look(bytes(data[: cut or None]))
    except DataError as error:
        assert Code(error.code)
    else:
        assert found.width > 0
        assert found.height > 0


@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    assert refused(b"\xff\xd8\xff" + data.replace(b"\xda", b"")) in set(Code)
    assert refused(b"GIF89a" + data[:7]) in set(Code)


SIZE = 8 << 20
HOSTILE = {
    "a jpeg of nothing but FF": b"\xff\xd8" + b"\xff" * SIZE,
    "a jpeg of marks alone": b"\xff\xd8" + b"\xff\x01" * (SIZE // 2),
    "a jpeg that is never drawn to its end": jpeg()[:-2] + b"\xff\x00" * (SIZE // 2),
    "a jpeg of FF after its scan": jpeg()[:-2] + b"\xff" * (SIZE) + b"\x00",
    "a png of empty parts": png()[:33] + chunk(b"teXt", b"") * (SIZE // 12),
    "a gif of empty blocks": gif()[:19] + bytes(SIZE),
    "a gif of small blocks": gif()[:19] + b"\x21\xfe" + b"\x01x" * (SIZE // 2),
    "a webp of empty parts": b"RIFF" + struct.pack("<I", SIZE + 4) + b"WEBP" + b"XXXX\0\0\0\0" * (SIZE // 8),
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_picture_made_to_keep_us_busy_is_refused_at_once(data: bytes) -> None:
    start = time.process_time()
    assert refused(data) in (Code.BAD_DATA, Code.INCOMPLETE)
    assert time.process_time() - start < 3


def test_a_picture_that_says_it_is_huge_costs_nothing() -> None:
    found = image.look(png_of(2**31 - 1, 2**31 - 1, zlib.compress(b"x")))
    assert found.width * found.height > 10**18


def test_each_kind_has_names_of_its_own() -> None:
    kinds = {image.look(one[0]).kind.suffix: image.look(one[0]).kind for one in WHOLE.values()}
    assert sorted(kinds) == ["gif", "jpg", "png", "webp"]
    assert kinds["jpg"].named("Photo.JPEG")
    assert kinds["png"].named("a.b.png")
    assert not kinds["png"].named("png")
    assert not kinds["gif"].named("x.gif.png")
