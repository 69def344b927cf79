"""Files find their descriptors by name, in the group's order."""

import json
from typing import Any

from impexd.imports import match
from impexd.imports.match import Taken
from impexd.model.descriptor import Descriptor


def descriptor(**file: Any) -> Descriptor:
    return Descriptor.model_validate_json(json.dumps({"entity": "e", "file": file}))


def test_one_file_may_feed_several_descriptors_and_each_is_in_the_groups_order() -> None:
    group = {"b": descriptor(match=r"x.*\.csv"), "a": descriptor(match=r"(x|y)\.csv")}
    found = match.plan(["y.csv", "x.csv", "z.csv"], group)
    assert found.taken == (Taken(1, "b"), Taken(0, "a"), Taken(1, "a"))
    assert found.unmatched == (2,)


def test_the_whole_name_counts_and_capitals_do_not() -> None:
    products = descriptor(match=r"products\.csv")
    assert match.takes(products, "PRODUCTS.CSV")
    assert not match.takes(products, "old-products.csv")
    assert not match.takes(products, "products.csv.bak")


def test_without_a_pattern_a_descriptor_takes_every_file_of_its_format() -> None:
    assert match.takes(descriptor(), "anything.CSV")
    assert not match.takes(descriptor(), "anything.xml")
    assert match.takes(descriptor(format="xml", row="a/b"), "anything.xml")


def test_a_packed_file_goes_by_the_name_of_what_is_in_it() -> None:
    assert match.takes(descriptor(match=r"products\.csv"), "products.csv.gz")


def test_rejects_go_by_the_name_of_their_source_and_of_their_sources_source() -> None:
    products = descriptor(match=r"products\.csv")
    for name in ("products.rejects-12.csv", "products.rejects-12.2.csv", "Products.Rejects-3.csv"):
        assert match.takes(products, name)
        assert match.original(name).lower() == "products.csv"
    assert match.takes(products, "products.rejects-1.rejects-2.csv.gz")
    assert match.mended("products.rejects-1.rejects-2.csv") == ("products.rejects-1.csv", 2)
    assert not match.takes(products, "products.rejects-x.csv")
