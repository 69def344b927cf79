"""Zip archives: what is taken, what is refused, and by which code."""

import gzip
import io
import struct
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impexd.core.errors import DataError
from impexd.formats import zip as archive
from impexd.model.limits import Limits, MiB
from tests.formats.archives import ROWS, Part, end
from tests.formats.archives import archive as built

GOOD = built(Part())


def contents(data: bytes, limits: Limits | None = None, names: str = "cp437") -> dict[str, bytes]:
    limits = limits or Limits()
    file = io.BytesIO(data)
    found = {}
    for member in archive.members(file, limits, names):
        with archive.opened(file, member, limits) as stream:
            found[member.name] = stream.read()
        assert len(found[member.name]) == member.size
    return found


def refused(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(DataError) as caught:
        contents(data, limits)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300
    return caught.value.code


def python(kind: int, *names: str, streamed: bool = False) -> bytes:
    """An archive as Python's own writer makes it."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            super().__init__()
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            self.data += bytes(data)
            return len(bytes(data))

    pipe, file = Pipe(), io.BytesIO()
    with zipfile.ZipFile(pipe if streamed else file, "w", kind) as out:
        for name in names:
            out.writestr(name, ROWS)
    return pipe.data if streamed else file.getvalue()


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
DESCRIPTOR = struct.pack("<4sIII", b"PK\7\x08", zlib.crc32(ROWS), 1, len(ROWS))
STREAMED = Part(flags=0x808, local={"crc": 0, "packed": 0, "size": 0}, behind=DESCRIPTOR)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (GOOD, ["a.csv"]),
        (python(DEFLATED, "a.csv", "b.csv"), ["a.csv", "b.csv"]),
        (python(STORED, "a.csv", "b.csv"), ["a.csv", "b.csv"]),
        (python(DEFLATED, "a.csv", "b.csv", streamed=True), ["a.csv", "b.csv"]),
        (built(STREAMED, Part("b.csv")), ["a.csv", "b.csv"]),
        (built(Part(wide=True), wide=True), ["a.csv"]),
        (built(Part(), wide=True, short=1), ["a.csv"]),
        (built(Part(), comment=b"c" * 65535), ["a.csv"]),
        (built(Part(data=b"")), ["a.csv"]),
        (built(Part(data=b"", method=0)), ["a.csv"]),
        (built(Part(attributes=0)), ["a.csv"]),
        (built(Part("Größe (1).csv")), ["Größe (1).csv"]),
        (built(Part("Große.csv", flags=0)), ["Große.csv"]),
        (built(Part("Gro\u0308ße.csv")), ["Größe.csv"]),
        (built(Part("Цены.csv"), Part("价格.csv")), ["Цены.csv", "价格.csv"]),
        (built(Part(b"pr\x94ducts.csv", flags=0)), ["pröducts.csv"]),
        (
            built(
                Part("sub/", b"", 0, attributes=(0o40755 << 16) | 0x10),
                Part(),
                Part("__MACOSX/._a.csv", b"x"),
                Part("__MACOSX/sub/._a.csv", b"x"),
                Part(".DS_Store", b"x"),
                Part("sub/.DS_Store", b"x"),
                Part("Thumbs.db", b"x"),
                Part("desktop.ini", b"x"),
            ),
            ["a.csv"],
        ),
    ],
)
def test_a_good_archive_gives_its_files(data: bytes, names: list[str]) -> None:
    found = contents(data)
    assert list(found) == names
    assert set(found.values()) <= {ROWS, b""}


def test_names_that_are_no_utf8_are_read_in_the_encoding_of_the_group() -> None:
    data = built(Part(b"Gr\xf6\xdfe.csv", flags=0))
    assert list(contents(data, names="cp1252")) == ["Größe.csv"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (built(), "empty_archive"),
        (built(Part("sub/", b"", 0, attributes=0o40755 << 16), Part(".x")), "empty_archive"),
        (ROWS, "type_mismatch"),
        (b"PK", "type_mismatch"),
        (gzip.compress(ROWS, mtime=0), "type_mismatch"),
        (GOOD[: len(GOOD) // 2], "incomplete"),
        (GOOD[:-1], "incomplete"),
        (GOOD[:-20], "incomplete"),
        (built(Part(), comment=b"abc")[:-1], "incomplete"),
        (GOOD + b"junk", "inconsistent_archive"),
        (GOOD + GOOD, "inconsistent_archive"),
        (built(Part(), prefix=b"MZ" + b"\0" * 500), "inconsistent_archive"),
        (b"MZ" + GOOD, "inconsistent_archive"),
        (built(Part(), comment=end(0, 0, 0) + b"x"), "inconsistent_archive"),
        (built(Part(), comment=end(0, 0, 0)), "inconsistent_archive"),
        (built(Part(), count=2), "inconsistent_archive"),
        (built(Part(), Part("b.csv"), count=1), "inconsistent_archive"),
        (built(Part(), disk=1), "inconsistent_archive"),
        (built(Part(), here=2), "inconsistent_archive"),
        (built(Part(), size=10), "inconsistent_archive"),
        (built(Part(), offset=0), "inconsistent_archive"),
        (built(Part(), wide=True, at=0), "inconsistent_archive"),
        (built(Part(), wide=True, short=2), "inconsistent_archive"),
        (built(Part(local={"name": b"b.csv"})), "inconsistent_archive"),
        (built(Part(local={"name": b"evil.csv"})), "inconsistent_archive"),
        (built(Part(local={"method": 0})), "inconsistent_archive"),
        (built(Part(local={"flags": 0})), "inconsistent_archive"),
        (built(Part(local={"crc": 1})), "inconsistent_archive"),
        (built(Part(local={"size": 1})), "inconsistent_archive"),
        (built(Part(offset=5)), "inconsistent_archive"),
        (built(Part(method=0, size=10)), "inconsistent_archive"),
        (built(Part(size=100)), "inconsistent_archive"),
        (built(Part(size=100_000)), "inconsistent_archive"),
        (built(Part(raw=Part().fields()["raw"] + b"more")), "inconsistent_archive"),
        (built(Part(crc=1)), "bad_crc"),
        (built(Part(method=0, crc=1)), "bad_crc"),
        (built(Part(raw=b"\xff" * 50)), "bad_data"),
        (built(Part(raw=Part().fields()["raw"][:-20])), "bad_data"),
        (built(Part(raw=b"")), "bad_data"),
        (built(Part(flags=0x801)), "encrypted_member"),
        (built(Part(flags=0x841)), "encrypted_member"),
        (built(Part(method=99, flags=0x801)), "encrypted_member"),
        *((built(Part(method=one)), "unsupported_method") for one in (1, 6, 9, 12, 14, 93, 95)),
        (built(Part(attributes=0o120777 << 16)), "unsafe_member_type"),
        (built(Part(attributes=0o20666 << 16)), "unsafe_member_type"),
        (built(Part(attributes=0o40755 << 16)), "unsafe_member_type"),
        (built(Part(attributes=0x10)), "unsafe_member_type"),
        (built(Part("sub/")), "unsafe_member_type"),
        (built(Part(".x", attributes=0o120777 << 16), Part()), "unsafe_member_type"),
        (built(Part(), Part()), "duplicate_member"),
        (built(Part("a.csv"), Part("A.CSV")), "duplicate_member"),
        (built(Part("ä.csv"), Part("A\u0308.csv")), "duplicate_member"),
        (built(Part("b.zip", GOOD)), "nested_archive"),
        (built(Part("b.ZIP", b"x")), "nested_archive"),
        (built(Part("b.csv", GOOD)), "nested_archive"),
        (built(Part("b.csv", GOOD, 0)), "nested_archive"),
        (built(Part(), Part("b.csv", offset=0)), "inconsistent_archive"),
        (built(Part(), Part("a.csv ", local={"name": b"a.csv"}, offset=0)), "inconsistent_archive"),
    ],
)
def test_a_bad_archive_is_refused_with_its_code(data: bytes, code: str) -> None:
    assert refused(data) == code


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../a.csv",
        "../../../../tmp/a.csv",
        "/tmp/a.csv",
        "..\\a.csv",
        "sub\\a.csv",
        "C:\\a.csv",
        "C:a.csv",
        "ok/../../a.csv",
        "./a.csv",
        "sub/a.csv",
        "sub//",
        "../",
        "/",
        "__MACOSX/../../a.csv",
        "../.DS_Store",
        "a.csv\0.exe",
        "a\n.csv",
        "\x1b[31m.csv",
        "\u202evsc.exe",
        "a\u2028.csv",
        "a|b.csv",
        "<a>.csv",
        '"a".csv',
        "n" * 121,
        "n" * 60_000 + ".csv",
        b"\xff.csv",
    ],
)
def test_a_name_that_is_more_than_a_name_is_refused(name: str | bytes) -> None:
    assert refused(built(Part(), Part(name))) == "unsafe_member_name"


def test_members_that_share_bytes_are_refused() -> None:
    inner = built(Part("b.csv"))[: -len(end(0, 0, 0))]
    outer = Part("a.csv", inner, 0)
    inside = 30 + len("a.csv")
    data = built(outer, Part("b.csv", offset=inside))
    assert refused(data) == "overlapping_members"


def test_a_workbook_is_an_archive_and_still_a_file() -> None:
    assert list(contents(built(Part("b.xlsx", GOOD)))) == ["b.xlsx"]


@pytest.mark.parametrize(
    ("parts", "limits", "code"),
    [
        ([Part(f"{n}.csv", b"x") for n in range(3)], Limits(members=2), "too_many_members"),
        ([Part()], Limits(file=len(ROWS) - 1), "too_large"),
        ([Part(), Part("b.csv")], Limits(unpacked=2 * len(ROWS) - 1), "too_large"),
        ([Part(data=bytes(11 * MiB))], Limits(), "too_large"),
        ([Part(size=0xFFFFFFF0)], Limits(), "too_large"),
    ],
)
def test_limits_hold_before_anything_is_unpacked(
    parts: list[Part], limits: Limits, code: str
) -> None:
    with pytest.raises(DataError) as caught:
        archive.members(io.BytesIO(built(*parts)), limits)
    assert caught.value.code == code


def test_a_huge_count_is_refused_before_the_directory_is_read() -> None:
    data = built(Part(), wide=True, count=1 << 60)
    assert refused(data) == "too_many_members"


def test_a_member_that_lies_about_its_size_is_stopped_one_byte_behind_it() -> None:
    data = built(Part(data=bytes(9 * MiB), size=1000))
    file = io.BytesIO(data)
    (member,) = archive.members(file, Limits())
    with (
        archive.opened(file, member, Limits()) as stream,
        pytest.raises(DataError) as caught,
    ):
        while stream.read(10):
            pass
    assert caught.value.code == "inconsistent_archive"


@pytest.mark.parametrize("data", [GOOD, built(Part(), wide=True), built(Part(), comment=b"abc")])
def test_an_archive_is_complete_with_its_last_byte_and_not_before(data: bytes) -> None:
    assert archive.complete(io.BytesIO(data))
    assert not any(archive.complete(io.BytesIO(data[:size])) for size in range(len(data)))


def test_an_archive_is_not_complete_because_a_file_inside_of_it_is() -> None:
    data = built(Part("b.xlsx", GOOD, 0), Part())
    assert not any(archive.complete(io.BytesIO(data[:size])) for size in range(len(data)))


def test_bytes_behind_an_archive_cannot_make_it_incomplete_again() -> None:
    assert archive.complete(io.BytesIO(GOOD + b"junk"))
    assert archive.complete(io.BytesIO(GOOD + GOOD))
    assert not archive.complete(io.BytesIO(ROWS))


def test_streams_of_one_archive_are_read_in_turn() -> None:
    big = ROWS * 1000
    file = io.BytesIO(built(Part("a.csv", big), Part("b.csv", big, 0)))
    first, second = (
        archive.opened(file, member, Limits()) for member in archive.members(file, Limits())
    )
    with first, second:
        read = [b"", b""]
        while first_data := first.read(70_001):
            read[0] += first_data
            read[1] += second.read(70_001)
    assert read == [big, big]
    assert not file.closed


@given(st.data())
def test_no_damage_to_an_archive_goes_through_or_raises_anything_else(data: st.DataObject) -> None:
    good = built(Part(), Part("b.csv", method=0, wide=True), wide=True)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    try:
        found = contents(bytes(bad))
    except DataError:
        return
    assert set(found.values()) <= {ROWS, b""}


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (GOOD[:64], "zip"),
        (built()[:64], "zip"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"<?xml version='1.0'?>", "xml"),
        (b"\xef\xbb\xbf \n<products>", "xml"),
        ("\ufeff<a/>".encode("utf-16-le"), "xml"),
        ("\ufeff<a/>".encode("utf-16-be"), "xml"),
        (b"code,name\n", "other"),
        (b"", "other"),
    ],
)
def test_the_first_bytes_tell_the_kind(head: bytes, kind: str) -> None:
    assert archive.sniff(head) == kind
