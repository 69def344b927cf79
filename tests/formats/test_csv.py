"""CSV, from bytes to rows and problems."""

import csv
import io
import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impexd.core.errors import DataError
from impexd.formats import csv as reader
from impexd.formats import encoding
from impexd.model.descriptor import Layout
from impexd.model.limits import KiB, Limits, MiB
from tests.formats.reading import Read, read


async def refused(data: bytes | str, wanted: Any = (), **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        await read(data, wanted, **options)
    return caught.value


@pytest.mark.parametrize(
    ("data", "layout", "rows"),
    [
        ("a,b\n1,2\n3,4\n", {}, [(2, ["1", "2"]), (3, ["3", "4"])]),
        ("a,b\r\n1,2\r\n3,4\r\n", {}, [(2, ["1", "2"]), (3, ["3", "4"])]),
        ("a,b\r1,2\r3,4\r", {}, [(2, ["1", "2"]), (3, ["3", "4"])]),
        ("a,b\n1,2\r\n3,4\r5,6", {}, [(2, ["1", "2"]), (3, ["3", "4"]), (4, ["5", "6"])]),
        ("\n\na,b\n\n1,2\n\n \n\r\r\n3,4\n\n", {}, [(5, ["1", "2"]), (10, ["3", "4"])]),
        ("a,b\n1,", {}, [(2, ["1", ""])]),
        ('a,b\n"1",""\n', {}, [(2, ["1", ""])]),
        ('a,b\n"1""2","3,4"', {}, [(2, ['1"2', "3,4"])]),
        ('a,b\n"x\ny\r\nz\r",2\n3,4\n', {}, [(2, ["x\ny\r\nz\r", "2"]), (6, ["3", "4"])]),
        ('a,b\r"1\r2",3\r\r4,5\r', {}, [(2, ["1\r2", "3"]), (5, ["4", "5"])]),
        ('"a\nb",c\n1,2\n', {}, [(3, ["1", "2"])]),
        ("a,b\n1\x0b\x0c\x85\u2028,2\n", {}, [(2, ["1\x0b\x0c\x85\u2028", "2"])]),
        (" 1 ,2\n 3 , 4\n", {"header": False}, [(1, [" 1 ", "2"]), (2, [" 3 ", " 4"])]),
        ('a;b\n"1;2";3\n', {"delimiter": ";"}, [(2, ["1;2", "3"])]),
        ("a\tb\n1\t'2\t3'\n", {"delimiter": "\t", "quote": "'"}, [(2, ["1", "2\t3"])]),
        ('a,b\n"1,2"\n', {"quote": ""}, [(2, ['"1', '2"'])]),
        ("a^b\n]1^[2\n", {"delimiter": "^", "quote": "-"}, [(2, ["]1", "[2"])]),
        ('junk "\nmore,,\na,b\n1,2\n', {"skip": 2}, [(4, ["1", "2"])]),
        ("a,b,\n1,2,\n", {}, [(2, ["1", "2", ""])]),
    ],
)
async def test_rows_come_with_the_physical_line_they_start_on(
    data: str, layout: dict[str, Any], rows: list[Any]
) -> None:
    got = await read(data, **layout)
    assert (got.rows, got.problems) == (rows, [])


@pytest.mark.parametrize(
    ("written", "cells"),
    [
        (r'"a\"b",c', ['a"b', "c"]),
        (r'"a\\",c', ["a\\", "c"]),
        (r'"a\n\n",\t', [r"a\n\n", r"\t"]),
        (r'"a""b\"c",d', ['a"b"c', "d"]),
        (r"5\" disk,c", ['5" disk', "c"]),
        (r"\"x\",c", ['"x"', "c"]),
        (r'"{\"k\": \"v\\n\"}",c', [r'{"k": "v\n"}', "c"]),
        (r'"a\\\"b",\\', ['a\\"b', "\\"]),
        ('"a\\\nb",c', ["a\\\nb", "c"]),
        ("a,c\\", ["a", "c\\"]),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 1000])
async def test_a_backslash_escapes_a_quote_and_itself_and_nothing_else(
    written: str, cells: list[str], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "HEAD", 4)
    monkeypatch.setattr(encoding, "CHUNK", chunk)
    got = await read(f"x,y\n{written}\n\\\\,z", escape="backslash")
    assert got.cells == [cells, ["\\", "z"]]
    assert not got.problems


async def test_without_quotes_a_backslash_still_escapes_itself_only() -> None:
    got = await read('x,y\n\\\\a,\\"\n', escape="backslash", quote="")
    assert got.cells == [["\\a", '\\"']]


@pytest.mark.parametrize(
    ("row", "faults", "good"),
    [
        ('a"b,2', [(2, "malformed")], 1),
        ('"a"b,2', [(2, "malformed")], 1),
        ('1, "2"', [(2, "malformed")], 1),
        ('"1" ,2', [(2, "malformed")], 1),
        ('1,2"', [(2, "malformed")], 1),
        ('"a\nb"c,2', [(2, "malformed"), (3, "malformed")], 1),
        ('"a,2\n5,6\n7,"8"', [(2, "malformed")], 3),
        ("1", [(2, "ragged_row")], 1),
        ("1,2,3", [(2, "ragged_row")], 1),
        ("1\0,2", [(2, "bad_value")], 1),
        ("\x1a", [(2, "ragged_row")], 1),
    ],
)
async def test_a_bad_row_is_one_problem_and_the_next_line_goes_on(
    row: str, faults: list[Any], good: int
) -> None:
    got = await read(f"a,b\n{row}\n3,4\n", ["a", "b"])
    assert (got.faults, len(got.rows)) == (faults, good)
    assert got.cells[-1] == ["3", "4"]


async def test_a_ragged_row_says_both_widths_and_keeps_its_cells_for_the_rejects() -> None:
    got = await read("a,b\n1,2,3\n")
    assert got.problems[0].message == "this row has 3 cells, the header 2"
    assert got.broken == [(2, ["1", "2", "3"])]


async def test_short_rows_are_padded_and_long_ones_cut_if_the_layout_says_so() -> None:
    got = await read("a,b\n1\n1,2,3\n", short="pad", long="cut")
    assert got.cells == [["1", ""], ["1", "2"]]
    assert (await read("a,b\n1\n1,2,3\n", short="pad")).faults == [(3, "ragged_row")]
    assert (await read("a,b\n1\n1,2,3\n", long="cut")).faults == [(2, "ragged_row")]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        ("", "empty_file", None),
        ("\ufeff", "empty_file", None),
        (" \n\t\n\n", "missing_header", None),
        ("\0\0\0", "bad_data", 1),
        ("a,b\n1,2\n" + "\0" * 100_000, "bad_data", 3),
        ("a,b\n1,2\n" + "\0" * (6 * MiB), "bad_data", 3),
        ('a,b\n"1,2\n3,4\n', "malformed", 2),
        ('a,b\n1,2\n3,"4\n' + "5,6\n" * 200_000, "malformed", 3),
        ('a,b\n1,2\n3,"4\n' + "5,6\n" * 2_000_000, "malformed", 3),
        ("a,b\n1,2\n" + "x" * (5 * MiB), "line_too_long", 3),
        ("a,b\n1,2\n" + "x" * (5 * MiB) + "\n", "line_too_long", 3),
        ('a,b\n1,2\n"' + "x" * (20 * MiB), "value_too_long", 3),
        ('a"b,c\n1,2\n', "bad_header", 1),
        ("x," * 1_000_000 + "\n", "bad_header", 1),
    ],
)
async def test_what_is_wrong_with_the_whole_file_is_refused_with_its_line(
    data: str, code: str, line: int | None
) -> None:
    error = await refused(data)
    assert (error.code, error.line) == (code, line)
    assert len(str(error)) < 400


async def test_a_file_without_header_has_positions_for_names() -> None:
    got = await read("1,2\n3,4\n", [2, 1], header=False)
    assert (got.names, got.positions) == (("1", "2"), {2: 1, 1: 0})
    assert (await refused("1,2\n", [3, "a"], header=False)).code == "bad_header"
    assert (await refused("\n \n", [1], header=False)).code == "empty_file"
    got = await read("1,2\n3\n", [2], header=False)
    assert got.problems[0].message == "this row has 1 cells, the first row 2"


@pytest.mark.parametrize(
    ("header", "wanted", "positions"),
    [
        ("a,b", ["b", "a"], {"b": 1, "a": 0}),
        (" A ,b", ["a"], {"a": 0}),
        ("a,A", ["A", "a"], {"A": 1, "a": 0}),
        ("a,b", [2, "a"], {2: 1, "a": 0}),
        ("EN,RU,EN", ["EN#2", "EN"], {"EN#2": 2, "EN": 0}),
        ("EN,RU,EN", ["EN#1", "EN#2"], {"EN#1": 0, "EN#2": 2}),
        ("en,RU,en", ["EN#2"], {"EN#2": 2}),
        ("a#2,a,a", ["a#2"], {"a#2": 0}),
        ("a,b,", ["a"], {"a": 0}),
        ("a,b,b", ["a"], {"a": 0}),
        ('"a\nb",c', ["a\nb"], {"a\nb": 0}),
    ],
)
async def test_wanted_columns_are_found(
    header: str, wanted: list[Any], positions: dict[Any, int]
) -> None:
    assert (await read(f"{header}\n", wanted)).positions == positions


@pytest.mark.parametrize(
    ("header", "wanted", "said"),
    [
        ("a,b", ["c", "d", "a"], ['"c"', '"d"', "the header has a, b"]),
        ("code,name,code", ["code"], ['2 columns "code"', "code#1"]),
        ("a,A,b", ["aA", "B#2"], ['"aA"', '"B#2"']),
        ("EN,En", ["en"], ["2 columns"]),
        ("a,b", [3, 0], ["no column 3", "no column 0"]),
        ("a;b;c", ["a"], ['no column "a"']),
        ("a," * 900 + "b", ["c"], ["and 881 more"]),
        ("\x1b[2J,b", ["c"], ["\\x1b[2J"]),
    ],
)
async def test_all_that_is_wrong_with_a_header_is_said_at_once(
    header: str, wanted: list[Any], said: list[str]
) -> None:
    error = await refused(f"{header}\n1,2\n", wanted)
    assert error.code == "bad_header"
    assert all(part in str(error) for part in said), str(error)


async def test_a_header_cut_at_the_wrong_delimiter_says_which_may_be_right() -> None:
    assert '";"' in (await refused("a;b;c\n", ["a"])).hint


@pytest.mark.parametrize(
    ("data", "trailer", "rows"),
    [
        ("a,b\n1,2\n3,4\nEND\n", "END", 2),
        ("a,b\n1,2\n3,4\nTRAILER 2,\n\n \n", r"TRAILER (?P<rows>\d+)", 2),
        ('a,b\n1,2\n3\n4,x"\nEND 003\n', r"END (?P<rows>\d+)", 1),
        ("a,b\nEND 0", r"END (?P<rows>\d+)", 0),
        ("a,b\n" + "1,2\n" * 60_000 + "END 60000", r"END (?P<rows>\d+)", 60_000),
    ],
)
async def test_the_trailer_proves_the_file_whole_and_is_no_row(
    data: str, trailer: str, rows: int
) -> None:
    assert len((await read(data, trailer=trailer)).rows) == rows


@pytest.mark.parametrize(
    "data",
    [
        "a,b\n1,2\n3,4\n",
        "a,b\n",
        "a,b\n1,2\nEND 2\n",
        "a,b\n1,2\nEND " + "9" * 5000,
        "a,b\nEND 1\n1,2\n",
        'a,b\n1,2\nEND 1\nx"\n',
        "a,b\n1,2\nEND 1 more\n",
    ],
)
async def test_a_missing_or_lying_trailer_takes_the_file_down(data: str) -> None:
    assert (await refused(data, trailer=r"END (?P<rows>\d+)")).code == "bad_trailer"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("a,b\n" + "1,2\n" * 11, "too_many_rows"),
        ("a,b\n" + "1\n" * 6 + '1"\n' * 5, "too_many_rows"),
        ("a,b\n1," + "x" * 101 + "\n", "line_too_long"),
        ("a,b\n1," + "x" * 101, "line_too_long"),
        ('a,b\n1,"y\n' + "x" * 101 + '"\n', "line_too_long"),
        ("a,b,c,d,e\n", "bad_header"),
    ],
)
async def test_limits_hold_for_the_file(data: str, code: str) -> None:
    assert (await refused(data, limits=Limits(rows=10, line=100, columns=4))).code == code


async def test_limits_hold_for_a_row() -> None:
    limits = Limits(rows=10, line=100, columns=4, field=20)
    row = "x" * 21
    got = await read(f'a,b\n1,{row}\n1,2,3,4,5\n"{row}",1\n1,2\n', limits=limits)
    assert got.faults == [(2, "value_too_long"), (3, "ragged_row"), (4, "value_too_long")]
    assert got.broken == [(2, ["1", row]), (4, [row, "1"])]
    assert got.problems[0].column == "b"


async def test_a_row_of_a_million_cells_is_neither_kept_nor_echoed() -> None:
    got = await read("a,b\n" + "x," * 1_000_000 + "\n1,2\n")
    assert (got.faults, got.broken, got.cells) == ([(2, "ragged_row")], [], [["1", "2"]])
    assert len(got.problems[0].message) < 100


async def test_memory_stays_flat_whatever_the_file() -> None:
    class Endless(io.RawIOBase):
        """Gives 200 MiB of the same, without having them."""

        def __init__(self, head: bytes, body: bytes) -> None:
            super().__init__()
            self._head, self._body, self._left = head, body * (128 * KiB // len(body)), 1600

        def read(self, size: int = -1) -> bytes:
            head, self._head = self._head, b""
            self._left -= not head
            return head or (self._body if self._left > 0 else b"")

    tracemalloc.start()
    try:
        for head, body, good in (
            (b"a,b\n", b"1,2\n" * 1024, True),
            (b"a,b\n", b"x", False),
            (b'a,b\n"', b"x", False),
            (b'a,b\n"', b"x,y\n", False),
            (b'a,b\n"', b'x\n""', False),
        ):
            tracemalloc.reset_peak()
            try:
                table = await reader.read(
                    lambda head=head, body=body: Endless(head, body),  # type: ignore[misc, arg-type]
                    Layout(),
                    (),
                    Limits(rows=150_000),
                )
                async for _ in table.batches:
                    pass
            except DataError as error:
                assert good == (error.code == "too_many_rows")
            assert tracemalloc.get_traced_memory()[1] < 20 * MiB
    finally:
        tracemalloc.stop()


def ends(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[Any]]:
    """A file written by `csv.writer`, how it is laid out, and its rows with their lines."""
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    delimiter, quote = draw(st.sampled_from([(",", '"'), (";", "'"), ("\t", '"'), ("|", "^")]))
    width = draw(st.integers(2, 4))
    quoting: Any = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    odd = "" if quoting == csv.QUOTE_ALL or newline == "\r\n" else "\r\n"  # not quoted by `csv`
    common = st.sampled_from([one for one in f"a{delimiter}{quote} \\\r\né" if one not in odd])
    other = st.characters(exclude_categories=["Cs"], exclude_characters="\0" + odd)
    cell = st.text(st.one_of(common, other), max_size=8)
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=12))
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=delimiter, quotechar=quote, lineterminator=newline, quoting=quoting
    )
    writer.writerow([f"h{n}" for n in range(width)])
    expected = []
    for row in rows:
        expected.append((1 + ends(out.getvalue()), row))
        writer.writerow(row)
    return out.getvalue(), {"delimiter": delimiter, "quote": quote}, expected


@given(files(), st.integers(1, 40))
async def test_what_csv_writes_is_read_back_equal_with_the_right_lines(
    file: tuple[str, dict[str, Any], list[Any]], chunk: int
) -> None:
    text, layout, expected = file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "HEAD", 4)
        patch.setattr(encoding, "CHUNK", chunk)
        got = await read(text, ["h0"], **layout)
    assert (got.rows, got.problems) == (expected, [])


async def outcome(text: str, chunk: int, **layout: Any) -> Read | tuple[str, int | None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "HEAD", 4)
        patch.setattr(encoding, "CHUNK", chunk)
        try:
            return await read(text, limits=Limits(line=30, field=200), **layout)
        except DataError as error:
            return error.code, error.line


NASTY = st.text(st.sampled_from('a,,"""\n\n\r\\ é\0'), max_size=60)


@given(NASTY, st.integers(1, 30), st.sampled_from(["none", "backslash"]))
async def test_any_text_reads_the_same_however_it_is_cut(
    text: str, chunk: int, escape: str
) -> None:
    whole = await outcome(f"h,i\n{text}", 1 << 20, escape=escape)
    assert await outcome(f"h,i\n{text}", chunk, escape=escape) == whole


@given(st.text(st.sampled_from('a,,"""\n\n\r é'), max_size=60))
async def test_what_goes_through_without_a_problem_is_what_a_strict_parser_says(text: str) -> None:
    text = f"h,i\n{text}"
    try:
        got = await read(text, short="pad", long="cut")
    except DataError:
        return
    try:
        expected = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    except csv.Error:
        assert got.problems
        return
    if not got.problems:
        assert got.cells == [
            [*row, "", ""][:2] for row in expected if len(row) > 1 or "".join(row).strip()
        ]
