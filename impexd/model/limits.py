"""
How much of anything we take.

The defaults are those of the manual: zip sums and ratios after OWASP ASVS 5.0 5.2.3,
CSV and XML bounds from measurements with hostile files.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from impexd.model.base import Model

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30

UNITS = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": KiB,
    "mib": MiB,
    "gib": GiB,
    "tib": 1 << 40,
}
"""What a size may be counted in, in small letters."""


def size(written: object) -> object:
    """Pure: turn `"2 GiB"` into bytes, leave anything but text as it is; ValueError if it is no size."""
    if not isinstance(written, str):
        return written
    found = re.fullmatch(r"([0-9]{1,15})(?:\.([0-9]{1,6}))?\s*([a-zA-Z]{1,3})", written.strip())
    unit = UNITS.get(found[3].lower()) if found else None
    if not found or not unit:
        raise ValueError('a size is wanted here, like "256 MiB" or 1048576')
    part = found[2] or "0"
    return int(found[1]) * unit + int(part) * unit // 10 ** len(part)


Size = Annotated[int, BeforeValidator(size), Field(le=1 << 62)]
"""A number of bytes; text with a unit is taken too."""


class Limits(Model):
    """Bounds on one drop; sizes in bytes, or as `"2 GiB"`."""

    file: Size = Field(default=2 * GiB, ge=1)
    unpacked: Size = Field(default=4 * GiB, ge=1)
    members: int = Field(default=1000, ge=1)
    ratio: int = Field(default=200, ge=1)
    """Unpacked / packed of one member, looked at once it unpacks to more than 10 MiB."""
    rows: int = Field(default=10_000_000, ge=1)
    columns: int = Field(default=1000, ge=1)
    field: Size = Field(default=MiB, ge=1)
    line: Size = Field(default=4 * MiB, ge=1)
    picture: Size = Field(default=32 * MiB, ge=1, le=128 * MiB)
    """One picture; it is held in memory as a whole."""
    pixels: int = Field(default=100_000_000, ge=1)
    """Width times height of a picture."""
    xml_depth: int = Field(default=64, ge=1)
    problems: int = Field(default=1000, ge=0)
    """Problems listed for each part; more are counted only."""
    memory: Size = Field(default=512 * MiB, ge=64 * MiB)
    """Address space a worker process may add to what it has when idle."""
    cpu: int = Field(default=1800, ge=1)
    """Seconds of processor time one run may take in a worker process."""
