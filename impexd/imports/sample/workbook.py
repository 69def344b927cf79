"""
A grid as XLSX: the few parts that a workbook needs.

Pure.  Texts stand in their cells (inline), numbers are numbers; everything has the same date, so
the same template is the same bytes.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from impexd.model.descriptor import Layout

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,6})?").fullmatch


def written(layout: Layout, rows: Sequence[Sequence[str]], *, numbers: frozenset[int]) -> bytes:
    """Pure: a workbook; `numbers` are the columns of which plain digits are no text."""
    name = layout.sheet if isinstance(layout.sheet, str) else "Sheet"
    before = layout.sheet - 1 if isinstance(layout.sheet, int) else 0
    names = [f"Sheet{n + 1}" for n in range(before)] + [name]
    parts = {
        "[Content_Types].xml": _types(len(names)),
        "_rels/.rels": _links([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _book(names),
        "xl/_rels/workbook.xml.rels": _links(
            [("worksheet", f"worksheets/sheet{n + 1}.xml") for n in range(len(names))]
        ),
    }
    for n in range(len(names)):
        grid = rows if n == before else []
        parts[f"xl/worksheets/sheet{n + 1}.xml"] = _sheet(grid, numbers)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in parts.items():
            archive.writestr(zipfile.ZipInfo(path), _HEAD + text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _types(count: int) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n + 1}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for n in range(count)
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f"{sheets}</Types>"
    )


def _links(links: Sequence[tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(links, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, 1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{sheets}</sheets></workbook>'


def _sheet(rows: Sequence[Sequence[str]], numbers: frozenset[int]) -> str:
    inner = "".join(
        f'<row r="{n}">{"".join(_cells(row, n, numbers))}</row>' for n, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{inner}</sheetData></worksheet>'


def _cells(row: Sequence[str], number: int, numbers: frozenset[int]) -> Iterator[str]:
    for n, text in enumerate(row):
        place = f"{_letters(n)}{number}"
        if n in numbers and _PLAIN(text):
            yield f'<c r="{place}"><v>{text}</v></c>'
        elif text:
            yield f'<c r="{place}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _letters(n: int) -> str:
    found = ""
    n += 1
    while n:
        n, rest = divmod(n - 1, 26)
        found = chr(65 + rest) + found
    return found
