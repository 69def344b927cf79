"""The cells of a row of a sheet, made to text (ECMA-376 part 1, 18.3.1.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import xlsx_numbers
from impexd.formats.xlsx_numbers import Style
from impexd.model.problem import Code

if TYPE_CHECKING:
    from lxml import etree


WIDEST = 16_384
"""Columns of the widest sheet."""

_DIGITS = "0123456789"
_PLACE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_ESCAPED = re.compile(r"_x(?!0000|[dD][89a-fA-F])([0-9A-Fa-f]{4})_")
"""A character that XML cannot hold, as spreadsheets write it; not NUL, nor half of a pair."""


class Wrong(str):
    """A cell without a value that could be taken; `why` says what is wrong."""

    why = ""


class Cells:
    """Makes text of the cells of one sheet."""

    def __init__(
        self, tag: str, texts: Sequence[str], styles: Sequence[Style], *, since_1904: bool
    ) -> None:
        """`tag` is the namespace of the elements, as `{uri}`."""
        self._tag = tag
        self._texts = texts
        self._styles = styles
        self._since_1904 = since_1904
        self._cell, self._value = f"{tag}c", f"{tag}v"
        self._formula, self._inline = f"{tag}f", f"{tag}is"
        self._columns: dict[str, int] = {}

    def of(self, row: etree._Element) -> list[str]:
        """Give the cells of a row from column A to the last that is not empty."""
        cells: list[str] = []
        at = -1
        columns, value = self._columns, self._value
        for one in row.iterchildren(self._cell):
            place, before = one.get("r"), at
            if place is None:
                at += 1
            else:
                column = columns.get(place.rstrip(_DIGITS))
                at = self._column(place) if column is None else column
            if not before < at < WIDEST:
                raise DataError(Code.BAD_STRUCTURE, "the cells of a row are not in order")
            if len(one) == 1 and (child := one[0]).tag == value:
                text = self._typed(child.text or "", one.get("t", "n"), one.get("s"))
            else:
                text = self._text(one) if len(one) else ""
            if text:
                if len(cells) < at:
                    cells += [""] * (at - len(cells))
                cells.append(text)
        return cells

    def _column(self, place: str) -> int:
        found = _PLACE.fullmatch(place)
        if not found:
            raise DataError(Code.MALFORMED, f"{shown(place, limit=40)} is no place in a sheet")
        column = self._columns[found[1]] = index(found[1])
        return column

    def _text(self, cell: etree._Element) -> str:
        value = formula = None
        inline = ""
        for child in cell:
            if child.tag == self._value:
                value = child.text or ""
            elif child.tag == self._formula:
                formula = child.text or ""
            elif child.tag == self._inline:
                inline = rich(child, self._tag)
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return inline
        if not value and kind == "n":
            if formula is None:
                return ""
            return _wrong("=" + formula, "this formula was never calculated")
        return self._typed(value or "", kind, cell.get("s"))

    def _typed(self, value: str, kind: str, style: str | None) -> str:
        match kind:
            case "s":
                return self._shared(value)
            case "str":
                return unescaped(value)
            case "n":
                return self._number(value, style)
            case "b":
                return "true" if value.strip() == "1" else "false"
            case "e":
                return _wrong(value, f"{shown(value, limit=40)} is an error of the spreadsheet")
            case "d":
                return value
        raise DataError(
            Code.MALFORMED, f"a cell is of a kind nobody knows, {shown(kind, limit=40)}"
        )

    def _shared(self, value: str) -> str:
        try:
            return self._texts[int(value)]
        except (ValueError, IndexError):
            what = f"there is no shared text {shown(value, limit=40)}"
            raise DataError(Code.MALFORMED, what) from None

    def _number(self, literal: str, style: str | None) -> str:
        if style is None and literal.isdigit() and literal.isascii():
            return literal
        literal = literal.strip()
        if not literal:
            return ""
        kind = Style.NUMBER
        if style and style.isascii() and style.isdigit() and int(style) < len(self._styles):
            kind = self._styles[int(style)]
        try:
            return xlsx_numbers.text(literal, kind, since_1904=self._since_1904)
        except (ValueError, OverflowError):
            what = "a number" if kind is Style.NUMBER else "a day"
            return _wrong(literal, f"this cannot be shown as {what}")


def rich(element: etree._Element, tag: str) -> str:
    """Pure: a text, its runs put together; how it is pronounced is left out."""
    texts = []
    for child in element:
        if child.tag == f"{tag}t":
            texts.append(child.text or "")
        elif child.tag == f"{tag}r":
            texts += [one.text or "" for one in child if one.tag == f"{tag}t"]
    return unescaped("".join(texts))


def unescaped(text: str) -> str:
    """Pure: turn _x000D_ into the character it stands for."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def index(letters: str) -> int:
    """Pure: the index of a column by its letters, A is 0."""
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - ord("A") + 1
    return found - 1


def letters(column: int) -> str:
    """Pure: the letters of a column by its index."""
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def _wrong(text: str, why: str) -> Wrong:
    wrong = Wrong(text or why)
    wrong.why = why
    return wrong
