"""What is wrong with `[file]`: keys of another format, encodings, expressions."""

import codecs
from collections.abc import Iterator

from impexd.model import json_path, patterns, xml_path
from impexd.model.descriptor import Format, Layout
from impexd.model.faults import Fault, picture, quoted

_TEXT = ("encoding", "fallback", "delimiter", "quote", "escape")
_GRID = ("header", "skip", "short", "long", "trailer")
KEYS: dict[Format, frozenset[str]] = {
    Format.CSV: frozenset({"guard", *_TEXT, *_GRID}),
    Format.XML: frozenset({"guard", "row", "namespaces", "others", "repeated", "joiner"}),
    Format.JSON: frozenset({"guard", "row"}),
    Format.JSONL: frozenset({"guard", "row"}),
    Format.XLSX: frozenset({"guard", "sheet", *_GRID}),
    Format.IMAGE: frozenset(),
}
"""What each format knows, besides `match` and `format`."""

ODD = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs from text to text that Python has, and no file is written in."""


def faults(layout: Layout, *, whole: bool = True) -> Iterator[Fault]:
    """Pure: all that is wrong with a layout; paths start below `[file]`.  Not `whole`: some keys were wrong and are left out."""
    yield from _foreign(layout)
    for key in ("encoding", "fallback"):
        name = getattr(layout, key)
        if name is not None and not encoding(name):
            yield Fault(
                (key,),
                f"Python knows no text encoding {quoted(name)}; write one like utf-8, cp1252, iso-8859-15",
            )
    for key in ("match", "trailer"):
        pattern = getattr(layout, key)
        if pattern is not None and (reason := patterns.faults(pattern)):
            yield Fault((key,), f"{quoted(pattern)} {reason}")
    if layout.format is Format.CSV:
        yield from _marks(layout)
    if layout.format is Format.XML and not layout.row and whole:
        yield Fault(
            (), 'XML needs `row`, the path of the element that is one record, like row = "product"'
        )
    if layout.row and (reason := row(layout)):
        yield Fault(("row",), f"{quoted(layout.row)} {reason}")
    if "joiner" in layout.model_fields_set and layout.repeated != "join":
        yield Fault(("joiner",), 'means nothing without repeated = "join"')
    if layout.format is Format.IMAGE and whole:
        yield from picture.layout(layout)
    if isinstance(layout.sheet, int) and layout.sheet < 1:
        yield Fault(("sheet",), "sheets are counted from 1")


def row(layout: Layout) -> str:
    """Pure: say why `row` is no path to the records; "" if it is one."""
    try:
        if layout.format is Format.XML:
            xml_path.row(layout.row or "", layout.namespaces)
        elif layout.format in (Format.JSON, Format.JSONL):
            json_path.place(layout.row, lines=layout.format is Format.JSONL)
    except ValueError as error:
        return str(error)
    return ""


def encoding(name: str) -> bool:
    """Pure: does Python know a text encoding of this name?"""
    try:
        known = codecs.lookup(name).name.replace("-", "_")
        b"a".decode(name)
    except UnicodeError:
        return known not in ODD
    except (LookupError, ValueError):
        return False
    return known not in ODD


def _foreign(layout: Layout) -> Iterator[Fault]:
    for key in sorted(layout.model_fields_set - {"match", "format"} - KEYS[layout.format]):
        owners = " and ".join(kind for kind, keys in KEYS.items() if key in keys)
        yield Fault((key,), f'belongs to {owners}, and this file is format = "{layout.format}"')


def _marks(layout: Layout) -> Iterator[Fault]:
    for key in ("delimiter", "quote"):
        mark = getattr(layout, key)
        if mark and mark in "\r\n\0":
            yield Fault((key,), "cannot be the end of a line")
        elif mark == "\\" and layout.escape == "backslash":
            yield Fault((key,), 'cannot be the backslash beside escape = "backslash"')
    if layout.delimiter == layout.quote:
        yield Fault(("quote",), f"is the delimiter too, {quoted(layout.quote)}")
