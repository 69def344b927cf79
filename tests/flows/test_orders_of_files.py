"""In whatever order files come, alone or together, once or twice: the tables are the same."""

from itertools import permutations

from tests import shop
from tests.processes import Site, until

RIGHT = shop.rows(30)


def loaded(site: Site, records: shop.Rows) -> bool:
    return site.shop() == {entity: sorted(lines) for entity, lines in records.items()}


def settled(site: Site, *states: str) -> bool:
    return site.states() == list(states) and not site.lying("work")


def own(records: shop.Rows, mark: str) -> shop.Rows:
    """The same records under keys of their own, parents included."""
    return {
        entity: [
            tuple(f"{mark}{cell}" if cell[:1] in "PB" else cell for cell in line) for line in lines
        ]
        for entity, lines in records.items()
    }


def test_the_files_of_a_zip_may_come_in_any_order(site: Site) -> None:
    whole: shop.Rows = {entity: [] for entity in shop.HEADERS}
    orders = list(permutations(shop.FILES))
    with site.daemon():
        for n, order in enumerate(orders):
            records = own(RIGHT, f"{n}-")
            files = shop.members({entity: records[entity] for entity in order})
            assert list(files) == [shop.FILES[entity] for entity in order]
            site.drop(f"{n}.zip", shop.zipped(files))
            for entity, lines in records.items():
                whole[entity] += lines
        until(lambda: settled(site, *["archived"] * len(orders)), "all are archived")
    assert loaded(site, whole)
    assert {count["rejected"] for run in site.runs() for count in run["counts"].values()} == {0}


def test_files_of_one_kind_may_be_many(site: Site) -> None:
    """Children stand in a file before the first of their parents, and between them."""
    first, second = shop.rows(20), shop.rows(20, first=20)
    files = {
        "prices-1.csv": shop.text(shop.HEADERS["price"], second["price"]),
        "products-1.csv": shop.text(shop.HEADERS["product"], first["product"]),
        "prices-2.csv": shop.text(shop.HEADERS["price"], first["price"]),
        "products-2.csv": shop.text(shop.HEADERS["product"], second["product"]),
        "brands.csv": shop.text(shop.HEADERS["brand"], first["brand"]),
    }
    site.drop("drop.zip", shop.zipped(files))
    site.drain()
    assert settled(site, "archived")
    assert loaded(site, shop.rows(40))


def test_one_file_may_feed_several_descriptors(site: Site) -> None:
    header = [*shop.HEADERS["product"], "currency", "list"]
    pairs = zip(RIGHT["product"], RIGHT["price"], strict=True)
    lines = [(*product, *price[1:]) for product, price in pairs]
    prices = shop.ETC["descriptors/prices.toml"]
    prices = prices.replace("prices.*", "products.*").replace('from = "product"', 'from = "code"')
    site.say("descriptors/prices.toml", prices)
    brands = shop.text(shop.HEADERS["brand"], RIGHT["brand"])
    site.drop("drop.zip", shop.zipped({"products.csv": shop.text(header, lines), "b.csv": brands}))
    site.say(
        "descriptors/brands.toml", shop.ETC["descriptors/brands.toml"].replace("brands.*", "b")
    )
    site.drain()
    assert settled(site, "archived")
    assert loaded(site, RIGHT)
    parts = site.query("SELECT member, descriptor, counts ->> 'read' FROM part ORDER BY n")
    assert parts == [
        ("b.csv", "brands", 7),
        ("products.csv", "products", 30),
        ("products.csv", "prices", 30),
    ]


def test_single_files_are_drops_of_their_own(site: Site) -> None:
    with site.daemon():
        for n, (name, data) in enumerate(shop.members(RIGHT).items(), 1):
            site.drop(name, data)
            until(lambda n=n: settled(site, *["archived"] * n), "it is archived")  # type: ignore[misc]
    assert loaded(site, RIGHT)
    assert [run["name"] for run in site.runs()] == list(shop.FILES.values())
    for run, data in zip(site.runs(), shop.members(RIGHT).values(), strict=True):
        assert (site.var / run["place"]).read_bytes() == data


def test_the_same_bytes_again_are_a_duplicate(site: Site) -> None:
    data = shop.zipped(shop.members(RIGHT))
    with site.daemon():
        for states in (["archived"], ["archived", "duplicate"]):
            site.drop("drop.zip", data)
            until(lambda states=states: settled(site, *states), "it has ended")  # type: ignore[misc]
        until(lambda: all(run["place"] for run in site.runs()), "their bytes are put away")
    assert loaded(site, RIGHT)
    first, second = (site.var / run["place"] for run in site.runs())
    assert first != second
    assert first.read_bytes() == second.read_bytes() == data
    assert site.lying("inbox") == []


def test_other_bytes_under_the_same_name_are_another_run(site: Site) -> None:
    editions = [shop.rows(30, edition=edition) for edition in (0, 1)]
    with site.daemon():
        for n, records in enumerate(editions, 1):
            site.drop("drop.zip", shop.zipped(shop.members(records)))
            until(lambda n=n: settled(site, *["archived"] * n), "it is archived")  # type: ignore[misc]
    assert loaded(site, editions[1])
    for run, records in zip(site.runs(), editions, strict=True):
        assert (site.var / run["place"]).read_bytes() == shop.zipped(shop.members(records))


def test_the_same_bytes_under_another_name_change_nothing(site: Site) -> None:
    data = shop.zipped(shop.members(RIGHT))
    for name in ("one.zip", "two.zip"):
        site.drop(name, data)
        site.drain()
    counts = [run["counts"]["price"] for run in site.runs()]
    assert [(count["inserted"], count["unchanged"]) for count in counts] == [(30, 0), (0, 30)]
    assert loaded(site, RIGHT)
