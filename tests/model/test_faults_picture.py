"""Mistakes in descriptors of pictures, and in the fields that hold them."""

from pathlib import Path

import pytest

from impexd import config
from tests.etc import FILES, PRODUCT, D, E, mistakes, told, write

FIELD = FILES[E].replace(
    "[entity.product.field]", "[entity.product.field]\nfoto = { picture = true, null = true }"
)
FOUND = r"match = '(?P<guid>.+)\.png'"
GUID = '[[column]]\nfrom = "guid"\nto = "guid"\n'
FOTO = '[[column]]\nfrom = "@picture"\nto = "foto"\n'


def pictures(column: str = FOTO, match: str = FOUND, more: str = "") -> str:
    """Write a descriptor of pictures."""
    return f'{PRODUCT}{more}[file] {"" if match else "# here"}\nformat = "image"\n{match}\n{GUID}{column}'


def column(text: str) -> str:
    """Write one with one column more."""
    return pictures(f"[[column]]\n{text}\n")


FAULTS = {
    "no name to go by": (pictures(match=""), "file", ["need `match`", "named group"]),
    "no group in the name": (pictures(match=r"match = '(.+)\.png' # here"), "file.match", ["named group"]),
    "a group that is none": (column('from = "giud" # here\nto = "brand"'), "column.2.from", ["no group `giud`", "did you mean `guid`"]),
    "a group by its number": (column('from = 1 # here\nto = "brand"'), "column.2.from", ["no numbers", "named group"]),
    "a cell that pictures lack": (column('from = "@heigth" # here\nto = "amount"'), "column.2.from", ["no `@heigth`", "did you mean `@height`"]),
    "a group in a template": (column('template = "{guid}-{x}" # here\nto = "brand"'), "column.2.template", ["no group `x`"]),
    "the picture in a template": (column('template = "p/{@picture}" # here\nto = "brand"'), "column.2.template", ["part of a text"]),
    "a field that is for no pictures": (column('from = "@picture"\nto = "brand" # here'), "column.2.to", ["holds no pictures", "picture = true"]),
    "a field for pictures and no picture": (column('from = "@name" # here\nto = "foto"'), "column.2.from", ["holds pictures", '"@picture"']),
    "a picture cut off": (column('from = "@picture"\nto = "foto"\nmax = 10 # here'), "column.2.max", ["the picture itself"]),
    "a picture searched": (column('from = "@picture"\nto = "foto"\nregex = "^.." # here'), "column.2.regex", ["the picture itself"]),
    "when there is no such group": (pictures(more='mode_column = "x" # here\n'), "mode_column", ["no group `x`"]),
    "a delimiter of pictures": (pictures(match=FOUND + '\ndelimiter = ";" # here'), "file.delimiter", ["belongs to csv"]),
    "a picture in a file of rows": (f'{PRODUCT}{GUID}[[column]]\nfrom = "@picture" # here\nto = "foto"\n', "column.2.from", ['format = "image"']),
}  # fmt: skip

FIELDS = {
    "a number that is a picture": ('x = { type = "integer", picture = true, null = true } # here', "picture", ['for "text"']),
    "too short for a picture": ("x = { picture = true, max = 68, null = true } # here", "max", ["69 characters"]),
    "a picture that points": ('x = { picture = true, ref = "brand", null = true } # here', "ref", ["holds pictures"]),
    "a picture of few words": ('x = { picture = true, values = ["a"], null = true } # here', "values", ["holds pictures"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), FAULTS.values(), ids=FAULTS)
def test_a_mistake_about_pictures_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {D: text, E: FIELD})), D, text, key, parts)


@pytest.mark.parametrize(("text", "key", "parts"), FIELDS.values(), ids=FIELDS)
def test_a_mistake_in_a_field_for_pictures_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    text = FIELD.replace("[entity.product.field]", f"[entity.product.field]\n{text}")
    told(mistakes(write(tmp_path, {E: text})), E, text, f"entity.product.field.x.{key}", parts)


def test_all_that_a_picture_says_of_itself_may_be_used(tmp_path: Path) -> None:
    cells = ("name", "type", "sha256")
    more = "".join(f'[[column]]\nfrom = "@{one}"\nto = "x_{one}"\n' for one in cells)
    fields = "".join(f"x_{one} = {{ null = true }}\n" for one in cells)
    sizes = '[[column]]\ntemplate = "{@width} x {@height}, {@bytes}"\nto = "x_size"\n'
    entities = FIELD.replace(
        "[entity.product.field]", f"[entity.product.field]\n{fields}x_size = {{ null = true }}"
    )
    found = config.load(write(tmp_path, {D: pictures(FOTO + more + sizes), E: entities}))
    assert len(found.descriptors["products"].column) == 6


def test_in_xml_an_attribute_may_be_called_picture(tmp_path: Path) -> None:
    text = f'{PRODUCT}[file]\nformat = "xml"\nrow = "p"\n{GUID}[[column]]\nfrom = "@picture"\nto = "foto"\n'
    assert config.load(write(tmp_path, {D: text, E: FIELD}))
