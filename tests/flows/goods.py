"""Small goods for tests of what rows do: entities, descriptors, files, and what became of them."""

from typing import Any

from tests.flows.place import Place
from tests.flows.told import column, descriptor, group

ENTITIES = """
[entity.brand]
key = ["name"]
field = { name = {}, country = { null = true } }

[entity.product]
key = ["code"]
[entity.product.field]
code = {}
title = {}
name = { localized = true, null = true }
brand = { ref = "brand", null = true }
maker = { ref = "brand", null = true }
price = { type = "decimal", scale = 2, null = true }
stock = { type = "integer", null = true }
state = { null = true, values = ["new", "old", "gone: no more"] }

[entity.node]
key = ["code"]
field = { code = {}, up = { ref = "node", null = true } }

[entity.rate]
key = ["shop", "zone", "code"]
field = { shop = {}, zone = {}, code = {}, price = { type = "decimal" } }

[entity.tag]
key = ["product", "tag"]
field = { product = { ref = "product" }, tag = { max = 5 } }

[entity.typed]
key = ["code"]
[entity.typed.field]
code = {}
note = { null = true }
flag = { type = "boolean", default = "yes" }
off = { type = "boolean", default = "0" }
count = { type = "integer", default = "-7" }
amount = { type = "decimal", default = "0.10" }
day = { type = "date", default = "2026-01-31" }
moment = { type = "datetime", default = "2026-01-31T08:00:00+01:00" }
more = { type = "json", default = '{"a": [1, "b:c"]}' }
word = { default = "it's: ok" }
"""

PRODUCTS = ("code", "title", "brand", "price")
BRANDS = ("name", "country")


def etc(*descriptors: str, entities: str = ENTITIES, **said: Any) -> dict[str, str]:
    """A group `shop` with these descriptors, in order."""
    names = [f"d{n}" for n in range(len(descriptors))]
    return {
        "entities/shop.toml": entities,
        "groups/shop.toml": group(*names, **said),
    } | {f"descriptors/d{n}.toml": told for n, told in enumerate(descriptors)}


def products(**said: Any) -> str:
    return descriptor("product", *PRODUCTS, match="products.*", **said)


def csv(header: str, *lines: str) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def codes(run: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["code"], one["line"], one["column"], one["cell"]) for one in run["listed"]]


def counts(run: dict[str, Any], entity: str) -> dict[str, int]:
    return {name: count for name, count in run["counts"][entity].items() if count}


async def titles(place: Place) -> dict[str, str]:
    return {row["code"]: row["title"] for row in await place.table("product")}


HEAD = "code,title,brand,price"
POINTING = "code,title,brand,maker,price"


def whole(**said: Any) -> str:
    """Products whose file is the whole list."""
    return products(mode="replace", **said)


def pointing(missing: str, **said: Any) -> str:
    """Products with a brand that may be missing."""
    columns = ("code", "title", column("brand", missing=missing), "maker", "price")
    return descriptor("product", *columns, match="products.*", **said)
