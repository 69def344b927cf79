"""JSON and JSON Lines: paths, cells, lines, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.formats import json_values
from impexd.model import json_path
from impexd.model.descriptor import Format
from impexd.model.limits import Limits
from tests.formats.whole import FRONT, fault, read, rejects

JSON, LINES = Format.JSON, Format.JSONL

CELLS: dict[str, tuple[str, str, str | None]] = {
    "a text": ('{"a": "x"}', "a", "x"),
    "an empty text": ('{"a": ""}', "a", ""),
    "a key that is not there": ("{}", "a", None),
    "null": ('{"a": null}', "a", None),
    "true": ('{"a": true}', "a", "true"),
    "false": ('{"a": false}', "a", "false"),
    "a number": ('{"a": 12}', "a", "12"),
    "a number as it is written": ('{"a": 1.10}', "a", "1.10"),
    "a number no float can hold": ('{"a": 12345678901234567890.10}', "a", "12345678901234567890.10"),
    "a number with an exponent": ('{"a": -1E+2}', "a", "-1E+2"),
    "a key of a key": ('{"a": {"b": {"c": 1}}}', "a.b.c", "1"),
    "a key of what has none": ('{"a": 1}', "a.b", None),
    "a place in a list": ('{"a": [1, 2]}', "a[1]", "2"),
    "a place that is not there": ('{"a": [1, 2]}', "a[2]", None),
    "a place in what is no list": ('{"a": {"1": 2}}', "a[1]", None),
    "a key in a list": ('{"a": [{"b": 1}, {"b": 2}]}', "a[1].b", "2"),
    "a key with spaces": ('{"a b": 1}', "a b", "1"),
    "a key with a dot": ('{"a.b": 1, "a": {"b": 2}}', '["a.b"]', "1"),
    "a key with a quote": ('{"a": {"\\"": 1}}', r'a["\""]', "1"),
    "a list": ('{"a": [1, 2.50, "x", null, true]}', "a", '[1,2.50,"x",null,true]'),
    "an object": ('{"a": {"b": "é\\n", "c": {}}}', "a", '{"b":"é\\n","c":{}}'),
    "escapes": (r'{"a": "\u00e9\n\ud83d\ude00"}', "a", "é\n😀"),
}  # fmt: skip


@pytest.mark.parametrize("case", CELLS)
async def test_a_path_leads_to_its_cell(case: str) -> None:
    record, path, cell = CELLS[case]
    assert (await read(JSON, f"[{record}]", [path])).rows == [(1, [cell])]
    assert (await read(LINES, record, [path])).rows == [(1, [cell])]


@pytest.mark.parametrize(
    "path", ["", ".", ".a", "a.", "a..b", "a[", "a[-1]", "a[01]", "a[b]", "[0].a", 'a"']
)
def test_what_is_no_path_is_told(path: str) -> None:
    with pytest.raises(ValueError, match=r"path"):
        json_path.cell(path)


PROBLEMS: dict[str, tuple[str, str, str | None]] = {
    "a key twice": ('{"a": 1, "b": 2, "a": 3}', "duplicate_field", "a"),
    "a key twice, further down": ('{"b": [{"c": 1, "c": 1}]}', "duplicate_field", "c"),
    "no number": ('{"a": NaN}', "bad_value", None),
    "more than any number": ('{"b": -Infinity}', "bad_value", None),
    "half of a pair": (r'{"a": "\ud800"}', "bad_value", "a"),
    "half of a pair in a list": (r'{"a": ["\udc00"]}', "bad_value", "a"),
    "a NUL": (r'{"a": "\u0000"}', "bad_value", "a"),
    "no object": ("[1]", "bad_structure", None),
    "a bare text": ('"x"', "bad_structure", None),
    "too deep": ('{"b": ' + "[" * 64 + "]" * 64 + "}", "too_deep", None),
}


@pytest.mark.parametrize("case", PROBLEMS)
async def test_what_is_wrong_with_one_row_costs_that_row(case: str) -> None:
    record, code, column = PROBLEMS[case]
    for form, data in (
        (JSON, f'[{{"a": 1}},\n{record},\n{{"a": 2}}]'),
        (LINES, f'{{"a": 1}}\n{record}\n{{"a": 2}}\n'),
    ):
        found = await read(form, data, ["a"])
        assert found.rows == [(1, ["1"]), (3, ["2"])]
        assert found.faults == [(2, code)]
        assert found.problems[0].column == column


async def test_as_deep_as_may_be_is_not_too_deep() -> None:
    data = '[{"b": ' + "[" * 63 + "]" * 63 + "}]"
    assert (await read(JSON, data, ["b"])).cells == [["[" * 63 + "]" * 63]]


async def test_bad_text_in_what_nobody_wants_is_passed_over() -> None:
    assert (await read(JSON, r'[{"a": "x", "b": "\u0000"}]', ["a"])).cells == [["x"]]


FILES: dict[str, tuple[str, str | None, str]] = {
    "no file": ("", None, "empty_file"),
    "white space": (" \n", None, "empty_file"),
    "no record": ("[]", None, ""),
    "an object": ("{}", None, "wrong_root"),
    "a number": ("1", None, "wrong_root"),
    "not closed": ('[{"a": 1}', None, "malformed"),
    "cut off in a record": ('[{"a": 1}, {"a"', None, "malformed"),
    "cut off in a text": ('[{"a": "x', None, "malformed"),
    "a comma too many": ('[{"a": 1},]', None, "malformed"),
    "a comma too few": ('[{"a": 1} {"a": 2}]', None, "malformed"),
    "two documents": ("[] []", None, "malformed"),
    "something behind it": ("[]x", None, "malformed"),
    "no JSON": ("a,b\n1,2\n", None, "wrong_root"),
    "XML": ("<a/>", None, "wrong_root"),
    "a path": ('{"a": {"b": [{"a": 1}]}}', "a.b", ""),
    "a path to nothing": ('{"a": {"c": []}}', "a.b", "bad_structure"),
    "a path to an object": ('{"a": {"b": {}}}', "a.b", "bad_structure"),
    "a path through a list": ('{"a": [{"b": []}]}', "a.b", "bad_structure"),
    "a path that is there twice": ('{"a": [], "a": []}', "a", "duplicate_field"),
    "something beside it that is no JSON": ('{"x": [1, y], "a": []}', "a", "malformed"),
    "something behind it that is no JSON": ('{"a": [], "x": [1, 2}}', "a", "malformed"),
    "something beside it that is too deep": ('{"x": ' + "[" * 99 + "]" * 99 + ', "a": []}', "a", "too_deep"),
    "a key that is none": ('{a: []}', "a", "malformed"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
async def test_a_file_that_is_not_as_promised_is_refused(case: str) -> None:
    data, row, code = FILES[case]
    assert await fault(JSON, data, row=row) == code
    if data.strip():
        for drips in (1, 7, 500):
            assert await fault(JSON, " " * FRONT + data, row=row, drips=drips) == code


async def test_what_nobody_can_read_is_too_deep() -> None:
    assert await fault(JSON, "[" * 200_000) == "too_deep"
    found = await read(LINES, "[" * 200_000 + '\n{"a": 1}', ["a"])
    assert (found.cells, found.faults) == ([["1"]], [(1, "too_deep")])


async def test_other_encodings_are_refused_unless_marked() -> None:
    for form in (JSON, LINES):
        data = '[{"a": "é"}]' if form is JSON else '{"a": "é"}'
        assert (await read(form, data.encode("utf-8-sig"), ["a"])).cells == [["é"]]
        assert (await read(form, data.encode("utf-16"), ["a"])).cells == [["é"]]
        assert await fault(form, data.encode("latin-1")) == "encoding"
        assert await fault(form, data.encode("utf-16-le")) == "encoding"


LINES_FILES: dict[str, tuple[str, list[tuple[int, list[str | None]]], list[tuple[int, str]]]] = {
    "blank lines": ('\n{"a":1}\n \t\n\n{"a":2}', [(2, ["1"]), (5, ["2"])], []),
    "ends of lines as in DOS": ('{"a":1}\r\n{"a":2}\r\n', [(1, ["1"]), (2, ["2"])], []),
    "a line that is no JSON": ('{"a":1}\n{"a":\n{"a":2}', [(1, ["1"]), (3, ["2"])], [(2, "malformed")]),
    "two values on a line": ('{"a":1} {"a":2}\n{"a":3}', [(2, ["3"])], [(1, "malformed")]),
    "odd ends of lines in a text": ('{"a":"x\u2028y\x85z"}\n{"a":1}', [(1, ["x\u2028y\x85z"]), (2, ["1"])], []),
    "a NUL in a line": ('{"a":"\0"}\n{"a":1}', [(2, ["1"])], [(1, "malformed")]),
    "nothing but blank lines": ("\n\n", [], []),
}  # fmt: skip


@pytest.mark.parametrize("case", LINES_FILES)
async def test_each_line_is_read_for_itself(case: str) -> None:
    data, rows, faults = LINES_FILES[case]
    found = await read(LINES, data, ["a"])
    assert (found.rows, found.faults) == (rows, faults)


async def test_limits_are_held() -> None:
    limits = Limits(field=1000, line=2000, rows=3, xml_depth=5)
    for form, data in ((JSON, "[" + ",".join("{}" for _ in range(4)) + "]"), (LINES, "{}\n" * 4)):
        assert await fault(form, data, limits=limits) == "too_many_rows"
    long = '{"a": "' + "x" * 9000 + '"}'
    assert await fault(LINES, long, limits=limits) == "line_too_long"
    assert await fault(LINES, " " * 9000, limits=limits) == "line_too_long"
    assert await fault(JSON, f"[{long}]", limits=limits, drips=100) == "line_too_long"
    assert (
        await fault(JSON, '{"b": "' + "x" * 9000 + '", "a": []}', row="a", limits=limits, drips=99)
        == "line_too_long"
    )
    assert await fault(JSON, "[{}" + " " * 9000 + "]", limits=limits, drips=100) == ""
    found = await read(JSON, '[{"a": "' + "x" * 1001 + '"}]', ["a"], limits=limits)
    assert found.faults == [(1, "value_too_long")]
    assert await fault(LINES, "{}\n" + "\0" * 500, limits=limits) == "bad_data"


async def test_records_on_one_line_are_told_apart() -> None:
    found = await read(JSON, '[{"a":1},{"a":2},{"a":3},\n{"a":4},\n\n\n{"a":5}]', ["a"])
    assert [line for line, _ in found.rows] == [1, 2, 3, 4, 5]


async def test_what_stands_beside_the_list_is_passed_over_however_long() -> None:
    much = ", ".join(f'{{"n": [{n}, "]}}"]}}' for n in range(20_000))
    data = f'{{"head": [{much}], "data": {{"x": null, "items": [{{"a": 1}}], "y": [{much}]}}}}'
    limits = Limits(line=1000, field=1000)
    found = await read(JSON, data, ["a"], row="data.items", limits=limits, drips=1000)
    assert found.cells == [["1"]]


values = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
rows = st.lists(st.fixed_dictionaries({}, optional={"a": values, "b": values}), max_size=6)


def as_cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@settings(max_examples=150, deadline=None)
@given(rows, st.booleans(), st.integers(0, 2), st.integers(1, 50))
async def test_what_is_written_is_read_however_the_bytes_come(
    records: list[dict[str, Any]], ascii_only: bool, indent: int, drips: int
) -> None:
    cells = [[as_cell(one.get("a")), as_cell(one.get("b"))] for one in records]
    document = {"x": records, "data": records, "z": 1}
    data = json.dumps(document, ensure_ascii=ascii_only, indent=indent or None)
    found = await read(JSON, " " * FRONT + data, ["a", "b"], row="data", drips=drips)
    assert (found.cells, found.problems) == (cells, [])
    whole = await read(JSON, " " * FRONT + data, ["a", "b"], row="data")
    assert whole.rows == found.rows
    lines = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in records)
    found = await read(LINES, "\n" * FRONT + lines, ["a", "b"], drips=drips)
    assert (found.cells, found.problems) == (cells, [])


@given(values)
def test_a_value_is_written_as_json_does_it(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    read_back, end = json_values.Decoder().read(text)
    assert end == len(text)
    assert json_values.dumped(read_back) == text


async def test_rejects_are_the_objects_as_they_are_with_two_keys_more() -> None:
    data = '{"x": 1, "data": {"items": [\n{"a": 1.10, "b": [1, 2]},\n{"a": 2},\n{ },\n7,\n{"a": "\\ud800"}]}}'
    chosen = [(2, 'bad\n"a"'), (4, "empty"), (5, "no object"), (6, "half")]
    written = await rejects(JSON, data, chosen, row="data.items")
    found = await read(JSON, written, ["a", "b", "_line", "_problem", "_value"], row="data.items")
    assert found.cells == [
        ["1.10", "[1,2]", "2", 'bad\n"a"', None],
        [None, None, "4", "empty", None],
        [None, None, "5", "no object", "7"],
    ]
    assert found.faults == [(5, "bad_value")]
    again = await rejects(JSON, written, [(2, "second")], row="data.items")
    found = await read(JSON, again, ["a", "b", "_line", "_problem"], row="data.items")
    assert found.cells == [["1.10", "[1,2]", "2", "second"]]


async def test_rejects_of_lines_are_lines() -> None:
    data = '{"a": 1.10}\n\nno "JSON"\n{"a": 2}\n[3]\n' + "[" * 100_000 + "\n"
    chosen = [(1, "first"), (3, "no JSON"), (5, "no object"), (6, "too deep")]
    written = await rejects(LINES, data, chosen)
    found = await read(LINES, written, ["a", "_line", "_problem", "_text", "_value"])
    assert found.cells[:3] == [
        ["1.10", "1", "first", None, None],
        [None, "3", "no JSON", 'no "JSON"', None],
        [None, "5", "no object", None, "[3]"],
    ]
    again = await rejects(LINES, written, [(1, "second")])
    assert (await read(LINES, again, ["a", "_line", "_problem"])).cells == [["1.10", "1", "second"]]


async def test_rejects_of_a_file_that_ends_badly_are_written_so_far() -> None:
    written = await rejects(JSON, '[{"a": 1},\n{"a": 2},\noops]', [(1, "x"), (2, "y")])
    assert (await read(JSON, written, ["a"])).cells == [["1"], ["2"]]


ORDER = {"no": 7, "who": {"mail": "a@b"}, "parts": [
    {"by": "DHL", "lines": [{"sku": "A", "n": 1.50}, {"sku": "B"}]},
    {"lines": [{"sku": "C", "/no": 3}]},
]}  # fmt: skip
NESTED = ["/no", "/who.mail", "/parts[].by", "sku", "n"]


async def test_rows_stand_in_lists_inside_records() -> None:
    other = {"no": 8, "parts": [{"lines": [{"sku": "D"}]}]}
    text = json.dumps({"x": 1, "orders": [ORDER, other]})
    cells = [
        ["7", "a@b", "DHL", "A", "1.5"],
        ["7", "a@b", "DHL", "B", None],
        ["7", "a@b", None, "C", None],
        ["8", None, None, "D", None],
    ]
    found = await read(JSON, text, NESTED, row="orders[].parts[].lines")
    assert found.rows == list(enumerate(cells, 1))
    found = await read(JSON, json.dumps([ORDER, other]), NESTED, row="[].parts[].lines")
    assert found.rows == list(enumerate(cells, 1))
    lines = f"{json.dumps(ORDER)}\n\n\n\n\n{json.dumps(other)}"
    found = await read(LINES, lines, NESTED, row="parts[].lines")
    assert [line for line, _ in found.rows] == [1, 2, 3, 6]
    assert [cells for _, cells in found.rows] == cells


@pytest.mark.parametrize(
    "record",
    [
        '{"no": 1}', '{"no": 1, "lines": null}', '{"lines": []}', '{"lines": {"sku": "A"}}',
        '{"lines": [{"sku": "A"}, 5]}', '{"lines": [{"sku": "A"}, null]}', "5",
        '{"lines": [{"sku": "A", "sku": "B"}]}',
    ],
)  # fmt: skip
async def test_a_record_of_which_a_row_is_none_is_one_problem_and_the_next_is_read(
    record: str,
) -> None:
    good = '{"no": 2, "lines": [{"sku": "A"}]}'
    for form, text, row in (
        (JSON, f"[{record}, {good}]", "[].lines"),
        (LINES, f"{record}\n{good}", "lines"),
    ):
        found = await read(form, text, ["/no", "sku"], row=row)
        assert [cells for _, cells in found.rows] == [["2", "A"]]
        assert len(found.problems) == 1
        written = await rejects(form, text, [(1, "bad")], row=row)
        assert b"bad" in written and b'"no": 2' not in written


async def test_rejects_of_nested_rows_are_their_records_without_the_other_rows() -> None:
    text = json.dumps({"orders": [ORDER, ORDER | {"no": 8}]})
    written = await rejects(JSON, text, [(2, "b is bad"), (6, "c too")], row="orders[].parts[].lines")  # fmt: skip
    assert json.loads(written) == {"orders": [
        ORDER | {"parts": [{"by": "DHL", "lines": [{"sku": "B", "_line": 2, "_problem": "b is bad"}]}]},
        ORDER | {"no": 8, "parts": [{"lines": [{"sku": "C", "/no": 3, "_line": 6, "_problem": "c too"}]}]},
    ]}  # fmt: skip
    found = await read(JSON, written, NESTED, row="orders[].parts[].lines")
    assert [cells[3] for _, cells in found.rows] == ["B", "C"]


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ("orders[].lines", "/parts[].by"),
        ("orders[].lines", "/lines[].sku"),
        ("orders[].parts[].lines", "/lines[].sku"),
        ("orders[].lines", "/"),
        ("orders[]lines", "sku"),
        ("orders[][].lines", "sku"),
        ("orders[0].lines", "sku"),
        ("orders[].", "sku"),
    ],
)
def test_what_does_not_lead_to_nested_rows_is_told(row: str, path: str) -> None:
    with pytest.raises(ValueError, match=r"path|way"):
        json_path.value(path, json_path.place(row).inner)
