"""XLSX: cells as a partner sees them, sheets, and what is refused."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.formats import xlsx_cells, xlsx_numbers
from impexd.formats.xlsx_numbers import Style
from impexd.model.descriptor import Format
from impexd.model.limits import Limits
from tests.formats.whole import fault, picked, read, rejects

XLSX = Format.XLSX
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def book(*rows: Sequence[Any], **sheets: Sequence[Sequence[Any]]) -> bytes:
    """A workbook by openpyxl."""
    made = openpyxl.Workbook()
    first = made.active
    assert first is not None
    for row in rows:
        first.append(list(row))
    for name, more in sheets.items():
        sheet = made.create_sheet(name)
        for row in more:
            sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def changed(data: bytes, name: str, *pairs: tuple[str, str]) -> bytes:
    """The workbook with some text of one part replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for part in old.namelist():
            text = old.read(part)
            for before, after in pairs if part == name else ():
                assert before.encode() in text
                text = text.replace(before.encode(), after.encode())
            new.writestr(part, text)
    return out.getvalue()


def sheet(*cells: str) -> bytes:
    """A workbook whose second row is written by hand; the first is a header of a, b, c ..."""
    header = "".join(f'<c t="inlineStr"><is><t>{letter}</t></is></c>' for letter in "abcdef")
    data = book(["x"])
    row = f"<row r='1'>{header}</row><row r='2'>{''.join(cells)}</row>"
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        before = old.read("xl/worksheets/sheet1.xml").decode()
    start, end = before.index("<sheetData>") + 11, before.index("</sheetData>")
    return changed(data, "xl/worksheets/sheet1.xml", (before[start:end], row))


VALUES: dict[str, tuple[Any, str]] = {
    "a text": ("x", "x"),
    "a text that is a number": ("0123", "0123"),
    "a text with ends of lines": (" x\ny ", " x\ny "),
    "a whole number": (99, "99"),
    "a number with a point": (99.0, "99"),
    "a number": (1.1, "1.1"),
    "a long number": (1234567890123456, "1234567890123456"),
    "binary noise": (0.1 + 0.2, "0.3"),
    "more noise": (19.989999999999998, "19.99"),
    "a large number": (1e20, "100000000000000000000"),
    "a small number": (-0.0000012, "-0.0000012"),
    "yes": (True, "true"),
    "no": (False, "false"),
    "a day": (date(2024, 2, 29), "2024-02-29"),
    "a day early in 1900": (date(1900, 2, 28), "1900-02-28"),
    "a moment": (datetime(2024, 2, 29, 13, 14, 15), "2024-02-29T13:14:15"),
    "a moment at midnight": (datetime(2024, 2, 29), "2024-02-29"),
    "a moment just before it": (datetime(2024, 2, 29, 23, 59, 59), "2024-02-29T23:59:59"),
    "a time": (time(7, 5, 1), "07:05:01"),
    "a duration": (timedelta(hours=50, minutes=3), "50:03:00"),
}


@pytest.mark.parametrize("case", VALUES)
async def test_a_value_is_text_as_a_partner_sees_it(case: str) -> None:
    value, text = VALUES[case]
    found = await read(XLSX, book(["a", "b"], ["before", value]), ["b"])
    assert picked(found, ["b"]) == [[text]]


CELLS: dict[str, tuple[str, str]] = {
    "a formula's number": ("<c r='A2'><f>1+1</f><v>2</v></c>", "2"),
    "a formula's text": ("<c r='A2' t='str'><f>x</f><v>a_x000A_b</v></c>", "a\nb"),
    "a formula's empty text": ("<c r='A2' t='str'><f>x</f><v></v></c><c r='B2'><v>1</v></c>", ""),
    "17 digits": ("<c r='A2'><v>1.1000000000000001</v></c>", "1.1"),
    "an exponent": ("<c r='A2'><v>1.2E-2</v></c>", "0.012"),
    "runs": ("<c r='A2' t='inlineStr'><is><r><t>x</t></r><r><rPr/><t> y</t></r></is></c>", "x y"),
    "without its pronunciation": ("<c r='A2' t='inlineStr'><is><t>x</t><rPh><t>no</t></rPh></is></c>", "x"),
    "an escaped character": ("<c r='A2' t='inlineStr'><is><t>a_x0009_b_x005F_x0009_</t></is></c>", "a\tb_x0009_"),
    "no escaped character": ("<c r='A2' t='inlineStr'><is><t>_x0000_ _xD800_ _xyz_</t></is></c>", "_x0000_ _xD800_ _xyz_"),
    "an ISO date": ("<c r='A2' t='d'><v>2024-02-29</v></c>", "2024-02-29"),
    "cells without places": ("<c><v>1</v></c><c><v>2</v></c>", "1"),
}  # fmt: skip


@pytest.mark.parametrize("case", CELLS)
async def test_a_cell_is_read_however_it_is_written(case: str) -> None:
    cell, text = CELLS[case]
    assert picked(await read(XLSX, sheet(cell + "<c r='F2'><v>1</v></c>"), ["a"]), ["a"]) == [
        [text]
    ]


BAD: dict[str, str] = {
    "an error": "<c r='A2' t='e'><v>#N/A</v></c>",
    "a formula nobody calculated": "<c r='A2'><f>B2+1</f></c>",
    "a formula with an empty value": "<c r='A2'><f>B2+1</f><v></v></c>",
    "no number": "<c r='A2'><v>x</v></c>",
    "an endless number": "<c r='A2'><v>inf</v></c>",
}


@pytest.mark.parametrize("case", BAD)
async def test_a_cell_without_a_value_costs_its_row_if_it_is_wanted(case: str) -> None:
    data = sheet(BAD[case], "<c r='B2'><v>7</v></c>")
    found = await read(XLSX, data, ["a"])
    assert (found.rows, found.faults) == ([], [(2, "bad_value")])
    assert found.problems[0].column == "a"
    assert picked(await read(XLSX, data, ["b"]), ["b"]) == [["7"]]


@pytest.mark.parametrize(
    ("days", "text"), [(1, "1900-01-01"), (59, "1900-02-28"), (61, "1900-03-01")]
)
def test_days_are_counted_as_spreadsheets_do(days: int, text: str) -> None:
    assert xlsx_numbers.text(str(days), Style.MOMENT, since_1904=False) == text


@pytest.mark.parametrize("days", ["0", "60", "60.5", "-1", "1e9"])
def test_days_that_never_were_are_none(days: str) -> None:
    with pytest.raises(ValueError, match="no such day"):
        xlsx_numbers.text(days, Style.MOMENT, since_1904=False)


STYLES: dict[str, Style] = {
    "General": Style.NUMBER,
    "0.00": Style.NUMBER,
    "#,##0.00 [$€-407];[Red]-#,##0.00 [$€-407]": Style.NUMBER,
    '0 "days"': Style.NUMBER,
    r"0\d": Style.NUMBER,
    "0.00E+00": Style.NUMBER,
    "dd.mm.yyyy": Style.MOMENT,
    "[$-409]d-mmm-yy;@": Style.MOMENT,
    "mmm": Style.MOMENT,
    "yyyy-mm-dd hh:mm": Style.MOMENT,
    "h:mm AM/PM": Style.TIME,
    "mm:ss.0": Style.TIME,
    "[h]:mm:ss": Style.DURATION,
    "[mm]:ss": Style.DURATION,
}


@pytest.mark.parametrize("code", STYLES)
def test_a_number_format_says_what_a_number_is(code: str) -> None:
    assert xlsx_numbers.style(170, code) is STYLES[code]


async def test_a_workbook_that_counts_from_1904_is_read_as_it_is_meant() -> None:
    made = openpyxl.Workbook()
    made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    assert made.active is not None
    made.active.append(["a"])
    made.active.append([date(2024, 2, 29)])
    out = io.BytesIO()
    made.save(out)
    assert (await read(XLSX, out.getvalue(), ["a"])).cells == [["2024-02-29"]]


async def test_a_sheet_is_wanted_by_name_or_place() -> None:
    data = book(["a"], [1], Prices=[["a"], [2]], Stock=[["a"], [3]])
    for sheet, cell in ((None, "1"), (1, "1"), (2, "2"), ("Stock", "3"), ("prices", "2")):
        assert (await read(XLSX, data, ["a"], sheet=sheet)).cells == [[cell]]
    assert await fault(XLSX, data, sheet="Price") == "bad_structure"
    assert await fault(XLSX, data, sheet=4) == "bad_structure"


async def test_the_header_is_found_as_in_csv() -> None:
    data = book(["Report"], [], [" Code ", "EN", "EN", None, "x"], ["1", "b", "c", None, None])
    found = await read(XLSX, data, ["code", "EN#2", "x", 1], skip=2)
    assert found.names == (" Code ", "EN", "EN", "", "x")
    assert (found.rows, found.positions) == (
        [(4, ["1", "b", "c", "", ""])],
        {"code": 0, "EN#2": 2, "x": 4, 1: 0},
    )
    assert await fault(XLSX, data, ["price"], skip=2) == "bad_header"
    assert await fault(XLSX, data, ["EN"], skip=2) == "bad_header"
    assert await fault(XLSX, book()) == "missing_header"


async def test_a_sheet_without_header_is_read_by_place() -> None:
    data = book([None, "x"], ["y", None, None], [None, None, "z"])
    found = await read(XLSX, data, [1, 2, 3], header=False)
    assert found.cells == [["", "x", ""], ["y", "", ""], ["", "", "z"]]


async def test_lines_are_rows_of_the_sheet_and_empty_ones_are_passed_over() -> None:
    data = book(["a", "b"], [1, 2], [], [None, None], [3], [None, 4])
    found = await read(XLSX, data, ["a", "b"])
    assert found.rows == [(2, ["1", "2"]), (5, ["3", ""]), (6, ["", "4"])]


async def test_a_cell_beyond_the_header_is_a_fault_unless_it_is_to_be_cut() -> None:
    data = book(["a"], [1, "note"], [2])
    found = await read(XLSX, data, ["a"])
    assert (found.cells, found.faults) == ([["2"]], [(2, "ragged_row")])
    assert (await read(XLSX, data, ["a"], long="cut")).cells == [["1"], ["2"]]


async def test_two_cells_far_apart_cost_two_cells() -> None:
    made = openpyxl.Workbook()
    assert made.active is not None
    made.active["A1"] = "a"
    made.active["A1048576"] = "x"
    out = io.BytesIO()
    made.save(out)
    assert (await read(XLSX, out.getvalue(), ["a"])).rows == [(1_048_576, ["x"])]


async def test_a_workbook_of_another_writer_is_read() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as made:
        sheet = made.add_worksheet("One")
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, ["é", 2])
        sheet.write_datetime(
            2, 0, datetime(2024, 2, 29, 1, 2, 3), made.add_format({"num_format": "d.m.yy h:mm"})
        )
    found = await read(XLSX, out.getvalue(), ["a", "b"])
    assert found.cells == [["é", "2"], ["2024-02-29T01:02:03", ""]]
    rich = changed(
        shared(["a"], ["x"], ["a"]),
        "xl/sharedStrings.xml",
        ("<t>x</t>", "<r><t>y</t></r><r><t xml:space='preserve'> z</t></r>"),
    )
    assert (await read(XLSX, rich, ["a"])).cells == [["y z"], ["a"]]


async def test_a_strict_workbook_is_read() -> None:
    data = book(["a"], ["x"])
    strict = (MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main")
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        names = [name for name in parts.namelist() if MAIN.encode() in parts.read(name)]
    for name in names:
        data = changed(data, name, strict)
    assert (await read(XLSX, data, ["a"])).cells == [["x"]]


def shared(*rows: Sequence[Any]) -> bytes:
    """A workbook by another writer, whose cells share their texts."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet("One")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return out.getvalue()


GOOD = shared(["a"], ["x"])
SHEET, BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
FILES: dict[str, tuple[bytes, str]] = {
    "no file": (b"", "empty_file"),
    "no archive": (b"a,b\n1,2\n", "malformed"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), "encrypted_member"),
    "cut off": (GOOD[:-30], "malformed"),
    "bytes behind it": (GOOD + b"x", "malformed"),
    "another archive": (b"", "malformed"),
    "a DOCTYPE in a sheet": (changed(GOOD, SHEET, ("<worksheet", "<!DOCTYPE w [<!ENTITY x 'y'>]><worksheet")), "dtd_forbidden"),
    "a DOCTYPE in the workbook": (changed(GOOD, BOOK, ("<workbook", "<!DOCTYPE w><workbook")), "dtd_forbidden"),
    "a sheet that is no XML": (changed(GOOD, SHEET, ("</worksheet>", "")), "malformed"),
    "a shared text that is not there": (changed(GOOD, SHEET, ("<v>1</v>", "<v>9</v>")), "malformed"),
    "a place that is none": (changed(GOOD, SHEET, ('r="A2"', 'r="2A"')), "malformed"),
    "a place beyond any sheet": (changed(GOOD, SHEET, ('r="A2"', 'r="ZZZ2"')), "bad_structure"),
    "a row that is none": (changed(GOOD, SHEET, ('<row r="2"', '<row r="x"')), "malformed"),
    "rows out of order": (changed(GOOD, SHEET, ('<row r="2"', '<row r="1"')), "bad_structure"),
    "a kind of cell nobody knows": (changed(GOOD, SHEET, ('t="s"', 't="z"')), "malformed"),
}  # fmt: skip


def archive(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", 8) as made:
        made.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("case", FILES)
async def test_what_is_no_workbook_is_refused(case: str) -> None:
    data, code = FILES[case]
    data = archive("products.csv", b"a\n1\n") if case == "another archive" else data
    assert await fault(XLSX, data) == code


async def test_no_cut_makes_a_workbook_of_fewer_rows() -> None:
    for size in range(0, len(GOOD), 97):
        assert await fault(XLSX, GOOD[:size]) in ("empty_file", "malformed")


async def test_limits_are_held() -> None:
    rows = [["a"], *([f"text {n}"] for n in range(200_000))]
    data = book(*rows[:1001])
    assert await fault(XLSX, data, limits=Limits(rows=1000)) == ""
    assert await fault(XLSX, data, limits=Limits(rows=999)) == "too_many_rows"
    assert await fault(XLSX, data, limits=Limits(members=3)) == "too_many_members"
    assert await fault(XLSX, data, limits=Limits(unpacked=10_000)) == "too_large"
    found = await read(XLSX, book(["a"], ["x" * 2000], ["y"]), ["a"], limits=Limits(field=1000))
    assert (found.cells, found.faults) == ([["y"]], [(2, "value_too_long")])
    bomb = changed(GOOD, SHEET, ("<sheetData>", "<sheetData>" + " " * 30_000_000))
    assert await fault(XLSX, bomb) == "too_large"


def test_columns_have_letters() -> None:
    assert [xlsx_cells.letters(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert all(xlsx_cells.index(xlsx_cells.letters(n)) == n for n in range(16_384))


cells = (
    st.none()
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
    | st.integers(-(10**14), 10**14)
    | st.decimals(-(10**6), 10**6, places=4).map(float)
    | st.dates(date(1900, 3, 1), date(2999, 1, 1))
)


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value.isoformat() if isinstance(value, date) else str(value)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=5))
async def test_what_is_written_is_read(rows: list[list[Any]]) -> None:
    safe = [[f"'{v}" if isinstance(v, str) else v for v in row] for row in rows]
    found = await read(XLSX, book(["a", "b", "c"], *safe), ["a", "b", "c"])
    expected = [[as_text(value) for value in row] for row in safe]
    assert [cells for cells in expected if any(cells)] == found.cells


async def test_rejects_are_a_workbook_that_is_read_the_same_way() -> None:
    data = book(
        ["no"], Prices=[["Prices"], ["a", "b"], ["x", 1.5], ["y", 2], [date(2024, 2, 29), "='x"]]
    )
    layout: dict[str, Any] = {"sheet": "Prices", "skip": 1}
    written = await rejects(XLSX, data, [(3, "bad"), (5, "worse")], **layout)
    wanted = ["a", "b", "_line", "_problem"]
    found = await read(XLSX, written, wanted, **layout)
    assert found.faults == [(4, "bad_value")]
    assert picked(found, wanted) == [["x", "1.5", "3", "bad"]]
    again = await rejects(XLSX, written, [(3, "third")], **layout)
    found = await read(XLSX, again, wanted, **layout)
    assert picked(found, wanted) == [["x", "1.5", "3", "third"]]
    assert len(found.names) == 4


async def test_rejects_stand_on_the_sheet_they_stood_on() -> None:
    data = book(["a"], [1], Two=[["a"], [2]], Three=[["a"], [3], [4]])
    written = await rejects(XLSX, data, [(3, "bad")], sheet=3)
    assert picked(await read(XLSX, written, ["a"], sheet=3), ["a"]) == [["4"]]
    long = "a name that is longer than any spreadsheet takes"
    data = changed(data, BOOK, ('name="Two"', f'name="{long}"'))
    written = await rejects(XLSX, data, [(2, "bad")], sheet=long)
    assert picked(await read(XLSX, written, ["a"], sheet=long), ["a"]) == [["2"]]


async def test_an_error_is_still_one_among_the_rejects() -> None:
    data = sheet(BAD["an error"], "<c r='B2'><v>1</v></c>")
    written = await rejects(XLSX, data, [(2, "bad_value")])
    assert (await read(XLSX, written, ["a"])).faults == [(2, "bad_value")]


async def test_rejects_without_header_are_rows_alone() -> None:
    written = await rejects(XLSX, book([1, 2], [3, 4]), [(2, "bad")], header=False)
    assert (await read(XLSX, written, [1, 2, 4], header=False)).cells == [["3", "4", "2", "bad"]]
