"""Mistakes in exports of orders, and in records inside records."""

from pathlib import Path

import pytest

from impexd import config
from tests.etc import mistakes, told, write

OUT = "descriptors/out.toml"
COLUMN = '[[{0}column]]\nfrom = "{1}"\nto = "{1}"\n'
HEAD = '[query]\nentity = "orders"\n[file]\nformat = "json"\n' + COLUMN.format("", "number")
LINES = '[[nested]]\nentity = "order_line"\nto = "lines"\n' + COLUMN.format("nested.", "ref")
DEEP = '[[nested]]\nentity = "delivery"\nto = "deliveries"\n' + COLUMN.format("nested.", "number")
DEEP += '[[nested.nested]]\nentity = "delivery_line"\nto = "lines"\n'
DEEP += COLUMN.format("nested.nested.", "ref")
SINCE = 'changed_since = "last" # here\n[file]'

WRONG = {
    "a change number": (HEAD + '[[column]]\nfrom = "_seq" # here\nto = "n"\n', "column.2.from", ["not known of orders"]),
    "what has changed": (HEAD.replace("[file]", SINCE), "query.changed_since", ["`changed`"]),
    "a field that is none": (HEAD + '[[column]]\nfrom = "nummer" # here\nto = "n"\n', "column.2.from", ["did you mean `number`"]),
    "a part of a part": (HEAD + '[[column]]\nfrom = "shipping@Line 1" # here\nto = "n"\n', "column.2.from", ["`shipping@Line 1`"]),
    "what does not point there": (HEAD + LINES.replace('"order_line"', '"delivery_line" # here'), "nested.1.entity", ["no field that points at orders"]),
    "inside what it does not point at": (HEAD + DEEP.replace('"delivery_line"', '"order_line" # here'), "nested.1.nested.1.entity", ["points at delivery"]),
    "a column deep down": (HEAD + DEEP + '[[nested.nested.column]]\nfrom = "orderd" # here\nto = "n"\n', "nested.1.nested.1.column.2.from", ["did you mean `ordered`"]),
    "a name twice deep down": (HEAD + DEEP + '[[nested.nested.column]]\nfrom = "sku"\nto = "ref" # here\n', "nested.1.nested.1.column.2.to", ["already"]),
    "a format without room": (HEAD.replace('"json"', '"csv" # here') + LINES, "file.format", ["cannot hold"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_an_export_of_orders_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {OUT: text})), OUT, text, key, parts)


def test_orders_need_no_declaration(tmp_path: Path) -> None:
    found = config.load(write(tmp_path, {OUT: HEAD + LINES + DEEP}))
    assert found.queries["out"].nested[1].nested[0].entity == "delivery_line"
    assert "orders" not in found.catalogue
