"""Mistakes in the form of a file: each is told in plain words, with its line."""

from pathlib import Path

import pytest

from tests.etc import GROUP, GUID, MAIN, MORE, PRODUCT, D, G, mistakes, told, write

FORM = {
    "an unknown key": (D, PRODUCT + '[file]\ndelimeter = ";" # here\n' + GUID, "file.delimeter", ["not known", "`delimiter`"]),
    "an unknown table": (MAIN, "[instence] # here\n", "instence", ["not known", "`instance`"]),
    "an unknown key of a column": (D, PRODUCT + GUID + 'colour = "red" # here\n', "column.1.colour", ["not known"]),
    "a name of the model that is no key": (D, PRODUCT + GUID + 'source = "a" # here\n', "column.1.source", ["not known"]),
    "no whole number": (D, PRODUCT + '[file]\nskip = "two" # here\n' + GUID, "file.skip", ["a whole number is wanted", "'two'"]),
    "no number": (G, GROUP + '[inbox]\nsettle = "2" # here\n', "inbox.settle", ["a number is wanted", "'2'"]),
    "a number that is none": (G, GROUP + "[inbox]\nsettle = nan # here\n", "inbox.settle", ["nan"]),
    "neither true nor false": (D, PRODUCT + '[file]\nheader = "yes" # here\n' + GUID, "file.header", ["true or false", "'yes'"]),
    "no text": (D, "entity = 5 # here\n" + GUID, "entity", ["text in quotes is wanted", "not 5"]),
    "no list": (G, 'kind = "import"\ndescriptors = "products" # here\n', "descriptors", ["a list is wanted", "'products'"]),
    "single brackets for a list of tables": (D, PRODUCT + '[column] # here\nfrom = "guid"\nto = "guid"\n', "column", ["[[column]]"]),
    "no table": (D, PRODUCT + 'file = "products.csv" # here\n' + GUID, "file", ["a table is wanted"]),
    "two kinds would do": (MORE, '[entity.x]\nkey = ["a"]\nfield.a = { type = "decimal", min = 0.5 } # here\n', "entity.x.field.a.min", ["text in quotes or a whole number", "0.5"]),
    "an unknown word": (D, PRODUCT + 'mode = "marge" # here\n' + GUID, "mode", ['"merge"', "'marge'", "did you mean `merge`"]),
    "a mark that is none of five": (D, PRODUCT + GUID + "thousands = '_' # here\n", "column.1.thousands", ['"", ".", ",", " " or "\'" is wanted', "'_'"]),
    "a table for a list of names": (G, 'kind = "import"\ndescriptors = {} # here\n', "descriptors", ["a list is wanted here, not a table"]),
    "another kind of group": (G, 'kind = "imports" # here\ndescriptors = ["products"]\n', "kind", ['"import" is wanted']),
    "too small a number": (MAIN, "[daemon]\nworkers = 0 # here\n", "daemon.workers", ["at least 1", "not 0"]),
    "too large a number": (G, "priority = 101 # here\n" + GROUP, "priority", ["at most 100", "not 101"]),
    "two characters for one": (D, PRODUCT + '[file]\ndelimiter = ";;" # here\n' + GUID, "file.delimiter", ["a single character", "';;'"]),
    "an empty list": (G, 'kind = "import"\ndescriptors = [] # here\n', "descriptors", ["at least 1"]),
    "a missing key": (D, PRODUCT + '[[column]] # here\nfrom = "guid"\n', "column.1.to", ["is missing"]),
    "a name that is none": (D, 'entity = "Product" # here\n' + GUID, "entity", ["small letters", "'Product'"]),
    "a target that is none": (D, PRODUCT + GUID + '[[column]]\nfrom = "a"\nto = "name@" # here\n', "column.2.to", ["`name@de`", "'name@'"]),
    "the name of a field": (MORE, '[entity.x]\nkey = ["a"]\n[entity.x.field]\n_a = {} # here\na = {}\n', "entity.x.field._a", ["small letters", "a letter first"]),
    "the name of an entity": (MORE, '["entity"."X y"] # here\nkey = ["a"]\nfield.a = {}\n', 'entity."X y"', ["small letters", "`X y`"]),
    "no size": (MAIN, '[limits]\nfile = "2 gigs" # here\n', "limits.file", ["a size is wanted", '"256 MiB"', "'2 gigs'"]),
    "no bound": (G, GROUP + '[guard]\nmax_deletes = "many" # here\n', "guard.max_deletes", ['"30 %"', "'many'"]),
    "a table in a file of entities that is no entity": (MORE, '[entities.x] # here\nkey = ["a"]\n', "entities", ["[entity.NAME]"]),
    "no TOML": (D, 'entity = "product"\nmode == "merge" # here\n', "", ["no TOML"]),
    "a text that does not end": (D, 'entity = "product # here', "", ["no TOML"]),
    "a number of a million digits": (D, PRODUCT + GUID + "max = " + "9" * 10_000, "", []),
    "brackets without end": (D, "a = " + "[" * 100_000, "", ["nested too deeply"]),
    "not UTF-8": (D, b'entity = "product"\n\xe4 # here\n', "", ["not UTF-8", "0xe4"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "key", "parts"), FORM.values(), ids=FORM)
def test_a_mistake_in_the_form_of_a_file_is_told_with_its_line(
    tmp_path: Path, name: str, text: str | bytes, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {name: text})), name, text, key, parts)
