"""
`impexd demo`: an instance of its own, a generated zip dropped into its inbox, rows in the tables.

Everything is real: the sample configuration, the daemon, the inbox.  The zip has a few bad
rows on purpose, so that the report has something to explain.
"""

import csv
import io
import random
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console

from impexd import client, daemon, setup, show
from impexd import config as configuration
from impexd.admin import api, server
from impexd.client import Client
from impexd.core import log

GROUP = "catalogue"
BRANDS = ("Nordwind", "Altair", "Kestrel", "Fjord & Fell", "Zephyr", "Größe", "Wanderlust")
CATEGORIES = (
    ("shoes", "", "Shoes", "Schuhe"),
    ("boots", "shoes", "Boots", "Stiefel"),
    ("tents", "", "Tents", "Zelte"),
    ("packs", "", "Backpacks", "Rucksäcke"),
)
COLOURS = (("black", "schwarz"), ("red", "rot"), ("blue", "blau"), ("green", "grün"))


async def play(folder: Path | None, rows: int) -> None:
    """Make an instance in a folder, drop a generated zip of `rows` products, show what becomes of it."""
    home = folder or Path(tempfile.mkdtemp(prefix="impexd-demo-"))
    out = Console(highlight=False)
    setup.write(home)
    log.start("error")
    source = home / "etc" / "impexd.toml"
    config = configuration.load(source)
    out.print(f"instance: {home}")
    async with (
        daemon.opened(source, config) as instance,
        server.listening(api.app(instance), config.socket),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(daemon.serve, instance)
        inbox = config.inboxes[GROUP]
        out.print(f"dropping shop.zip ({rows:,} products, and a few mistakes) into {inbox}")
        await anyio.to_thread.run_sync(drop, inbox, rows)
        async with client.opened(source) as asked:
            found = await _finished(asked)
        show.run(found)
        tasks.cancel_scope.cancel()
    _next(out, home, config.var, found)


async def _finished(asked: Client) -> dict[str, Any]:
    """Wait for the run that the drop becomes, with a progress bar."""
    from impexd import commands

    while True:
        found = (await asked.get("/api/v1/runs", group=GROUP))["runs"]
        if found:
            return await commands.followed(asked, found[0]["id"], bar=True)
        await anyio.sleep(0.05)


def _next(out: Console, home: Path, var: Path, found: dict[str, Any]) -> None:
    out.print()
    out.print(f"the rows are in {var / 'impexd.db'}; look at them:")
    out.print(
        f'  sqlite3 {var / "impexd.db"} "select sku, currency, list from price limit 5"',
        soft_wrap=True,
    )
    if found["report"]:
        out.print(
            f"the zip, its report and its rejects: {var / str(found['report'])}", soft_wrap=True
        )
    out.print("go on with this instance:")
    out.print(f"  impexd --config {home / 'etc'} run", soft_wrap=True)


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
