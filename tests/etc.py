"""A small right configuration, to be made wrong in one place at a time."""

from pathlib import Path

import pytest

from impexd import config
from impexd.core.errors import ConfigError

FILES = {
    "impexd.toml": "",
    "entities/shop.toml": """
[entity.brand]
key = ["name"]
[entity.brand.field]
name = {}
origin = { null = true, ref = "country" }

[entity.country]
key = ["code"]
field = { code = { pattern = "[A-Z]{2}" }, area = { type = "decimal" } }

[entity.product]
key = ["guid"]
[entity.product.field]
guid = {}
name = { localized = true, null = true }
brand = { ref = "brand", null = true }
made = { type = "date", null = true }
seen = { type = "datetime", null = true }
price = { type = "decimal", scale = 2, min = 0, null = true }
amount = { type = "integer", null = true }
sold = { type = "boolean", null = true }
state = { values = ["new", "used"], null = true }

[entity.price]
key = ["product", "currency"]
[entity.price.field]
product = { ref = "product" }
currency = { pattern = "[A-Z]{3}" }
list = { type = "decimal" }
""",
    "descriptors/products.toml": """
entity = "product"
[file]
match = 'products.*'
[[column]]
from = "guid"
to = "guid"
""",
    "descriptors/prices.toml": """
entity = "price"
[[column]]
from = "guid"
to = "product"
[[column]]
const = "EUR"
to = "currency"
[[column]]
from = "list"
to = "list"
""",
    "groups/shop.toml": """
kind = "import"
descriptors = ["products", "prices"]
""",
}
"""Path below etc -> text."""


def write(folder: Path, changed: dict[str, str | bytes] | None = None) -> Path:
    """Write the configuration below `folder`, with some files said otherwise; give its etc."""
    etc = folder / "etc"
    for name, text in {**FILES, **(changed or {})}.items():
        path = etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return etc


D, G, E, MAIN = "descriptors/products.toml", "groups/shop.toml", "entities/shop.toml", "impexd.toml"
"""The files that tests make wrong."""
MORE = "entities/more.toml"
GUID = '[[column]]\nfrom = "guid"\nto = "guid"\n'
PRODUCT = 'entity = "product"\n'
GROUP = 'kind = "import"\ndescriptors = ["products"]\n'


def mistakes(etc: Path) -> tuple[str, ...]:
    """Load what must be wrong, and give what is said about it."""
    with pytest.raises(ConfigError) as caught:
        config.load(etc)
    return caught.value.mistakes


def told(said: tuple[str, ...], name: str, text: str | bytes, key: str, parts: list[str]) -> None:
    """Hold it that one mistake was told, on the line that says `# here`, with these words."""
    data = text if isinstance(text, bytes) else text.encode()
    line = next((number for number, row in enumerate(data.split(b"\n"), 1) if b"# here" in row), "")
    assert len(said) == 1, said
    where = f"etc/{name}:{line}"
    assert said[0].startswith(f"{where}: {key}: " if key else where), said[0]
    for part in parts:
        assert part in said[0], said[0]
