"""
How much of anything we take.

The defaults are those of the manual: zip sums and ratios after OWASP ASVS 5.0 5.2.3,
CSV and XML bounds from measurements with hostile files.
"""

from pydantic import Field

from impexd.model.base import Model

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30


class Limits(Model):
    """Bounds on one drop; sizes in bytes."""

    file: int = Field(default=2 * GiB, ge=1)
    unpacked: int = Field(default=4 * GiB, ge=1)
    members: int = Field(default=1000, ge=1)
    ratio: int = Field(default=200, ge=1)
    """Unpacked / packed of one member, looked at once it unpacks to more than 10 MiB."""
    rows: int = Field(default=10_000_000, ge=1)
    columns: int = Field(default=1000, ge=1)
    field: int = Field(default=MiB, ge=1)
    line: int = Field(default=4 * MiB, ge=1)
    xml_depth: int = Field(default=64, ge=1)
    problems: int = Field(default=1000, ge=0)
    """Problems listed for each part; more are counted only."""
    memory: int = Field(default=512 * MiB, ge=64 * MiB)
    """Address space a worker process may add to what it has when idle."""
    cpu: int = Field(default=1800, ge=1)
    """Seconds of processor time one run may take in a worker process."""
