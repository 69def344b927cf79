"""Rejects of CSV come back as what they were."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.model.descriptor import Format
from tests.formats.whole import picked, read, rejects

CSV = Format.CSV

LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "semicolons": {"delimiter": ";"},
    "tabs without quotes": {"delimiter": "\t", "quote": ""},
    "other quotes": {"quote": "'"},
    "backslashes": {"escape": "backslash"},
    "lines before the header": {"skip": 2},
    "another encoding": {"encoding": "utf-16"},
    "another one": {"encoding": "cp1252"},
    "no header": {"header": False},
}
PROBLEM = 'bad, "worse";\té'


def written(rows: list[list[str]], layout: dict[str, Any]) -> bytes:
    """Rows as a partner with this layout would write them, everything in quotes."""
    quote, escape = layout.get("quote", '"'), layout.get("escape")

    def cell(text: str) -> str:
        if escape:
            return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote
        return quote + text.replace(quote, quote * 2) + quote if quote else text

    lines = ["x"] * layout.get("skip", 0)
    lines += [layout.get("delimiter", ",").join(map(cell, row)) for row in rows]
    return ("\n".join(lines) + "\n").encode(layout.get("encoding", "utf-8"))


cells = st.text(st.sampled_from("ab \"'\\,;é\n"), max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
async def test_rejects_hold_the_same_cells(name: str, rows: list[tuple[str, str]]) -> None:
    layout = LAYOUTS[name]
    bare = not layout.get("quote", '"')
    given_rows = [[f"x{a}", f"y{b}"] for a, b in rows]
    if bare:
        given_rows = [
            [cell.replace("\n", "").replace("\t", "") for cell in row] for row in given_rows
        ]
    header = layout.get("header", True)
    data = written([["a", "b"], *given_rows] if header else given_rows, layout)
    wanted: list[str | int] = ["a", "b"] if header else [1, 2]
    extra: list[str | int] = ["_line", "_problem"] if header else [3, 4]
    found = await read(CSV, data, wanted, **layout)
    assert not found.problems
    lines = [line for line, _ in found.rows]
    copy = await rejects(CSV, data, [(line, PROBLEM) for line in lines], **layout)
    back = await read(CSV, copy, [*wanted, *extra], **layout)
    assert not back.problems
    assert picked(back, wanted) == picked(found, wanted)
    assert [row[0] for row in picked(back, extra)] == list(map(str, lines))
    told = {row[1] for row in picked(back, extra)}
    assert told == {PROBLEM.replace("\t", " ") if bare else PROBLEM}


async def test_only_rows_that_are_rejected_are_written() -> None:
    data = "a,b\n1,2\n3,4\n5\n6,7\n"
    copy = await rejects(CSV, data, [(3, "x"), (4, "too short")])
    assert copy.decode() == "a,b,_line,_problem\n3,4,3,x\n5,4,too short\n"


async def test_rejects_of_rejects_have_two_columns_more_and_not_four() -> None:
    first = await rejects(CSV, "a,b\n1,2\n3,4\n", [(2, "x"), (3, "y")])
    again = await rejects(CSV, first, [(3, "z")])
    assert again.decode() == "a,b,_line,_problem\n3,4,3,z\n"


@pytest.mark.parametrize("end", ['"open\n', "\0" * 100])
async def test_rejects_of_a_file_that_ends_badly_are_written_so_far(end: str) -> None:
    copy = await rejects(CSV, "a,b\n1,2\n" + "3,4\n" * 60_000 + end, [(2, "x")])
    assert copy.decode() == "a,b,_line,_problem\n1,2,2,x\n"


async def test_a_row_that_is_too_long_or_misquoted_loses_nothing_and_is_rejected_until_mended() -> (
    None
):
    data = 'a,b\n1,2,"x,\ny",4\nA"B,2\n"C"c,3\n7\n8,9\n'
    wrong = await read(CSV, data, ["a", "b"])
    assert [problem.line for problem in wrong.problems] == [2, 4, 5, 6]
    copy = await rejects(CSV, data, [(one.line or 0, "why") for one in wrong.problems])
    assert copy.decode() == (
        'a,b,_line,_problem\n1,2,"x,\ny",4,2,why\n"A""B,2",4,why\n"""C""c,3",5,why\n7,6,why\n'
    )
    for policy in ("reject", "pad"):
        back = await read(CSV, copy, ["a", "b"], short=policy)
        assert (len(back.rows), len(back.problems)) == (0, 4)
        again = await rejects(CSV, copy, [(one.line or 0, "why") for one in back.problems])
        assert again.decode().replace("3,why", "2,why").splitlines()[1] == '1,2,"x,'
        assert len(again.splitlines()) == len(copy.splitlines())
        assert max(map(len, again.splitlines())) <= max(map(len, copy.splitlines()))


async def test_a_row_of_a_million_cells_is_written_as_its_text() -> None:
    row = ",".join(["x"] * 1_000_000)
    copy = await rejects(CSV, f"a,b\n{row}\n1,2\n", [(2, "why")])
    assert copy.decode() == f'a,b,_line,_problem\n"{row}",2,why\n'


@pytest.mark.parametrize("quote", ['"', "'"])
async def test_without_a_header_what_is_no_row_is_one_cell_and_as_wide_as_the_others(
    quote: str,
) -> None:
    data = f"1;2\n3{quote}x;4\n5;6;7\n".replace(";", ",")
    layout: dict[str, Any] = {"header": False, "quote": quote}
    copy = await rejects(CSV, data, [(2, "why"), (3, "why")], **layout)
    back = await read(CSV, copy, [1, 2, 3, 4], **layout)
    assert picked(back, [1, 2, 3]) == [[f"3{quote}x,4", "", "2"], ["5,6,7", "", "3"]]


async def test_escapes_of_a_malformed_row_stand_as_they_came() -> None:
    data = 'a,b\n"1","\\"x\\\\"y\n'
    copy = await rejects(CSV, data, [(2, "why")], escape="backslash")
    back = await read(CSV, copy, ["a"], escape="backslash")
    assert len(back.problems) == 1
    bare = await read(CSV, b"raw,l,p\n" + copy.partition(b"\n")[2], ["raw"], escape="backslash")
    assert picked(bare, ["raw"]) == [['"1","\\"x\\\\"y']]
