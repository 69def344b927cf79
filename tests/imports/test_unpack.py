"""What is inside of a drop: one file, a zip of them, a file packed by gzip, each as its bytes say."""

import gzip
from pathlib import Path

import pytest

from impexd.core.errors import DataError
from impexd.imports import unpack
from impexd.model.limits import Limits, MiB
from impexd.model.problem import Code
from tests.shop import zipped

TEXT = b"code;name\n" + b"1;one\n" * 1000


def files(tmp_path: Path, name: str, data: bytes, **limits: int) -> dict[str, bytes]:
    """Name -> all bytes, read twice."""
    path = tmp_path / "bytes"
    path.write_bytes(data)
    found = {}
    with unpack.files(path, name, Limits(**limits), "cp437") as inside:
        for file in inside:
            for _ in range(2):
                with file.open() as stream:
                    found[file.name] = stream.read()
            assert file.size
    return found


def refused(tmp_path: Path, name: str, data: bytes, **limits: int) -> str:
    with pytest.raises(DataError) as caught:
        files(tmp_path, name, data, **limits)
    return caught.value.code


def test_a_file_is_an_archive_of_one(tmp_path: Path) -> None:
    assert files(tmp_path, "a.csv", TEXT) == {"a.csv": TEXT}


def test_a_packed_file_is_unpacked_while_it_is_read(tmp_path: Path) -> None:
    assert files(tmp_path, "a.csv.GZ", gzip.compress(TEXT)) == {"a.csv.GZ": TEXT}


def test_a_zip_may_mix_files_that_are_packed_and_files_that_are_not(tmp_path: Path) -> None:
    data = zipped({"a.csv": TEXT, "b.csv.gz": gzip.compress(TEXT + b"2;two\n")})
    assert files(tmp_path, "x.zip", data) == {"a.csv": TEXT, "b.csv.gz": TEXT + b"2;two\n"}


def test_how_much_a_packed_file_is_can_be_told_before(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(gzip.compress(TEXT))
    with unpack.files(path, "a.csv.gz", Limits(), "cp437") as inside:
        assert inside[0].size == len(TEXT)


NAMES = {
    "a zip named csv": ("a.csv", zipped({"a.csv": TEXT})),
    "a packed file named csv": ("a.csv", gzip.compress(TEXT)),
    "a file named zip": ("a.zip", TEXT),
    "a file named gz": ("a.csv.gz", TEXT),
    "a zip named gz": ("a.csv.gz", zipped({"a.csv": TEXT})),
    "a packed file named zip": ("a.zip", gzip.compress(TEXT)),
    "a packed file named xlsx": ("a.xlsx", gzip.compress(TEXT)),
}


@pytest.mark.parametrize(("name", "data"), NAMES.values(), ids=NAMES)
def test_what_a_file_is_called_has_to_agree_with_what_it_is(
    tmp_path: Path, name: str, data: bytes
) -> None:
    assert refused(tmp_path, name, data) == Code.TYPE_MISMATCH


def test_a_sheet_is_one_file_although_it_is_a_zip(tmp_path: Path) -> None:
    data = zipped({"xl.xml": TEXT})
    assert files(tmp_path, "a.xlsx", data) == {"a.xlsx": data}


@pytest.mark.parametrize("length", [1, 2, 3, 10, 25])
def test_half_a_packed_file_is_refused_while_it_is_read(tmp_path: Path, length: int) -> None:
    data = gzip.compress(TEXT)[:length]
    wanted = Code.INCONSISTENT_ARCHIVE if length > 1 else Code.TYPE_MISMATCH
    assert refused(tmp_path, "a.csv.gz", data) == wanted


def test_a_member_that_is_not_packed_as_its_name_says_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "x.zip", zipped({"a.csv.gz": TEXT})) == Code.INCONSISTENT_ARCHIVE


def test_a_packed_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    data = gzip.compress(bytes(20 * MiB))
    assert refused(tmp_path, "a.csv.gz", data) == Code.TOO_LARGE
    assert refused(tmp_path, "a.csv.gz", gzip.compress(TEXT), unpacked=1000) == Code.TOO_LARGE
    assert refused(tmp_path, "a.csv", TEXT, file=1000) == Code.TOO_LARGE


def test_nothing_is_refused_at_once(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.csv", b"") == Code.EMPTY_FILE
