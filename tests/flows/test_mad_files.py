"""A mad file dropped on the shipped example is held, in words that a shop owner understands."""

from pathlib import Path
from typing import Any

import pytest

from tests import shop
from tests.flows.place import Place

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]


def sample() -> dict[str, str]:
    """The configuration that `impexd init` writes."""
    return {
        f"{folder}/{path.name}": path.read_text("utf-8")
        for folder in ("entities", "descriptors", "groups")
        for path in (ROOT / "etc" / folder).glob("*.toml")
    }


N = 40
PRODUCT = (
    "guid;code;brand;category;name_en;name_de;description_en;description_de;"
    "availability;weight;featured"
)


def catalogue() -> dict[str, list[list[str]]]:
    """File -> rows with their header: a right drop for the group `catalogue`."""
    numbers = range(N)
    return {
        "brands.csv": [["name", "description"], *([f"Brand {n}", f"Makes {n}"] for n in range(8))],
        "categories.csv": [
            ["guid", "parent", "name_en", "name_de", "rank"],
            ["root", "", "All", "Alles", "0"],
            *([f"C{n}", "root", f"Kind {n}", f"Art {n}", str(n)] for n in range(6)),
        ],
        "products.csv": [
            PRODUCT.split(";"),
            *(
                f"G{n};K{n};Brand {n % 8};C{n % 6};Thing {n};Ding {n};Good;Gut;1;1.5;yes".split(";")
                for n in numbers
            ),
        ],
        "skus.csv": [
            ["code", "product", "name_en", "name_de", "barcode"],
            *([f"S{n}", f"G{n}", f"Thing {n}", f"Ding {n}", f"{40_000_000 + n}"] for n in numbers),
        ],
        "prices.csv": [
            ["sku", "currency", "tier", "list", "sale"],
            *([f"S{n}", "EUR", "1", f"{n + 10}.99", ""] for n in numbers),
        ],
        "stock.csv": [
            ["sku", "warehouse", "quantity", "release_date"],
            *([f"S{n}", "MAIN", str(n), "31.01.2026"] for n in numbers),
        ],
    }


def packed(files: dict[str, list[list[str]]]) -> bytes:
    made = {name: "\n".join(map(";".join, rows)) + "\n" for name, rows in files.items()}
    return shop.zipped({name: text.encode() for name, text in made.items()})


def all_prices_0(files: dict[str, list[list[str]]]) -> None:
    for row in files["prices.csv"][1:]:
        row[3] = "0"


def torn(files: dict[str, list[list[str]]]) -> None:
    for rows in files.values():
        del rows[1 + len(rows[1:]) // 10 :]


def shifted(name: str) -> Any:
    def shift(files: dict[str, list[list[str]]]) -> None:
        for row in files[name][1:]:
            row.append(row.pop(0))

    return shift


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            all_prices_0,
            [
                "40 values of price.list would move by more than 50 %, such as S0 SHOP1 EUR 1: 10.99 -> 0"
            ],
        ),
        (
            torn,
            [
                "product: 4 rows came, where there are 40 records now; the group expects at least 50 %",
                "price: 4 rows came, where there are 40 records now; the group expects at least 50 %",
            ],
        ),
        (shifted("prices.csv"), ["price: 40 of 40 rows are rejected; the group allows 20 %"]),
        (shifted("skus.csv"), ["sku: 40 of 40 rows are rejected; the group allows 20 %"]),
        (shifted("stock.csv"), ["stock: 40 of 40 rows are rejected; the group allows 20 %"]),
        (shifted("products.csv"), ["product: 40 of 40 rows are rejected; the group allows 20 %"]),
        (shifted("categories.csv"), ["category: 7 of 7 rows are rejected; the group allows 20 %"]),
    ],
)
async def test_the_shipped_group_holds_a_mad_file_in_plain_words(
    place: Place, spoil: Any, words: list[str]
) -> None:
    await place.fresh(sample())
    good = await place.bring("catalogue.zip", packed(catalogue()), group="catalogue")
    assert (good["state"], good["problems"]) == ("archived", 0)
    before = await place.everything()
    files = catalogue()
    spoil(files)
    run = await place.bring("catalogue.zip", packed(files), group="catalogue")
    assert run["state"] == "held"
    assert all(said in run["message"] for said in words), run["message"]
    assert await place.everything() == before
