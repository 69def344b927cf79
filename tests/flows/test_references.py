"""What rows point at: it may come in any order, be missing, go, or be made."""

import pytest

from tests import shop
from tests.flows.goods import (
    BRANDS,
    HEAD,
    POINTING,
    codes,
    counts,
    csv,
    etc,
    pointing,
    products,
    titles,
)
from tests.flows.place import Place
from tests.flows.told import descriptor

pytestmark = pytest.mark.asyncio(loop_scope="session")


# references


async def test_children_may_come_before_their_parents(place: Place) -> None:
    brands = descriptor("brand", *BRANDS, match="brands.*")
    await place.fresh(etc(products(), brands))
    files = {
        "products.csv": csv(HEAD, "A,one,Acme,1"),
        "brands.csv": csv("name,country", "Acme,DE"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    assert run["problems"] == 0
    assert [row["brand"] for row in await place.table("product")] == ["Acme"]


async def test_all_that_a_row_points_at_in_vain_is_told_at_once(place: Place) -> None:
    told = descriptor("product", "code", "title", "brand", "maker", match="products.*")
    await place.fresh(etc(told))
    run = await place.bring("products.csv", csv("code,title,brand,maker", "A,one,X,Y"))
    assert codes(run) == [
        ("missing_reference", 2, "brand", "X"),
        ("missing_reference", 2, "maker", "Y"),
    ]
    assert counts(run, "product") == {"rejected": 1}


async def test_a_chain_of_500_falls_with_its_root(place: Place) -> None:
    await place.fresh(etc(descriptor("node", "code", "up", match="nodes.*")))
    chain = [f"N{n},N{n - 1}" for n in range(500, 0, -1)]
    run = await place.bring("nodes.csv", csv("code,up", *chain, "alone,"))
    assert counts(run, "node") == {"inserted": 1, "rejected": 500}
    run = await place.bring("nodes.csv", csv("code,up", *chain, "N0,"))
    assert counts(run, "node") == {"inserted": 501}


async def test_records_that_point_at_each_other_come_together(place: Place) -> None:
    await place.fresh(etc(descriptor("node", "code", "up", match="nodes.*")))
    run = await place.bring("nodes.csv", csv("code,up", "A,B", "B,A", "C,C"))
    assert counts(run, "node") == {"inserted": 3}


async def test_a_parent_that_goes_in_the_same_drop_is_no_parent(place: Place) -> None:
    gone = descriptor("brand", "name", match="gone.*", mode="delete")
    await place.fresh(etc(descriptor("brand", *BRANDS, match="brands.*"), gone, products()))
    await place.bring("brands.csv", csv("name,country", "Acme,DE", "Best,DE"))
    files = {
        "gone.csv": csv("name", "Acme"),
        "products.csv": csv(HEAD, "A,one,Acme,1", "B,two,Best,1"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    assert codes(run) == [("missing_reference", 2, "brand", "Acme")]
    assert await titles(place) == {"B": "two"}


async def test_a_missing_parent_may_be_made_for_rows_that_are_loaded(place: Place) -> None:
    await place.fresh(etc(pointing("create")))
    lines = ("A,one,Acme,,1", "B,two,Acme,,2", "C,three,Lost,Nobody,3", "D,four,,,4")
    run = await place.bring("products.csv", csv(POINTING, *lines))
    assert counts(run, "product") == {"inserted": 3, "rejected": 1}
    assert counts(run, "brand") == {"inserted": 1}
    assert [row["name"] for row in await place.table("brand")] == ["Acme"]
    again = await place.bring("products.csv", csv(POINTING, *lines[::-1]))
    assert counts(again, "product") == {"unchanged": 3, "rejected": 1}


async def test_a_missing_parent_may_be_left_out_until_it_is_there(place: Place) -> None:
    brands = descriptor("brand", *BRANDS, match="brands.*")
    await place.fresh(etc(brands, pointing("null")))
    rows = csv(POINTING, "A,one,Acme,,1", "B,two,,,2")
    await place.bring("products.csv", rows)
    assert [row["brand"] for row in await place.table("product")] == [None, None]
    again = await place.bring("products.csv", rows + b"\n")
    assert counts(again, "product") == {"unchanged": 2}
    await place.bring("brands.csv", csv("name,country", "Acme,DE"))
    again = await place.bring("products.csv", rows + b"\n\n")
    assert counts(again, "product") == {"updated": 1, "unchanged": 1}
    assert [row["brand"] for row in await place.table("product")] == ["Acme", None]
