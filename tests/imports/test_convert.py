"""Cells become values: tables of cases, and the fast path held to the careful one."""

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impexd.imports import convert, fast
from impexd.imports.cell import finishing, sources
from impexd.imports.fast import Slow
from impexd.imports.values import Bad
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Kind


def column(**keys: Any) -> Column:
    given = {"from": "x", "to": "value"} | keys
    if given.get("from") is None:
        del given["from"]
    return Column.model_validate_json(json.dumps(given))


def field(**keys: Any) -> Field:
    return Field.model_validate_json(json.dumps(keys))


NUMBER = {"type": "decimal", "scale": 2, "min": 0}
NULL = {"null": True}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], object]] = [
    # cell, field, column, value or code
    (" a b ", {}, {}, "a b"),
    (" a b ", {}, {"trim": False}, " a b "),
    ("", NULL, {}, None),
    ("  ", NULL, {}, None),
    ("", {}, {}, "required"),
    ("", NULL, {"required": True}, "required"),
    ("", NULL, {"default": "x"}, "x"),
    ("abcdef", {"max": 5}, {}, "value_too_long"),
    ("abcdef", {"max": 5}, {"on_long": "truncate"}, "abcde"),
    ("abcdef", {"max": 9}, {"max": 3}, "value_too_long"),
    ("red", {"values": ["red", "blue"]}, {}, "red"),
    ("green", {"values": ["red", "blue"]}, {}, "bad_value"),
    ("EUR", {"pattern": "[A-Z]{3}"}, {}, "EUR"),
    ("EURO", {"pattern": "[A-Z]{3}"}, {}, "pattern"),
    ("12", {"type": "integer"}, {}, 12),
    ("+12", {"type": "integer"}, {}, 12),
    ("-0012", {"type": "integer"}, {}, -12),
    ("1_000", {"type": "integer"}, {}, "bad_value"),
    ("١٢", {"type": "integer"}, {}, "bad_value"),
    ("12.0", {"type": "integer"}, {}, "bad_value"),
    ("9223372036854775807", {"type": "integer"}, {}, 9223372036854775807),
    ("9223372036854775808", {"type": "integer"}, {}, "out_of_range"),
    ("9" * 5000, {"type": "integer"}, {}, "bad_value"),
    ("5", {"type": "integer", "min": 6}, {}, "out_of_range"),
    ("7", {"type": "integer", "most": 6}, {}, "out_of_range"),
    ("1234.50", NUMBER, {}, "1234.5"),
    ("0.10", NUMBER, {}, "0.1"),
    (".5", NUMBER, {}, "0.5"),
    ("5.", NUMBER, {}, "5"),
    ("00012.30", NUMBER, {}, "12.3"),
    ("-0", NUMBER, {}, "0"),
    ("-0.01", NUMBER, {}, "out_of_range"),
    ("1.005", NUMBER, {}, "bad_value"),
    ("1.100", NUMBER, {}, "1.1"),
    ("1e5", NUMBER, {}, "bad_value"),
    ("NaN", NUMBER, {}, "bad_value"),
    ("inf", NUMBER, {}, "bad_value"),
    ("0x10", NUMBER, {}, "bad_value"),
    ("--1", NUMBER, {}, "bad_value"),
    ("1.2.3", NUMBER, {}, "bad_value"),
    (".", NUMBER, {}, "bad_value"),
    ("9" * 400, NUMBER, {}, "out_of_range"),
    ("1,50", NUMBER, {"decimal": ","}, "1.5"),
    ("1.50", NUMBER, {"decimal": ","}, "bad_value"),
    ("1.234,50", NUMBER, {"decimal": ",", "thousands": "."}, "1234.5"),
    ("1,234,567.5", NUMBER, {"thousands": ","}, "1234567.5"),
    ("12,34.5", NUMBER, {"thousands": ","}, "bad_value"),
    ("1 234,5", NUMBER, {"decimal": ",", "thousands": " "}, "1234.5"),
    ("1\u202f234,5", NUMBER, {"decimal": ",", "thousands": " "}, "1234.5"),
    ("true", {"type": "boolean"}, {}, 1),
    ("NO", {"type": "boolean"}, {}, 0),
    ("ja", {"type": "boolean"}, {"true": ["ja"], "false": ["nein"]}, 1),
    ("yes", {"type": "boolean"}, {"true": ["ja"], "false": ["nein"]}, "bad_value"),
    ("2026-02-28", {"type": "date"}, {}, "2026-02-28"),
    ("2026-02-29", {"type": "date"}, {}, "bad_value"),
    ("20260228", {"type": "date"}, {}, "bad_value"),
    ("0000-00-00", {"type": "date"}, {}, "bad_value"),
    ("28.02.2026", {"type": "date"}, {"format": "%d.%m.%Y"}, "2026-02-28"),
    ("31/12/2026", {"type": "date"}, {"format": "%d.%m.%Y"}, "bad_value"),
    ("2026-01-31T08:00:00Z", {"type": "datetime"}, {}, "2026-01-31T08:00:00Z"),
    ("2026-01-31 08:00", {"type": "datetime"}, {}, "2026-01-31T08:00:00Z"),
    ("2026-01-31T08:00:00+02:00", {"type": "datetime"}, {}, "2026-01-31T06:00:00Z"),
    ("2026-07-01 08:00", {"type": "datetime"}, {"zone": "Europe/Berlin"}, "2026-07-01T06:00:00Z"),
    ("2026-03-29 02:30", {"type": "datetime"}, {"zone": "Europe/Berlin"}, "bad_value"),
    ("2026-10-25 02:30", {"type": "datetime"}, {"zone": "Europe/Berlin"}, "2026-10-25T00:30:00Z"),
    ("2026-01-01T00:00:00+99:99", {"type": "datetime"}, {}, "bad_value"),
    ("9999-12-31T23:59:59-05:00", {"type": "datetime"}, {}, "out_of_range"),
    ('{"b":1,"a":[1, 2]}', {"type": "json"}, {}, '{"a":[1,2],"b":1}'),
    ('{"a":1,"a":2}', {"type": "json"}, {}, "bad_value"),
    ("NaN", {"type": "json"}, {}, "bad_value"),
    ("[" * 100_000, {"type": "json"}, {}, "bad_value"),
    ("1", {}, {"map": {"1": "standard"}}, "standard"),
    ("9", {}, {"map": {"1": "standard"}}, "not_in_map"),
    ("9", {}, {"map": {"1": "standard"}, "unmapped": "keep"}, "9"),
    ("9", NULL, {"map": {"1": "standard"}, "unmapped": "null"}, None),
    ("12 kg", {"type": "integer"}, {"regex": r"(\d+) kg"}, 12),
    ("12 lb", {"type": "integer"}, {"regex": r"(\d+) kg"}, "pattern"),
    ("A-7", {}, {"regex": r"(\w)-(\d)", "group": 2}, "7"),
    ("A-7", {}, {"regex": r"(?P<l>\w)-(?P<n>\d)", "template": "{n}/{l}"}, "7/A"),
    ("=1+1", {}, {}, "=1+1"),
    ("<script>", {}, {}, "<script>"),
]


@pytest.mark.parametrize(("cell", "entity", "line", "wanted"), CASES)
def test_a_cell_becomes_its_value_or_says_what_is_wrong(
    cell: str, entity: dict[str, Any], line: dict[str, Any], wanted: object
) -> None:
    finish = finishing(column(**line), field(**entity))
    try:
        value: object = finish(cell)
    except Bad as bad:
        value = bad.code.value
        assert str(bad)
    assert value == wanted


def kind(**fields: dict[str, Any]) -> Kind:
    made = {name: field(**keys) for name, keys in fields.items()}
    return Kind("thing", ("key",), {"key": field()} | made, "thing")


def test_a_constant_needs_no_cell() -> None:
    thing = kind(shop={})
    columns = [
        column(**{"from": "k", "to": "key"}),
        column(**{"from": None, "const": "S", "to": "shop"}),
    ]
    lane = convert.lane(thing, columns, {"k": 0})
    assert next(convert.records(lane, 2, ["a"]))[2:] == ("a", "S")


def test_a_template_puts_cells_together_and_names_its_sources() -> None:
    thing = kind()
    joined = column(**{"from": None, "template": "{guid}-{EN#2}", "to": "key"})
    assert sources(joined) == ["guid", "EN#2"]
    lane = convert.lane(thing, [joined], {"guid": 0, "EN#2": 1})
    assert next(convert.records(lane, 2, [" 7 ", "x"]))[2:] == ("7-x",)


def test_a_split_cell_becomes_one_record_for_each_piece() -> None:
    thing = kind(tag={})
    columns = [
        column(**{"from": "k", "to": "key"}),
        column(**{"from": "t", "to": "tag", "split": ","}),
    ]
    lane = convert.lane(thing, columns, {"k": 0, "t": 1})
    records = list(convert.records(lane, 2, ["a", "x, y,,z "]))
    assert [record[2:] for record in records] == [("a", "x"), ("a", "y"), ("a", "z")]
    assert list(convert.records(lane, 2, ["a", ""])) == []


def test_a_record_is_made_only_when_its_cell_is_not_empty() -> None:
    lane = convert.lane(kind(), [column(**{"from": "k", "to": "key"})], {"k": 0, "w": 1}, when="w")
    assert len(list(convert.records(lane, 2, ["a", "x"]))) == 1
    assert list(convert.records(lane, 2, ["a", " "])) == []


def test_a_row_may_bring_its_own_mode() -> None:
    columns = [column(**{"from": "k", "to": "key"})]
    lane = convert.lane(kind(), columns, {"k": 0, "m": 1}, mode_column="m")
    assert next(convert.records(lane, 2, ["a", "DELETE"]))[2:] == ("delete", "a")
    (problem,) = next(convert.records(lane, 2, ["a", "drop table"]))
    assert problem.code == "bad_value"


def test_all_problems_of_a_row_are_told_at_once() -> None:
    thing = kind(price=NUMBER, stock={"type": "integer"})
    columns = [column(**{"from": n, "to": n}) for n in ("key", "price", "stock")]
    lane = convert.lane(thing, columns, {"key": 0, "price": 1, "stock": 2})
    problems = next(convert.records(lane, 7, ["", "x", "1.5"]))
    assert [(p.line, p.column, p.code) for p in problems] == [
        (7, "key", "required"),
        (7, "price", "bad_value"),
        (7, "stock", "bad_value"),
    ]


def test_records_of_other_columns_have_other_hashes() -> None:
    assert convert.seed_of([column(to="a")]) != convert.seed_of([column(to="b")])


TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "0", "-0", "1", "-1", "007", "1.50", "1.", ".5", "1e3", "true", "NO"]
    ),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.dates().map(str),
)
SHAPES = st.sampled_from(
    [
        ({}, {}),
        ({"null": True, "max": 5}, {}),
        ({"max": 5}, {"default": "d"}),
        ({"type": "integer"}, {}),
        ({"type": "integer", "min": 0, "null": True}, {}),
        ({"type": "integer", "min": 3, "most": 9}, {}),
        ({"type": "decimal"}, {}),
        (NUMBER | NULL, {}),
        ({"type": "decimal", "scale": 4}, {"decimal": ","}),
        ({"type": "boolean", "null": True}, {}),
        ({"type": "date"}, {}),
        ({"values": ["a", "b"]}, {}),
        ({"pattern": "[a-z]+"}, {}),
        ({}, {"map": {"1": "one"}, "unmapped": "keep"}),
        ({}, {"trim": False}),
    ]
)


@given(
    shapes=st.lists(SHAPES, min_size=1, max_size=5), texts=st.lists(TEXTS, min_size=5, max_size=5)
)
def test_the_fast_path_agrees_with_the_careful_one(
    shapes: list[tuple[dict[str, Any], dict[str, Any]]], texts: list[str]
) -> None:
    names = [f"f{n}" for n in range(len(shapes))]
    made = {name: field(**entity) for name, (entity, _) in zip(names, shapes, strict=True)}
    thing = Kind("thing", ("f0",), made, "thing")
    columns = [
        column(**{"from": name, "to": name} | line)
        for name, (_, line) in zip(names, shapes, strict=True)
    ]
    positions: dict[str | int, int] = {name: n for n, name in enumerate(names)}
    lane = convert.lane(thing, columns, positions)
    quick = fast.compiled(lane, positions)
    assert quick is not None
    careful = next(convert.records(lane, 3, texts))
    with contextlib.suppress(Slow):
        assert quick(3, texts) == careful


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_a_decimal_keeps_its_value_in_one_canonical_form(number: Decimal) -> None:
    finish = finishing(column(), field(type="decimal"))
    text = format(number, "f")
    if len(number.as_tuple().digits) > 38 or len(text) > 38:
        return
    value = finish(text)
    assert Decimal(str(value)) == number
    assert finish(str(value)) == value
