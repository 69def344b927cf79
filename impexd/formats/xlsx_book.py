"""
A workbook: which sheets it has, and what the cells of a sheet hold.

Takes a package of parts; gives the rows of one sheet as text, in flat memory but for the texts
that sheets share.

It is read with the XML reader of this room, not with a library for spreadsheets: those that are
fast give an error like #N/A as an empty cell, days that never were as a time, and hold a sheet as
a full grid, so that two cells far apart cost as much memory as all the cells between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import xlsx_numbers
from impexd.formats.xlsx_cells import Cells, rich
from impexd.formats.xlsx_numbers import Style
from impexd.formats.xlsx_package import Package
from impexd.model.limits import Limits
from impexd.model.problem import Code

if TYPE_CHECKING:
    from lxml import etree


MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
ID = re.compile(r"\{[^}]*/relationships\}id")

_DIGITS = re.compile(r"[0-9]{1,9}")


class Book:
    """A workbook that is open for reading."""

    def __init__(self, package: Package, limits: Limits) -> None:
        self._package = package
        self._limits = limits
        main = package.relations("")
        self._part = next((part for kind, part in main.values() if kind == "officeDocument"), "")
        if not self._part:
            raise DataError(Code.MALFORMED, "this is no workbook; it names no main part")
        self._tag = self._namespace()
        self._since_1904 = any(
            one.get("date1904") in ("1", "true") for one in self._elements(self._part, "workbookPr")
        )
        self._parts = package.relations(self._part)
        self._sheets = list(self._named())

    def names(self) -> list[str]:
        """Give the names of the sheets, in order."""
        return [name for name, _ in self._sheets]

    def rows(self, wanted: str | int | None) -> Iterator[tuple[int, list[str]]]:
        """
        Give the rows of a sheet: their numbers, and their cells from column A to the last one.

        A sheet is wanted by its name, or by its place from 1; else it is the first.
        """
        part = self._sheet(wanted)
        texts = self._texts()
        styles = self._styles()
        cells = Cells(self._tag, texts, styles, since_1904=self._since_1904)
        path = f"{self._tag}worksheet/{self._tag}sheetData/{self._tag}row"
        last = 0
        for row in self._package.elements(part, path):
            number = _number(row.get("r"), last + 1)
            if number <= last:
                raise DataError(
                    Code.BAD_STRUCTURE, f"row {number} of the sheet stands after {last}"
                )
            last = number
            yield number, cells.of(row)

    def _namespace(self) -> str:
        try:
            for _ in self._package.elements(self._part, f"{MAIN}workbook/{MAIN}sheets"):
                pass
        except DataError as error:
            if error.code != Code.WRONG_ROOT:
                raise
            return STRICT
        return MAIN

    def _elements(self, part: str, *path: str) -> Iterator[etree._Element]:
        root = "workbook" if part == self._part else "styleSheet"
        return self._package.elements(part, "/".join(self._tag + name for name in (root, *path)))

    def _named(self) -> Iterator[tuple[str, str]]:
        for one in self._elements(self._part, "sheets", "sheet"):
            key = next((str(v) for k, v in one.attrib.items() if ID.fullmatch(str(k))), "")
            kind, part = self._parts.get(key, ("", ""))
            if kind == "worksheet":  # not a chart, nor a sheet of old macros
                yield one.get("name", ""), part

    def _sheet(self, wanted: str | int | None) -> str:
        names = ", ".join(shown(name, limit=40) for name, _ in self._sheets[:20])
        if isinstance(wanted, str):
            for name, part in self._sheets:
                if name.casefold() == wanted.casefold():
                    return part
            what = f'there is no sheet "{shown(wanted, limit=60)}"; there is {names or "none"}'
            raise DataError(Code.BAD_STRUCTURE, what)
        at = (wanted or 1) - 1
        if at >= len(self._sheets):
            what = f"there is no sheet {at + 1}; there is {names or 'none'}"
            raise DataError(Code.BAD_STRUCTURE, what)
        return self._sheets[at][1]

    def _related(self, wanted: str) -> str:
        return next((part for kind, part in self._parts.values() if kind == wanted), "")

    def _texts(self) -> list[str]:
        """Read the texts that cells share."""
        part = self._related("sharedStrings")
        texts: list[str] = []
        if not part:
            return texts
        size, most = 0, self._limits.memory // 4
        for one in self._package.elements(part, f"{self._tag}sst/{self._tag}si"):
            texts.append(rich(one, self._tag))
            size += len(texts[-1]) + 64
            if size > most:
                what = f"the texts of the workbook take more than {most} bytes"
                raise DataError(Code.TOO_LARGE, what)
        return texts

    def _styles(self) -> list[Style]:
        """Read what the styles of cells make of numbers."""
        part = self._related("styles")
        if not part:
            return []
        codes = {
            one.get("numFmtId"): one.get("formatCode")
            for one in self._elements(part, "numFmts", "numFmt")
        }
        return [
            xlsx_numbers.style(_number(one.get("numFmtId"), 0), codes.get(one.get("numFmtId")))
            for one in self._elements(part, "cellXfs", "xf")
        ]


def _number(text: str | None, other: int) -> int:
    """Pure: a whole number of the workbook's own."""
    if text is None:
        return other
    if not _DIGITS.fullmatch(text):
        raise DataError(Code.MALFORMED, f"{shown(text, limit=40)} is no number")
    return int(text)
