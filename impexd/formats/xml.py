"""
Read XML: bytes to text, text to record elements, elements to cells.

The header of an XML file is what the descriptor wants of it: nobody can say before the end which
paths occur.  A path that does not occur in a record gives no cell.
"""

from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import replace

from impexd.core.errors import DataError
from impexd.formats import xml_records
from impexd.formats.xml_cells import Cutter
from impexd.formats.xml_records import Group
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code
from impexd.ports import BATCH, Batch, Opener, Table


async def read(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
) -> Table:
    """Read an XML file as `layout` describes it; a `ports.Reader`."""
    names = tuple(map(str, wanted))
    cutter = Cutter(names, layout, limits)
    groups = xml_records.groups(opener, layout, limits)
    positions = {source: at for at, source in enumerate(wanted)}
    return Table(names, positions, _batches(groups, cutter, limits))


async def _batches(
    groups: Generator[Group, None, None], cutter: Cutter, limits: Limits
) -> AsyncGenerator[Batch, None]:
    count = 0
    try:
        for group in groups:
            count += len(group.records)
            if count > limits.rows:
                what = f"the file has more than {limits.rows} records"
                raise DataError(Code.TOO_MANY_ROWS, what, line=group.records[-1][0])
            for at in range(0, len(group.records), BATCH):
                yield cutter.cut(replace(group, records=group.records[at : at + BATCH]))
    finally:
        groups.close()
