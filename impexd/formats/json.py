"""
Read JSON: a list of objects, somewhere in a file.

The standard library's decoder reads one object at a time, and `json_text` finds them: other
streaming decoders lose what a number looks like and which keys come twice.
"""

from collections.abc import Iterator, Sequence

from impexd.formats import encoding, json_rows, json_text
from impexd.formats.json_cells import Cutter
from impexd.model import json_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Problem
from impexd.ports import Opener, Row, Table


async def read(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
) -> Table:
    """Read a JSON file as `layout` describes it; a `ports.Reader`."""
    cutter = Cutter([str(source) for source in wanted], limits)
    return json_rows.table(_rows(opener, layout, cutter, limits), wanted, limits)


def _rows(
    opener: Opener, layout: Layout, cutter: Cutter, limits: Limits
) -> Iterator[Row | Problem]:
    texts = encoding.texts(opener, encoding=None, fallback=None)
    for found in json_text.records(texts, json_path.row(layout.row), limits):
        yield cutter.cut(*found)
