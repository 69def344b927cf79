"""What bytes become as text, and what is refused."""

import io
from contextlib import closing

import pytest

from impexd.core.errors import DataError
from impexd.formats import encoding
from tests.formats.reading import Drips

TEXT = 'code,name\n1,"Crème brûlée – 5 €"\n2,Größe\n'


def decoded(data: bytes, encoding_: str | None = None, fallback: str | None = None) -> str:
    return "".join(encoding.texts(lambda: io.BytesIO(data), encoding=encoding_, fallback=fallback))


def refused(
    data: bytes, encoding_: str | None = None, fallback: str | None = None
) -> tuple[str, int | None]:
    with pytest.raises(DataError) as caught:
        decoded(data, encoding_, fallback)
    return caught.value.code, caught.value.line


@pytest.mark.parametrize(
    ("data", "declared", "fallback"),
    [
        (TEXT.encode(), None, None),
        (b"\xef\xbb\xbf" + TEXT.encode(), None, None),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), None, None),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), None, None),
        (TEXT.encode("cp1252"), "cp1252", None),
        (TEXT.encode("cp1252"), None, "cp1252"),
        (TEXT.encode(), None, "cp1252"),
        (TEXT.encode("utf-16-le"), "utf-16-le", None),
        (TEXT.encode("utf-16-be"), "utf-16-be", "cp1252"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "cp1252", None),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-8", "cp1252"),
    ],
)
def test_the_mark_decides_else_what_is_declared_else_utf8_else_the_fallback(
    data: bytes, declared: str | None, fallback: str | None
) -> None:
    assert decoded(data, declared, fallback) == TEXT


def test_one_wrong_byte_at_the_very_end_makes_the_whole_file_the_fallback() -> None:
    data = b"\xc3\xa4\n" * 100_000 + b"\xe9\n"
    assert decoded(data, None, "cp1252") == "Ã¤\n" * 100_000 + "é\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", [0, 1, 4999, 70_000])
def test_a_wrong_byte_is_told_with_its_line(newline: str, before: int) -> None:
    data = f"a,b{newline}".encode() * before + b"ab\xff\xfe,\n"
    assert refused(data) == ("encoding", before + 1)
    assert refused(data, "utf-8") == ("encoding", before + 1)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\xff\xfe", "empty_file"),
        (TEXT.encode("utf-32"), "encoding"),
        (TEXT.encode("utf-32-le"), "encoding"),
        (TEXT.encode("utf-32-be"), "encoding"),
        (TEXT.encode("utf-16-le"), "encoding"),
        (TEXT.encode("utf-16-be"), "encoding"),
        ("code,name\n".encode("utf-16-le") * 5000, "encoding"),
        (b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1], "encoding"),
        (b"\xff\xfe\x00\xd8a\x00", "encoding"),
        (TEXT.encode()[:-3], "encoding"),
        (b"a\n\xc0\xaf\n", "encoding"),
        (b"a\n\xed\xa0\x80\n", "encoding"),
        (b"a\n\x81\n", "encoding"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, code: str) -> None:
    assert refused(data)[0] == code


def test_a_byte_the_declared_encoding_lacks_is_told_with_its_line() -> None:
    assert refused(b"a\nb\n\x81\n", "cp1252") == ("encoding", 3)
    assert refused(b"a\nb\n\x81\xff\n", None, "cp1252") == ("encoding", 3)


@pytest.mark.parametrize("drips", [1, 2, 3, 7, 4096])
def test_no_chunk_ends_between_cr_and_lf_nor_within_a_character(drips: int) -> None:
    data = "äöü,€😀\r\n\r\n\r".encode() * 400
    chunks = list(encoding.texts(lambda: Drips(data, drips), encoding=None, fallback=None))
    assert "".join(chunks) == data.decode()
    assert not any(chunk.endswith("\r") for chunk in chunks[:-1])


def test_the_stream_is_closed_when_reading_stops_early() -> None:
    stream = io.BytesIO(b"a\n" * 500_000)
    chunks = encoding.texts(lambda: stream, encoding=None, fallback=None)
    with closing(chunks):  # type: ignore[type-var]
        next(chunks)
        assert not stream.closed
    assert stream.closed


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("a", 0), ("a\n", 1), ("a\r\nb\rc\n\r\r\n", 5), ("\x0b\x0c\x85\u2028\u2029", 0)],
)
def test_only_lf_and_cr_end_a_line(text: str, count: int) -> None:
    assert encoding.lines(text) == count
