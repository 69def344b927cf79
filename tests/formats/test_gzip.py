"""A packed file is its unpacked bytes, or nothing."""

import gzip as standard
import io
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.core.errors import DataError
from impexd.formats import csv, gzip
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits, MiB
from tests.formats.reading import Drips

ROWS = b"code,name\n" + b"".join(b"%d,Product %d\n" % (n, n) for n in range(5000))
PACKED = standard.compress(ROWS)


def read(packed: bytes, *, drips: int = 1 << 30, **limits: Any) -> bytes:
    with gzip.unpacked(lambda: Drips(packed, drips), Limits(**limits))() as stream:
        return stream.read()


def fault(packed: bytes, **more: Any) -> str:
    try:
        read(packed, **more)
    except DataError as error:
        assert str(error).isprintable()
        return str(error.code)
    return ""


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 60))
def test_members_one_after_the_other_are_one_file(parts: list[bytes], drips: int) -> None:
    packed = b"".join(map(standard.compress, parts))
    assert read(packed, drips=drips) == b"".join(parts)


FAULTS = {
    "nothing": (b"", "inconsistent_archive"),
    "another kind of file": (ROWS, "inconsistent_archive"),
    "another method": (b"\x1f\x8b\x07" + PACKED[3:], "inconsistent_archive"),
    "cut off in the header": (PACKED[:5], "inconsistent_archive"),
    "cut off in the data": (PACKED[:-100], "inconsistent_archive"),
    "cut off in the checksum": (PACKED[:-1], "inconsistent_archive"),
    "a wrong checksum": (PACKED[:-8] + b"\0" * 4 + PACKED[-4:], "bad_crc"),
    "a wrong length": (PACKED[:-4] + b"\0" * 4, "bad_crc"),
    "garbage in the data": (PACKED[:10] + b"\xff" * 10 + PACKED[20:], "bad_data"),
    "junk behind it": (PACKED + b"junk", "inconsistent_archive"),
    "NULs behind it": (PACKED + b"\0" * 512, "inconsistent_archive"),
    "half a member behind it": (PACKED + PACKED[:50], "inconsistent_archive"),
}


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("drips", [1, 1000, 1 << 30])
def test_anything_else_is_refused(case: str, drips: int) -> None:
    packed, code = FAULTS[case]
    assert fault(packed, drips=drips) == code


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = standard.compress(bytes(64 * MiB))
    with gzip.unpacked(lambda: io.BytesIO(bomb), Limits())() as stream:
        given = 0
        with pytest.raises(DataError) as told:
            while data := stream.read(65536):
                given += len(data)
    assert told.value.code == "too_large"
    assert given <= 16 * MiB


def test_more_than_may_be_unpacked_is_refused() -> None:
    packed = standard.compress(random.Random(1).randbytes(MiB))
    assert fault(packed, unpacked=MiB) == ""
    assert fault(packed, unpacked=MiB - 1) == "too_large"


async def test_a_packed_file_is_read_by_its_format_as_often_as_needed() -> None:
    opener = gzip.unpacked(lambda: io.BytesIO(PACKED), Limits())
    for _ in range(2):
        table = await csv.read(opener, Layout(), ["code"], Limits())
        assert [len(batch.rows) async for batch in table.batches]


def test_closing_it_closes_what_is_packed() -> None:
    packed = io.BytesIO(PACKED)
    with gzip.unpacked(lambda: packed, Limits())() as stream:
        stream.read(10)
    assert packed.closed
