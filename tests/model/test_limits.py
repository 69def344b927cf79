"""Sizes, as people write them."""

import pytest
from pydantic import ValidationError

from impexd.model.limits import Limits, size


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2 GiB", 2 << 30),
        ("256MiB", 256 << 20),
        ("1.5 KiB", 1536),
        ("500 kB", 500_000),
        ("1 B", 1),
        ("3 tib", 3 << 40),
        (7, 7),
    ],
)
def test_a_size_is_a_number_of_bytes_or_has_its_unit(written: object, meant: int) -> None:
    assert size(written) == meant


@pytest.mark.parametrize("written", ["2", "GiB", "2 XiB", "-1 B", "1,5 GiB", "", "1e3 B", "nan B"])
def test_what_is_no_size_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="256 MiB"):
        size(written)


def test_limits_take_sizes_and_bounds_hold() -> None:
    assert Limits.model_validate({"file": "1 GiB"}).file == 1 << 30
    with pytest.raises(ValidationError):
        Limits.model_validate({"file": 0})
    with pytest.raises(ValidationError):
        Limits.model_validate({"file": True})
