"""What others point at since does not go with the run that brought it."""

from typing import Any

import pytest

from tests import shop
from tests.flows.goods import BRANDS, HEAD, csv, etc, products, titles
from tests.flows.place import Place
from tests.flows.told import descriptor

pytestmark = pytest.mark.asyncio(loop_scope="session")

BRAND = descriptor("brand", *BRANDS, match="brands.*")
NODE = descriptor("node", "code", "up", match="nodes.*")


async def undone(place: Place, run: int) -> dict[str, Any]:
    """Undo a run, having seen first what that does."""
    said = await place.asked.post(f"/api/v1/runs/{run}/undo", dry=True)
    started = await place.asked.post(f"/api/v1/runs/{run}/undo")
    await place.carry()
    done = await place.run(started["run"])
    assert done["state"] == "archived"
    assert (said["counts"], said["problems"]) == (done["counts"], done["problems"])
    assert said["listed"] == [one["message"] for one in done["listed"]]
    return done


async def names(place: Place, entity: str, field: str) -> list[str]:
    return [row[field] for row in await place.table(entity)]


async def test_what_another_run_points_at_is_kept_and_listed(place: Place) -> None:
    await place.fresh(etc(BRAND, products()))
    first = await place.bring("brands.csv", csv("name,country", "Acme,DE", "Böst,DE", "Cup,"))
    await place.bring("products.csv", csv(HEAD, "A,one,Acme,1", "B,two,Böst,1", "C,three,Acme,1"))
    done = await undone(place, first["id"])
    assert await names(place, "brand", "name") == ["Acme", "Böst"]
    assert [(one["code"], one["message"]) for one in done["listed"]] == [
        ("still_needed", 'brand ["Acme"] is kept: records of product point at it'),
        ("still_needed", 'brand ["Böst"] is kept: records of product point at it'),
    ]
    counts = done["counts"]["brand"]
    assert (counts["deleted"], counts["rejected"], counts["read"]) == (1, 2, 3)


async def test_what_goes_along_holds_nothing_back(place: Place) -> None:
    await place.fresh(etc(BRAND, products()))
    files = {
        "brands.csv": csv("name,country", "Acme,DE"),
        "products.csv": csv(HEAD, "A,one,Acme,1"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    done = await undone(place, run["id"])
    assert done["problems"] == 0
    assert (await titles(place), await place.table("brand")) == ({}, [])
    again = await undone(place, done["id"])
    assert again["problems"] == 0
    assert (await titles(place), await names(place, "brand", "name")) == ({"A": "one"}, ["Acme"])


async def test_a_record_that_points_elsewhere_again_holds_nothing_back(place: Place) -> None:
    await place.fresh(etc(BRAND, products()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1"))
    files = {
        "brands.csv": csv("name,country", "Acme,DE"),
        "products.csv": csv(HEAD, "A,eins,Acme,1"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    done = await undone(place, run["id"])
    assert done["problems"] == 0
    assert (await titles(place), await place.table("brand")) == ({"A": "one"}, [])


async def test_a_whole_chain_is_kept_for_what_hangs_on_it(place: Place) -> None:
    await place.fresh(etc(NODE))
    first = await place.bring("nodes.csv", csv("code,up", "A,", "B,A", "C,B", "D,A"))
    await place.bring("nodes-2.csv", csv("code,up", "E,C"))
    done = await undone(place, first["id"])
    assert await names(place, "node", "code") == ["A", "B", "C", "E"]
    assert done["problems"] == 3
