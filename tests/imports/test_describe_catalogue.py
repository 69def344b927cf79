"""A real catalogue of fifteen files: described without a hand, and then loaded."""

import asyncio
import shutil
import zipfile
from pathlib import Path

import pytest

from impexd import commands, drafts
from impexd import config as configuration
from impexd.imports.describe.propose import Wish
from impexd.imports.describe.run import Described
from tests.shared import SHARED

CATALOGUE = SHARED / "data" / "icecat" / "catalogue.zip"
SHIPPED = Path(__file__).parents[2] / "etc"

# fmt: off
FILES = {
    # file                                  rows    key                                                 entity
    "brandnames":                          (20,     ["name"],                                           "brand"),
    "attributenames":                      (2_558,  ["code"],                                           "attribute"),
    "producttypenames":                    (11,     ["name"],                                           "product_type"),
    "producttypeattrnames":                (3_992,  ["guid"],                                           "product_type_attribute"),
    "productypeattributeviewgroupnames":   (155,    ["guid"],                                           "attribute_view_group"),
    "categorynames":                       (11,     ["guid"],                                           "category"),
    "shopcategorynames":                   (10,     ["guid"],                                           "shop_category"),
    "productnames":                        (276,    ["product guid"],                                   "product"),
    "productskunames":                     (283,    ["SKU code"],                                       "sku"),
    "productcategorynames":                (276,    ["product guid", "category guid"],                  "product_category"),
    "productsattributes":                  (15_174, ["product guid", "attribute code"],                 "product_attribute"),
    "productskuattributes":                (12,     ["sku guid", "attr code"],                          "sku_attribute"),
    "skuinventory":                        (283,    ["sku code", "warehouse code"],                     "stock"),
    "skuprices":                           (855,    ["sku code", "shop code", "currency", "tier"],      "price"),
    "productaccessories":                  (14,     ["association code", "product code", "associated product code"], "association"),
}

TYPES = {
    ("skuprices", "list price"):         "decimal",
    ("skuprices", "sale price"):         "decimal",
    ("skuprices", "tier"):               "integer",
    ("skuprices", "currency"):           "text",
    ("skuinventory", "qty in stock"):    "integer",
    ("skuinventory", "release date"):    "date",
    ("skuinventory", "featured"):        "boolean",
    ("attributenames", "mandatory"):     "boolean",
    ("attributenames", "navigatable"):   "boolean",
    ("attributenames", "code"):          "text",
    ("producttypeattrnames", "filter nav"): "boolean",
    ("productaccessories", "rank"):      "integer",
    ("productnames", "featured"):        "boolean",
    ("productnames", "barcode"):         "text",
    ("productnames", "product guid"):    "text",
    ("categorynames", "guid"):           "text",
    ("categorynames", "EN#1"):           "text",
}
# fmt: on


def described(wish: Wish, path: Path = CATALOGUE) -> Described:
    ground = drafts.ground(SHIPPED, None)
    return asyncio.run(drafts.describe(path, ground, wish))


@pytest.fixture(scope="module")
def shipped() -> Described:
    """With the entities that are shipped."""
    return described(Wish())


@pytest.fixture(scope="module")
def own() -> Described:
    """With entities of its own."""
    return described(Wish(own=True))


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_known_by_its_key_and_entity(shipped: Described, file: str) -> None:
    (design,) = [one for one in shipped.designs if one.sheet.file.name == f"{file}.csv"]
    rows, key, entity = FILES[file]
    assert (shipped.rows[design.name], design.named(), design.kind.name) == (rows, key, entity)


@pytest.mark.parametrize("file", FILES)
def test_every_key_is_found_without_a_catalogue(own: Described, file: str) -> None:
    (design,) = [one for one in own.designs if one.sheet.file.name == f"{file}.csv"]
    assert (own.rows[design.name], design.named()) == FILES[file][:2]


@pytest.mark.parametrize("file", FILES)
def test_every_file_alone_is_known_by_its_key(file: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(CATALOGUE) as archive:
        archive.extract(f"{file}.csv", tmp_path)
    (design,) = described(Wish(), tmp_path / f"{file}.csv").designs
    assert design.named() == FILES[file][1]


@pytest.mark.parametrize(("file", "column"), TYPES)
def test_types_are_what_a_person_would_say(own: Described, file: str, column: str) -> None:
    (design,) = [one for one in own.designs if one.sheet.file.name == f"{file}.csv"]
    found = {one.source: one.kind.type.value for one in design.sheet.columns}
    assert found[column] == TYPES[file, column]


def test_what_points_at_what_is_found_without_a_catalogue(own: Described) -> None:
    refs = {
        (one.kind.name, name): ref for one in own.designs for name, ref in one.kind.refs.items()
    }
    wanted = {
        ("productnames", "brand"): "brandnames",
        ("productnames", "product_type"): "producttypenames",
        ("productskunames", "product_guid"): "productnames",
        ("productcategorynames", "category_guid"): "categorynames",
        ("productsattributes", "attribute_code"): "attributenames",
        ("skuprices", "sku_code"): "productskunames",
        ("productaccessories", "associated_product_code"): "productskunames",
        ("categorynames", "parent_category_guid"): "categorynames",
    }
    assert {at: refs.get(at) for at in wanted} == wanted


def test_a_shop_that_no_column_names_is_the_one_of_all_prices(shipped: Described) -> None:
    (design,) = [one for one in shipped.designs if one.kind.name == "shop_category"]
    assert [(one.field, one.const) for one in design.fixed] == [("shop", "SHOP10")]
    assert "skuprices.csv" in shipped.texts["descriptors/shopcategorynames.toml"]


def test_each_guess_has_its_evidence(shipped: Described) -> None:
    for path, text in shipped.texts.items():
        guesses = [line for line in text.splitlines() if line.startswith(("from =", "entity ="))]
        assert all(" # " in line for line in guesses), path


async def test_the_shipped_entities_take_every_row(shipped: Described, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    shutil.copytree(SHIPPED / "entities", etc / "entities")
    (etc / "impexd.toml").write_text("")
    drafts.write(shipped, etc, fresh=False)
    await loads(etc, shipped.group)


async def test_entities_of_its_own_take_every_row(own: Described, tmp_path: Path) -> None:
    drafts.write(own, tmp_path / "etc", fresh=True)
    await loads(tmp_path / "etc", own.group)


async def loads(etc: Path, group: str) -> None:
    """Hold it that the configuration is right, and loads every row of the catalogue."""
    assert len(configuration.load(etc).descriptors) == len(FILES)
    run = await commands.import_file(
        etc, group, str(CATALOGUE), dry=False, force=False, note=None, bar=False
    )
    assert (run["state"], run["problems"]) == ("archived", 0), run["listed"][:3]
    found = {part["member"].removesuffix(".csv"): part["counts"] for part in run["parts"]}
    assert {name: counts["inserted"] for name, counts in found.items()} == {
        name: rows for name, (rows, *_) in FILES.items()
    }
    assert not any(counts["rejected"] for counts in found.values())
