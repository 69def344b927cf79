"""A small shop: its configuration, its files, and what its tables hold once they are loaded."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal

ETC = {
    "impexd.toml": '[log]\nformat = "json"\n[daemon]\nrescan = 0.5\nstop_deadline = 20\n',
    "entities/shop.toml": """
[entity.brand]
key = ["name"]
field = { name = {} }

[entity.product]
key = ["code"]
[entity.product.field]
code = {}
name = { max = 255 }
brand = { ref = "brand" }
stock = { type = "integer" }

[entity.price]
key = ["product", "currency"]
[entity.price.field]
product = { ref = "product" }
currency = { pattern = "[A-Z]{3}" }
list = { type = "decimal", scale = 2, min = 0 }
""",
    "descriptors/brands.toml": """
entity = "brand"
file = { match = 'brands.*\\.csv' }
[[column]]
from = "name"
to = "name"
""",
    "descriptors/products.toml": """
entity = "product"
file = { match = 'products.*\\.csv' }
[[column]]
from = "code"
to = "code"
[[column]]
from = "name"
to = "name"
[[column]]
from = "brand"
to = "brand"
[[column]]
from = "stock"
to = "stock"
""",
    "descriptors/prices.toml": """
entity = "price"
file = { match = 'prices.*\\.csv' }
[[column]]
from = "product"
to = "product"
[[column]]
from = "currency"
to = "currency"
[[column]]
from = "list"
to = "list"
""",
    "groups/shop.toml": """
kind = "import"
descriptors = ["brands", "products", "prices"]
inbox = { settle = 0 }
""",
}
"""Path below etc -> text; settles at once and logs for machines."""

EXPORT = {
    "descriptors/changes.toml": """
[query]
entity = "product"
changed_since = "last"
[[column]]
from = "code"
to = "code"
[[column]]
from = "name"
to = "name"
""",
    "groups/changes.toml": """
kind = "export"
descriptors = ["changes"]
file = "{group}-{seq}.csv"
companions = [".sha256", ".ready"]
""",
}
"""What is added to export the products that have changed."""

HEADERS = {
    "brand": ["name"],
    "product": ["code", "name", "brand", "stock"],
    "price": ["product", "currency", "list"],
}
FILES = {"brand": "brands.csv", "product": "products.csv", "price": "prices.csv"}

Rows = dict[str, list[tuple[str, ...]]]
"""Entity -> its records as the files have them."""


def rows(count: int, *, edition: int = 0, first: int = 0) -> Rows:
    """Make records of `count` products; another edition has other names, stocks and prices."""
    brands = [(f"Brand {n}",) for n in range(7)]
    products, prices = [], []
    for n in range(first, first + count):
        code, cents = f"P{n:06d}", (n * 37 + edition * 101) % 90_000 + 101
        stock = str((n + edition) % 500)
        products.append((code, f"Größe {n}, edition {edition}", f"Brand {n % 7}", stock))
        prices.append((code, "EUR", f"{Decimal(cents) / 100}"))
    return {"brand": brands, "product": products, "price": prices}


def members(
    records: Rows, *, spoiled: Mapping[str, Sequence[tuple[str, ...]]] | None = None
) -> dict[str, bytes]:
    """Make the files of some records, with `spoiled` rows added to them."""
    return {
        FILES[entity]: text(HEADERS[entity], [*lines, *(spoiled or {}).get(entity, ())])
        for entity, lines in records.items()
    }


def text(header: Sequence[str], lines: Sequence[Sequence[str]]) -> bytes:
    """Write a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return out.getvalue().encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Pack files in the order given; the same files make the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
