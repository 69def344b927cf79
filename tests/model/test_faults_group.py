"""Mistakes in groups, and modes that cannot live together."""

from pathlib import Path

import pytest

from tests.etc import GROUP, GUID, PRODUCT, G, mistakes, told, write

REPLACE = 'mode = "replace"\n'


GROUPS = {
    "a descriptor that is none": ('kind = "import"\ndescriptors = ["products", "price"] # here\n', "descriptors.2", ["no descriptors/price.toml", "did you mean `prices`"]),
    "a descriptor twice": ('kind = "import"\ndescriptors = ["prices", "prices"] # here\n', "descriptors.2", ["twice"]),
    "names that are no expression": (GROUP + "[inbox]\nmatch = 'a(?!b)' # here\n", "inbox.match", ["look-around"]),
    "a companion that is no end of a name": (GROUP + '[inbox]\ncompanion = "ready" # here\n', "inbox.companion", ['".ready"']),
    "an encoding of names": (GROUP + 'zip_names = "cp4711" # here\n', "zip_names", ["`cp4711`"]),
    "a guard of nothing": (GROUP + 'guard.max_change = { "price" = "1 %" } # here\n', "guard.max_change.price", ['"price.list"']),
    "a guard of an entity that is none": (GROUP + 'guard.max_change = { "prices.list" = "1 %" } # here\n', 'guard.max_change."prices.list"', ["did you mean `price`"]),
    "a guard of a field that is none": (GROUP + 'guard.max_change = { "price.lost" = "1 %" } # here\n', 'guard.max_change."price.lost"', ["did you mean `list`"]),
    "a guard of a text": (GROUP + 'guard.max_change = { "price.currency" = "1 %" } # here\n', 'guard.max_change."price.currency"', ["only a number can move"]),
    "an inbox that leads upwards": (GROUP + '[inbox]\npath = "inbox/../../x" # here\n', "inbox.path", ["leads upwards"]),
    "an inbox of home": (GROUP + '[inbox]\npath = "~/drops" # here\n', "inbox.path", ["`~`"]),
    "an inbox in work": (GROUP + '[inbox]\npath = "work/x" # here\n', "inbox.path", ["impexd keeps its own"]),
    "an inbox in the archive": (GROUP + '[inbox]\npath = "archive" # here\n', "inbox.path", ["impexd keeps its own"]),
    "an inbox that is var": (GROUP + '[inbox]\npath = "." # here\n', "inbox.path", ["holds the folders of impexd"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), GROUPS.values(), ids=GROUPS)
def test_a_mistake_in_a_group_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {G: text})), G, text, key, parts)


def test_two_files_that_replace_one_entity_are_not_in_one_group(tmp_path: Path) -> None:
    other = REPLACE + PRODUCT + GUID
    text = 'kind = "import"\ndescriptors = [\n"products",\n"others", # here\n]\n'
    said = mistakes(write(tmp_path, {"descriptors/others.toml": other, G: text}))
    told(said, G, text, "descriptors.2", ["product is filled by 2 parts", "`others`", "replace"])


def test_the_name_of_a_group_is_one_that_a_folder_can_have(tmp_path: Path) -> None:
    said = mistakes(write(tmp_path, {"groups/My Group.toml": GROUP}))
    assert len(said) == 1
    assert said[0].startswith("etc/groups/My Group.toml:1: the name of the file is wrong")
