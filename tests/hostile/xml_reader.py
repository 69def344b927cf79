"""
Read XML files named on standard input; say of each how it ended, and the most memory so far.

Run by the tests in a process of its own, whose memory nobody else uses.
"""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from impexd.core.errors import DataError
from impexd.formats import xml
from impexd.model.descriptor import Format, Layout
from impexd.model.limits import Limits

LAYOUT = Layout(format=Format.XML, row="products/product")
WANTED = ["code", "name", "price", "stock"]


async def read(path: str) -> dict[str, Any]:
    """Read one file, as an import does, all of it or nothing."""
    rows, codes = 0, set()
    try:
        table = await xml.read(partial(Path(path).open, "rb"), LAYOUT, WANTED, Limits())
        async for batch in table.batches:
            rows += len(batch.rows)
            codes |= {problem.code for problem in batch.problems}
            assert all(cell for _, cells in batch.rows for cell in cells)
    except DataError as error:
        assert str(error).isprintable() and len(str(error)) < 1000
        return {"end": "reject", "rows": 0, "codes": [str(error.code)]}
    return {"end": "partial" if codes else "import", "rows": rows, "codes": sorted(codes)}


def peak() -> int:
    """The most memory this process has had, in megabytes; `ru_maxrss` has our parent's too."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    for line in sys.stdin:
        told = asyncio.run(read(line.strip()))
        sys.stdout.write(json.dumps({**told, "peak": peak()}) + "\n")
