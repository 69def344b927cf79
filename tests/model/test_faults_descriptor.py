"""Mistakes in descriptors: their targets, columns and files."""

from pathlib import Path

import pytest

from impexd import config
from tests.etc import FILES, GUID, PRODUCT, D, E, mistakes, told, write


def column(text: str) -> str:
    """Write a descriptor of products with one column more."""
    return f"{PRODUCT}{GUID}[[column]]\n{text}\n"


def file(text: str, columns: str = GUID) -> str:
    """Write a descriptor of products with this `[file]`."""
    return f"{PRODUCT}[file]\n{text}\n{columns}"


REPLACE = 'mode = "replace"\n'

DESCRIPTORS = {
    "an entity that is none": ('entity = "produkt" # here\n' + GUID, "entity", ["no entity `produkt`", "did you mean `product`"]),
    "no entity": ('[[column]] # here\nfrom = "a"\nto = "guid"\n', "column", ["which entity"]),
    "nothing at all": ('mode = "merge"\n', "", ["fills nothing"]),
    "no columns": ('entity = "product" # here\n', "entity", ["nothing fills `product`"]),
    "a target that is none": (column('from = "x"\nto = "prise" # here'), "column.2.to", ["no field `prise`", "did you mean `price`"]),
    "no language": (column('from = "x"\nto = "name" # here'), "column.2.to", ["several languages", "`name@en`"]),
    "a language where there is none": (column('from = "x"\nto = "brand@de" # here'), "column.2.to", ["no languages"]),
    "a field filled twice": (column('from = "x"\nto = "guid" # here'), "column.2.to", ["filled by a column above"]),
    "a key that nothing fills": ('entity = "product" # here\n[[column]]\nfrom = "b"\nto = "brand"\n', "entity", ["no column fills `guid`", "const"]),
    "a column out of nothing": (column('to = "brand"').replace("[[column]]\nto", "[[column]] # here\nto"), "column.2", ["`from`", "`const`", "`template`"]),
    "a column out of two": (column('from = "x"\nconst = "y"\nto = "brand"').replace('[[column]]\nfrom = "x"', '[[column]] # here\nfrom = "x"'), "column.2", ["has from and const"]),
    "a template beside a cell": (column('from = "x"\ntemplate = "{y}"\nto = "brand"').replace('[[column]]\nfrom = "x"', '[[column]] # here\nfrom = "x"'), "column.2", ["from and template"]),
    "a stray brace": (column('template = "{a}-{" # here\nto = "brand"'), "column.2.template", ["stray"]),
    "cells counted from 0": (column('from = 0 # here\nto = "brand"'), "column.2.from", ["counted from 1"]),
    "a cell without name": (column('from = "" # here\nto = "brand"'), "column.2.from", ["names no cell"]),
    "the cell number none": (column('from = "EN#0" # here\nto = "brand"'), "column.2.from", ["names no cell"]),
    "a name without header": (file("header = false", '[[column]]\nfrom = "guid" # here\nto = "guid"\n'), "column.1.from", ["without header"]),
    "a number in XML": (file('format = "xml"\nrow = "p"', '[[column]]\nfrom = 1 # here\nto = "guid"\n'), "column.1.from", ["no numbers in xml", "path"]),
    "an expression that is none": (column('from = "x"\nto = "brand"\nregex = \'(.)\\1\' # here'), "column.2.regex", ["back-references"]),
    "a group that is none": (column('from = "x"\nto = "brand"\nregex = "(a)(b)"\ngroup = 3 # here'), "column.2.group", ["no group `3`", "it has 2"]),
    "a named group that is none": (column('from = "x"\nto = "brand"\nregex = "(?P<y>a)"\ngroup = "z" # here'), "column.2.group", ["no group `z`", "(y)"]),
    "a template of a group that is none": (column('from = "x"\nto = "brand"\nregex = "(a)"\ntemplate = "{1}{2}" # here'), "column.2.template", ["no group `2`"]),
    "a group without expression": (column('from = "x"\nto = "brand"\ngroup = 1 # here'), "column.2.group", ["without `regex`"]),
    "unmapped without map": (column('from = "x"\nto = "brand"\nunmapped = "keep" # here'), "column.2.unmapped", ["without `map`"]),
    "truncate without length": (column('from = "x"\nto = "brand"\non_long = "truncate" # here'), "column.2.on_long", ["without `max`"]),
    "a zone that is none": (column('from = "x"\nto = "seen"\nzone = "Europe/Berlyn" # here'), "column.2.zone", ["no time zone", "Europe/Berlin"]),
    "a zone that is a folder": (column('from = "x"\nto = "seen"\nzone = "../../etc/passwd" # here'), "column.2.zone", ["no time zone"]),
    "a date pattern that is none": (column('from = "x"\nto = "made"\nformat = "%d.%Q.%Y" # here'), "column.2.format", ["no date pattern", "%d.%m.%Y"]),
    "a date pattern with a day twice": (column('from = "x"\nto = "made"\nformat = "%d.%d.%Y" # here'), "column.2.format", ["no date pattern"]),
    "a date pattern without a year": (column('from = "x"\nto = "made"\nformat = "%d.%m." # here'), "column.2.format", ["day, month and year"]),
    "a date pattern for a text": (column('from = "x"\nto = "brand"\nformat = "%d.%m.%Y" # here'), "column.2.format", ['for "date" or "datetime"']),
    "a decimal comma for a text": (column('from = "x"\nto = "brand"\ndecimal = "," # here'), "column.2.decimal", ['"decimal" or "integer"']),
    "yes and no for a number": (column('from = "x"\nto = "price"\ntrue = ["y"] # here'), "column.2.true", ['for "boolean"']),
    "missing where nothing is pointed at": (column('from = "x"\nto = "price"\nmissing = "park" # here'), "column.2.missing", ["points at no entity"]),
    "a constant that is no number": (column('const = "1,50" # here\nto = "price"'), "column.2.const", ["`1,50`", "a number"]),
    "a constant with too many digits": (column('const = "1.505" # here\nto = "price"'), "column.2.const", ["2 digits"]),
    "a constant out of bounds": (column('const = "-1" # here\nto = "price"'), "column.2.const", ["`-1`"]),
    "a constant that is no whole number": (column('const = "1.5" # here\nto = "amount"'), "column.2.const", ["a whole number"]),
    "a constant that is neither true nor false": (column('const = "oui" # here\nto = "sold"'), "column.2.const", ["`oui`"]),
    "a constant that is no word": (column('const = "old" # here\nto = "state"'), "column.2.const", ["new, used"]),
    "a constant that the map lacks": (column('const = "3" # here\nto = "state"\nmap = { "1" = "new" }'), "column.2.const", ["one of 1"]),
    "a default that is no day": (column('from = "x"\nto = "made"\ndefault = "soon" # here'), "column.2.default", ["`soon`", "date"]),
    "a default of another pattern": (column('from = "x"\nto = "made"\nformat = "%d.%m.%Y"\ndefault = "2026-01-31" # here'), "column.2.default", ["%d.%m.%Y"]),
    "only for a key": (PRODUCT + '[[column]]\nfrom = "g"\nto = "guid"\nonly = "insert" # here\n', "column.1.only", ["part of the key"]),
    "two that split": (PRODUCT + GUID + 'split = ","\n[[column]]\nfrom = "x"\nto = "brand"\nsplit = "," # here\n', "column.2.split", ["only one"]),
    "a record of an entity that is none": (PRODUCT + GUID + '[[record]]\nentity = "prise" # here\n[[record.column]]\nfrom = "x"\nto = "y"\n', "record.1.entity", ["did you mean `price`"]),
    "a record without its key": (PRODUCT + GUID + '[[record]]\nentity = "price" # here\n[[record.column]]\nfrom = "x"\nto = "product"\n', "record.1.entity", ["`currency`"]),
    "a column of a record": (PRODUCT + GUID + '[[record]]\nentity = "brand"\n[[record.column]]\nfrom = "x"\nto = "name"\n[[record.column]]\nfrom = "y"\nto = "origine" # here\n', "record.1.column.2.to", ["did you mean `origin`"]),
    "a mode out of no cell": ("mode_column = 0 # here\n" + PRODUCT + GUID, "mode_column", ["counted from 1"]),
    "a record for no cell": (file("header = false", "") + '[[column]]\nfrom = 1\nto = "guid"\n[[record]]\nentity = "brand"\nwhen = "b" # here\n[[record.column]]\nfrom = 2\nto = "name"\n', "record.1.when", ["without header"]),
    "scope without replace": ('scope = ["brand"] # here\n' + PRODUCT + GUID, "scope", ['mode = "replace"']),
    "a scope that is no field": (REPLACE + 'scope = ["brend"] # here\n' + PRODUCT + GUID, "scope.1", ["did you mean `brand`"]),
    "a value for lacking rows": (REPLACE + 'missing_rows = { price = "nothing" } # here\n' + PRODUCT + GUID, "missing_rows.price", ["`nothing`"]),
    "a key for lacking rows": (REPLACE + 'missing_rows = { guid = "x" } # here\n' + PRODUCT + GUID, "missing_rows.guid", ["part of the key"]),
    # the file
    "a key of another format": (file('row = "product" # here'), "file.row", ["belongs to xml and json", 'format = "csv"']),
    "numbers joined to another number": (file('format = "xml"\nrow = "product"\nrepeated = "join"', GUID + '[[column]] # here\nfrom = "x"\nto = "price"\ndecimal = ","\n'), "column.2", ["as one number", "`joiner`"]),
    "a delimiter in XML": (file('format = "xml"\nrow = "product"\ndelimiter = ";" # here'), "file.delimiter", ["belongs to csv", '"xml"']),
    "a sheet in a CSV": (file("sheet = 1 # here"), "file.sheet", ["belongs to xlsx"]),
    "XML without a record": (PRODUCT + '[file] # here\nformat = "xml"\n' + GUID, "file", ["needs `row`"]),
    "an encoding that is none": (file('encoding = "utf-9" # here'), "file.encoding", ["`utf-9`", "cp1252"]),
    "an encoding of bytes": (file('fallback = "base64" # here'), "file.fallback", ["no text encoding"]),
    "an encoding of domain names": (file('encoding = "idna" # here'), "file.encoding", ["no text encoding"]),
    "a file name that is no expression": (file("match = '*.csv' # here"), "file.match", ["RE2"]),
    "a trailer that is no expression": (file("trailer = 'END(' # here"), "file.trailer", ["missing )"]),
    "a delimiter that ends lines": (file('delimiter = "\\n" # here'), "file.delimiter", ["end of a line"]),
    "a delimiter that is the quote": (file("delimiter = ';'\nquote = ';' # here"), "file.quote", ["delimiter too"]),
    "a delimiter that escapes": (file("delimiter = '\\' # here\nescape = 'backslash'"), "file.delimiter", ["backslash"]),
    "the sheet number none": (file('format = "xlsx"\nsheet = 0 # here'), "file.sheet", ["counted from 1"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), DESCRIPTORS.values(), ids=DESCRIPTORS)
def test_a_mistake_in_a_descriptor_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {D: text})), D, text, key, parts)


@pytest.mark.parametrize(
    ("missing", "part"),
    [("create", "a new product cannot be made of its key alone, it needs `size`"), ("null", "may not be empty")],
)  # fmt: skip
def test_a_parent_that_cannot_be_made_or_left_out_is_told(
    tmp_path: Path, missing: str, part: str
) -> None:
    entities = FILES[E].replace("guid = {}\n", "guid = {}\nsize = {}\n")
    name = "descriptors/prices.toml"
    text = FILES[name].replace('"product"\n', f'"product"\nmissing = "{missing}" # here\n')
    said = mistakes(write(tmp_path, {E: entities, name: text}))
    told(said, name, text, "column.1.missing", [part])


def test_a_field_may_be_filled_in_one_way_for_new_and_another_for_known_records(
    tmp_path: Path,
) -> None:
    text = column(
        'const = "1"\nto = "price"\nonly = "insert"\n[[column]]\nfrom = "p"\nto = "price"\nonly = "update"'
    )
    assert config.load(write(tmp_path, {D: text}))
