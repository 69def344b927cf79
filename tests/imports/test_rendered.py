"""What is taken from a cell can be written into a cell of the same layout, and is taken from it again, equal."""

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from impexd.exports import cells
from impexd.exports.cells import Written
from impexd.imports.cell import finishing
from impexd.imports.values import Bad
from impexd.model.descriptor import Column
from impexd.model.entity import Field
from impexd.model.export import ExportColumn

POINTED = st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda n: format(n, "f"))
MOMENTS = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
).map(json.dumps)

LAYOUTS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], st.SearchStrategy[str]]] = [
    # the field, how its column is read, how it is written, what cells may hold
    ({}, {}, {}, st.text(max_size=20)),
    ({}, {"trim": False}, {}, st.text(max_size=20)),
    ({"type": "integer"}, {}, {}, st.integers().map(str)),
    ({"type": "decimal"}, {}, {}, POINTED),
    ({"type": "decimal", "scale": 4}, {}, {}, POINTED),
    ({"type": "decimal"}, {"decimal": ","}, {"decimal": ","}, POINTED.map(lambda t: t.replace(".", ","))),
    (
        {"type": "decimal"},
        {"decimal": ",", "thousands": "."},
        {"decimal": ","},
        st.integers(0, 10**9).map(lambda n: f"{n:,}".replace(",", ".") + ",5"),
    ),
    ({"type": "boolean"}, {}, {}, st.sampled_from(["true", "no", "1", "0", "YES", "ja"])),
    (
        {"type": "boolean"},
        {"true": ["ja"], "false": ["nein"]},
        {"true": "ja", "false": "nein"},
        st.sampled_from(["ja", "nein", "Ja", "yes"]),
    ),
    ({"type": "date"}, {}, {}, st.dates().map(str)),
    (
        {"type": "date"},
        {"format": "%d.%m.%Y"},
        {"format": "%d.%m.%Y"},
        st.dates().map(lambda day: f"{day.day:02d}.{day.month:02d}.{day.year:04d}"),
    ),
    ({"type": "datetime"}, {}, {}, MOMENTS),
    ({"type": "json"}, {}, {}, JSONS),
    ({"values": ["red", "blue"]}, {}, {}, st.sampled_from(["red", "blue", " red", "green"])),
]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_a_value_that_was_taken_is_written_and_taken_again_equal(data: st.DataObject) -> None:
    about, read, write, texts = data.draw(st.sampled_from(LAYOUTS))
    text = data.draw(texts | st.text(max_size=12))
    field = Field.model_validate_json(json.dumps(about))
    column = Column.model_validate_json(json.dumps({"from": "x", "to": "value"} | read))
    take = finishing(column, field)
    try:
        value = take(text)
    except Bad:
        assume(False)
    out = ExportColumn.model_validate_json(json.dumps({"from": "value", "to": "x"} | write))
    written = cells.function([Written(out, field.type, guard=False)])([(value,)])
    [[cell]] = list(written)
    assert take(str(cell)) == value
