"""
Templates as bytes: each format with one record.

Pure.  Takes the layout and the texts of cells by their `from`; what is written is what the
import's own readers take.
"""

import csv
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from impexd.imports.sample import markup, pattern, sheets, workbook
from impexd.model import json_path, patterns
from impexd.model.descriptor import Format, Layout
from impexd.model.json_path import Place

Cells = Mapping[str | int, str]


def template(layout: Layout, cells: Cells, *, numbers: frozenset[str | int]) -> bytes:
    """Pure: a file of one record; ValueError if the layout cannot hold it.  `numbers` are no text."""
    match layout.format:
        case Format.CSV:
            return _csv(layout, cells)
        case Format.XLSX:
            return workbook.written(layout, grid(layout, cells), numbers=_columns(cells, numbers))
        case Format.XML:
            return markup.written(layout, {str(path): text for path, text in cells.items()})
        case Format.JSON:
            place = json_path.place(layout.row)
            tree: Any = [_object(cells, numbers, place)]
            for key in reversed(place.list):
                tree = {key: tree}
            return (json.dumps(tree, ensure_ascii=False, indent=2) + "\n").encode()
        case Format.JSONL:
            one = _object(cells, numbers, json_path.place(layout.row, lines=True))
            return (json.dumps(one, ensure_ascii=False) + "\n").encode()
        case Format.IMAGE:
            return picture()


def grid(layout: Layout, cells: Cells) -> list[list[str]]:
    """Pure: the rows of a grid: what is skipped, the header, the record, the trailer."""
    places = sheets.sources(list(cells))
    names = [_heading(one, n) for n, one in enumerate(places, 1)]
    row = ["" if one is None else _text(cells, one) for one in places]
    rows = [["(not read)"]] * layout.skip + ([names] if layout.header else []) + [row]
    if layout.trailer is not None:
        rows.append([_trailer(layout.trailer)])
    return rows


def _heading(place: str | int | None, number: int) -> str:
    return sheets.counted(place)[0] if isinstance(place, str) else f"column {number}"


def _text(cells: Cells, place: str | int) -> str:
    if place in cells:
        return cells[place]
    base, count = sheets.counted(str(place))
    return cells.get(base, "") if count == 1 else ""


def _columns(cells: Cells, numbers: frozenset[str | int]) -> frozenset[int]:
    places = sheets.sources(list(cells))
    return frozenset(n for n, one in enumerate(places) if one in numbers)


def _csv(layout: Layout, cells: Cells) -> bytes:
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=layout.delimiter,
        quotechar=layout.quote or None,
        quoting=csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
        lineterminator="\n",
    )
    try:
        writer.writerows(grid(layout, cells))
        return out.getvalue().encode(layout.encoding or "utf-8")
    except (csv.Error, UnicodeEncodeError) as error:
        raise ValueError(f"a row cannot be written so: {error}") from error


def _trailer(expression: str) -> str:
    compiled = patterns.compiled(expression)
    for text in pattern.texts(expression, rows="1"):
        found = compiled.fullmatch(text)
        if found and ("rows" not in compiled.groupindex or found.group("rows").strip("0 ") == "1"):
            return text
    raise ValueError(f'no last row could be thought of that "{expression}" matches')


def _object(cells: Cells, numbers: frozenset[str | int], place: Place) -> dict[str, Any]:
    """Pure: a record with one row; what stands on the way to the row is an object each."""
    way: list[dict[str, Any]] = [{} for _ in range(len(place.inner) + 1)]
    for path, text in cells.items():
        value: Any = None if text == "" else text
        if path in numbers and text:
            value = json.loads(text) if _plain(text) else text
        depth, keys = json_path.value(str(path), place.inner)
        _put(way[depth], keys, value)
    for outer, keys, row in zip(way, place.inner, way[1:], strict=False):
        _put(outer, keys, [row])
    return way[0]


def _plain(text: str) -> bool:
    """Pure: is this a number as JSON writes it, that stays as it is written?"""
    try:
        return json.dumps(json.loads(text)) == text
    except ValueError:
        return False


def _put(tree: Any, path: Sequence[str | int], value: Any) -> None:
    """Put a value where a path leads, making what is not there."""
    for part, after in zip(path, [*path[1:], None], strict=True):
        fresh: Any = value if after is None else {} if isinstance(after, str) else []
        if isinstance(part, int):
            while len(tree) <= part:
                tree.append(None)
            if tree[part] is None or after is None:
                tree[part] = fresh
        elif after is None or not isinstance(tree.get(part), dict | list):
            tree[part] = fresh
        tree = tree[part]


def picture() -> bytes:
    """Pure: a PNG of one white pixel."""

    def part(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    size = bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0])
    pixel = zlib.compress(b"\0\xff\xff\xff")
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", size) + part(b"IDAT", pixel) + part(b"IEND", b"")
