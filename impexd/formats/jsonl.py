"""
Read JSON Lines: an object on each line; its rows may stand in a list inside it.

A line that is no JSON is one problem, and the next line is read; blank lines are passed over.
"""

import json
from collections.abc import Iterator, Sequence

from impexd.core.errors import DataError
from impexd.formats import encoding, json_rows
from impexd.formats.json_cells import Cutter
from impexd.formats.json_nested import NestedCutter
from impexd.formats.json_text import Found
from impexd.formats.json_values import Decoder
from impexd.formats.page import NULS
from impexd.model import json_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem, about
from impexd.ports import Opener, Row, Table

SPACE = " \t\r\n"


async def read(
    opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
) -> Table:
    """Read a file of JSON Lines; a `ports.Reader`."""
    names = [str(source) for source in wanted]
    place = json_path.place(layout.row, lines=True)
    if place.inner:
        rows = _nested(opener, NestedCutter(names, place.inner, limits), limits)
    else:
        rows = _plain(opener, Cutter(names, limits), limits)
    return json_rows.table(rows, wanted, limits)


def lines(opener: Opener, limits: Limits) -> Iterator[tuple[int, str]]:
    """Give the lines that are not blank, numbered from 1; raises `line_too_long`, `bad_data`."""
    held: list[str] = []
    size, number = 0, 1
    for text in encoding.texts(opener, encoding=None, fallback=None):
        *whole, rest = text.split("\n")
        for line in whole:
            if held:
                line = "".join([*held, line])
                held, size = [], 0
            if line := _fit(line, number, limits):
                yield number, line
            number += 1
        held.append(rest)
        size += len(rest)
        if size > limits.line:
            _fit("".join(held), number, limits)
    if line := _fit("".join(held), number, limits):
        yield number, line


def _fit(line: str, number: int, limits: Limits) -> str:
    """Pure: a line without the white space around it."""
    if line.startswith("\0") and not line.strip("\0"):
        raise DataError(Code.BAD_DATA, NULS, line=number)
    if len(line) > limits.line:
        what = f"a line has more than {limits.line} characters"
        raise DataError(Code.LINE_TOO_LONG, what, line=number)
    return line.strip(SPACE)


def _plain(opener: Opener, cutter: Cutter, limits: Limits) -> Iterator[Row | Problem]:
    for found in records(opener, limits):
        yield found if isinstance(found, Problem) else cutter.cut(*found)


def _nested(opener: Opener, cutter: NestedCutter, limits: Limits) -> Iterator[Row | Problem]:
    for found in records(opener, limits):
        if isinstance(found, Problem):
            yield cutter.torn(found)
        else:
            yield from cutter.rows(*found)


def records(opener: Opener, limits: Limits) -> Iterator[Found | Problem]:
    """Give the values of the lines, or what is wrong with a line; raises as `lines` does."""
    decoder = Decoder()
    for number, line in lines(opener, limits):
        try:
            value, end = decoder.read(line)
        except json.JSONDecodeError as error:
            yield about(Code.MALFORMED, f"this is no JSON: {error.msg}", line=number, cell=line)
        except RecursionError:
            what = f"values are nested more than {limits.xml_depth} deep"
            yield about(Code.TOO_DEEP, what, line=number, cell=line)
        else:
            if end < len(line):
                what = "there is more than one value on this line"
                yield about(Code.MALFORMED, what, line=number, cell=line)
            else:
                yield Found(number, line, value, decoder.faults)
