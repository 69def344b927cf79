"""Mistakes in paths of XML and JSON, told with the configuration."""

from pathlib import Path

import pytest

from impexd import config
from tests.etc import PRODUCT, D, mistakes, told, write


def xml(path: str, row: str = "r/product", more: str = "") -> str:
    """Write a descriptor of XML with one column."""
    return (
        f'{PRODUCT}[file]\nformat = "xml"\nrow = "{row}"\n{more}\n'
        f"[[column]]\nfrom = '''{path}''' # here\nto = \"guid\"\n"
    )


def json(path: str, row: str = "data") -> str:
    """Write a descriptor of JSON with one column."""
    return (
        f'{PRODUCT}[file]\nformat = "json"\nrow = "{row}"\n'
        f"[[column]]\nfrom = '''{path}''' # here\nto = \"guid\"\n"
    )


WRONG = {
    "a path that is none": (xml("a//b"), "column.1.from", ["`a//b` is no path", "@lang"]),
    "a prefix nobody declares": (xml("p:a"), "column.1.from", ["prefix p", "`namespaces`"]),
    "a path from the root to a text": (xml("/r/a"), "column.1.from", ["must be an attribute"]),
    "a number in the middle": (xml("a[1][@b]"), "column.1.from", ["comes last"]),
    "an attribute without a name": (xml("a/@"), "column.1.from", ["no attribute"]),
    "a row that is no path": (xml("a", row="r/a[1]").replace(" # here", "").replace('a[1]"', 'a[1]" # here'), "file.row", ["`r/a[1]` is no path of names"]),
    "a joiner for nothing": (xml("a", more='joiner = ";" # here').replace("''' # here", "'''"), "file.joiner", ['repeated = "join"']),
    "a path of JSON that is none": (json("a[x]"), "column.1.from", ["`a[x]` is no path", "images[0]"]),
    "a row of JSON with a place": (json("a").replace(" # here", "").replace('"data"', '"data[0]" # here'), "file.row", ["path of keys"]),
    "a cell of a template that is no path": (xml("a").replace(" # here", "").replace("from = '''a'''", 'template = "{a}-{b//c}" # here'), "column.1.template", ["`b//c` is no path"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_a_path_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {D: text})), D, text, key, parts)


RIGHT = {
    "XML": xml("feature[name='Color']/value/@unit"),
    "XML with namespaces": xml("p:a/@p:b", "p:r/p:product", 'namespaces = { p = "urn:p" }'),
    "XML of any root": xml(".", "product", 'others = "ignore"\nrepeated = "join"\njoiner = "|"'),
    "JSON": json('a b."c.d"[0]'.replace('."c.d"', '["c.d"]'), "data.items"),
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_right_path_is_none(tmp_path: Path, text: str) -> None:
    assert config.load(write(tmp_path, {D: text}))
