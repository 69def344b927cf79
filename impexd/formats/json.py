"""
Read JSON: a list of objects, somewhere in a file; their rows may stand in lists inside them.

The standard library's decoder reads one object at a time, and `json_text` finds them: other
streaming decoders lose what a number looks like and which keys come twice.
"""

from collections.abc import Iterator, Sequence

from impexd.formats import encoding, json_rows, json_text
from impexd.formats.json_cells import Cutter
from impexd.formats.json_nested import NestedCutter
from impexd.formats.json_text import Found
from impexd.model import json_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Problem
from impexd.ports import Opener, Row, Table


async def read(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
) -> Table:
    """Read a JSON file as `layout` describes it; a `ports.Reader`."""
    place = json_path.place(layout.row)
    texts = encoding.texts(opener, encoding=None, fallback=None)
    records = json_text.records(texts, place.list, limits)
    names = [str(source) for source in wanted]
    if place.inner:
        rows = _nested(records, NestedCutter(names, place.inner, limits))
    else:
        rows = _plain(records, Cutter(names, limits))
    return json_rows.table(rows, wanted, limits)


def _plain(records: Iterator[Found], cutter: Cutter) -> Iterator[Row | Problem]:
    for found in records:
        yield cutter.cut(*found)


def _nested(records: Iterator[Found], cutter: NestedCutter) -> Iterator[Row | Problem]:
    for found in records:
        yield from cutter.rows(*found)
