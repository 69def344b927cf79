"""A generated zip of a small shop: brands, categories, products, SKUs, prices, stock; two mistakes on purpose."""

import csv
import io
import random
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

BRANDS = ("Nordwind", "Altair", "Kestrel", "Fjord & Fell", "Zephyr", "Größe", "Wanderlust")
CATEGORIES = (
    ("shoes", "", "Shoes", "Schuhe"),
    ("boots", "shoes", "Boots", "Stiefel"),
    ("tents", "", "Tents", "Zelte"),
    ("packs", "", "Backpacks", "Rucksäcke"),
)
COLOURS = (("black", "schwarz"), ("red", "rot"), ("blue", "blau"), ("green", "grün"))


def drop(inbox: Path, rows: int) -> Path:
    """Write a sample zip for the sample configuration into an inbox, complete or not at all."""
    draft, target = inbox / ".shop.zip.part", inbox / "shop.zip"
    inbox.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, header, lines in files(rows):
            archive.writestr(name, _csv(header, lines))
    draft.rename(target)
    return target


def files(rows: int) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Give (name, header, rows) of a small shop's files; prices stand before their parents."""
    chance = random.Random(7)  # noqa: S311 (a sample, no secret)
    skus = [f"A{n:06d}" for n in range(rows)]
    prices = [[sku, "EUR", "", f"{chance.randint(500, 90_000) / 100:.2f}", ""] for sku in skus]
    prices[3][3] = "12,9O"  # the letter O: a reject
    prices.append(["A999999", "EUR", "", "5.00", ""])  # nobody brings this SKU
    yield "prices.csv", ["sku", "currency", "tier", "list", "sale"], prices
    yield "brands.csv", ["name", "description"], [[brand, ""] for brand in BRANDS]
    yield (
        "categories.csv",
        ["guid", "parent", "name_en", "name_de", "rank"],
        [[*category, str(n)] for n, category in enumerate(CATEGORIES)],
    )
    yield "products.csv", PRODUCT, [_product(n) for n in range(rows)]
    variants = [[sku, f"P{n:06d}", "", "", f"{4000000000000 + n}"] for n, sku in enumerate(skus)]
    yield "skus.csv", ["code", "product", "name_en", "name_de", "barcode"], variants
    stock = [[sku, "main", str(chance.randint(0, 500)), ""] for sku in skus]
    yield "stock.csv", ["sku", "warehouse", "quantity", "release_date"], stock


PRODUCT = [
    "guid",
    "code",
    "brand",
    "category",
    "name_en",
    "name_de",
    "description_en",
    "description_de",
    "availability",
    "weight",
    "featured",
]


def _product(n: int) -> list[str]:
    category, brand = CATEGORIES[n % len(CATEGORIES)], BRANDS[n % len(BRANDS)]
    colour, farbe = COLOURS[n % len(COLOURS)]
    names = [f"{category[2]} {brand} {n}, {colour}", f"{category[3]} {brand} {n}, {farbe}"]
    texts = [f"{category[2]} by {brand}", f"{category[3]} von {brand}"]
    guid, weight = f"P{n:06d}", f"{n % 90 / 10 + 0.1:.1f}"
    return [guid, f"M{n:06d}", brand, category[0], *names, *texts, "1", weight, str(n % 2)]


def _csv(header: list[str], lines: Iterable[list[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return out.getvalue()
