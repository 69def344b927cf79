"""A plan outside its guards waits for a person, who sees what it would do and decides."""

from typing import Any

import pytest

from impexd.core.errors import UsageError
from tests.flows.place import Place
from tests.flows.told import descriptor, group

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENTITIES = """
[entity.product]
key = ["code"]
[entity.product.field]
code = {}
title = {}
price = { type = "decimal", scale = 2, null = true }
stock = { type = "integer", null = true }
name = { localized = true, null = true }
"""
COLUMNS = ("code", "title", "price", "stock", "name@de")


def etc(guard: dict[str, Any], *, mode: str = "merge", **said: Any) -> dict[str, str]:
    return {
        "entities/shop.toml": ENTITIES,
        "descriptors/products.toml": descriptor("product", *COLUMNS, match="products.*", mode=mode),
        "groups/shop.toml": group("products", guard=guard, **said),
    }


def products(count: int, *, price: str = "10.00", first: int = 0, title: str = "T") -> bytes:
    rows = [f"P{n:03d},{title} {n},{price},{n},Größe {n}" for n in range(first, count)]
    return "\n".join([",".join(COLUMNS), *rows, ""]).encode()


async def started(place: Place, guard: dict[str, Any], **said: Any) -> None:
    """Ten products, loaded before there are any guards."""
    await place.fresh(etc({}, **said))
    await place.bring("products.csv", products(10))
    await place.say(etc(guard, **said))


async def fields(place: Place, name: str) -> list[Any]:
    return [row[name] for row in await place.table("product")]


# each guard


@pytest.mark.parametrize(
    ("guard", "said", "data", "why"),
    [
        (
            {"max_deletes": 2},
            {"mode": "replace"},
            products(7),
            "product: 3 of 10 records would be deleted; the group allows 2",
        ),
        (
            {"max_deletes": "20 %"},
            {"mode": "replace"},
            products(7),
            "product: 3 of 10 records would be deleted; the group allows 20 %",
        ),
        (
            {"max_changes": "50 %"},
            {},
            products(6, title="new"),
            "product: 6 records would change, where there are 10 now; the group allows 50 %",
        ),
        (
            {"max_rejects": 1},
            {},
            products(8) + b"X,,1,1,\nY,,1,1,\n",
            "product: 2 of 10 rows are rejected; the group allows 1",
        ),
        (
            {"max_rejects": "19.9 %"},
            {},
            products(8) + b"X,,1,1,\nY,,1,1,\n",
            "product: 2 of 10 rows are rejected; the group allows 19.9 %",
        ),
        (
            {"min_rows": "50 %"},
            {},
            products(4),
            "product: 4 rows came, where there are 10 records now; the group expects at least 50 %",
        ),
        (
            {"max_change": {"product.price": "30 %"}},
            {},
            products(5, price="13.01") + products(10, first=5, price="7").partition(b"\n")[2],
            "5 values of product.price would move by more than 30 %, such as P000: 10 -> 13.01",
        ),
        (
            {"max_change": {"product.price": "3"}},
            {},
            products(9, price="13") + products(10, first=9, price="6.99").partition(b"\n")[2],
            "1 values of product.price would move by more than 3, such as P009: 10 -> 6.99",
        ),
    ],
)
async def test_a_plan_outside_a_guard_is_held_and_one_within_is_not(
    place: Place, guard: dict[str, Any], said: dict[str, Any], data: bytes, why: str
) -> None:
    await started(place, guard, **said)
    before = await place.everything()
    run = await place.bring("products.csv", data)
    assert (run["state"], run["message"]) == ("held", why)
    assert await place.everything() == before
    wider = {"max_deletes": 3, "max_changes": 6, "max_rejects": 2, "min_rows": 4}
    wider |= {"max_change": {"product.price": "30.1 %"}} if "max_change" in guard else {}
    await place.say(etc({name: wider[name] for name in guard}, **said))
    assert (await place.bring("products-2.csv", data))["state"] == "archived"


# what a person sees and says


async def held(place: Place) -> dict[str, Any]:
    await started(place, {"max_deletes": 1}, mode="replace")
    data = products(8).replace(b"T 3,10.00", b"=T 3,11.50").replace(b"5,", b"5,", 1)
    data += b"P100,new,1,1,\n"
    run = await place.bring("products.csv", data.replace("Größe 5".encode(), b""))
    assert run["state"] == "held"
    assert run["settled"]
    return run


async def test_a_held_run_shows_old_and_new_values_page_by_page(place: Place) -> None:
    run = await held(place)
    asked = f"/api/v1/runs/{run['id']}/changes"
    found = (await place.asked.get(asked))["changes"]
    told = [(c["key"], c["change"], c["field"], c["old"], c["new"], c["line"]) for c in found]
    assert sorted(told) == [
        ('["P003"]', "update", "price", "10", "11.5", "5"),
        ('["P003"]', "update", "title", "T 3", "'=T 3", "5"),
        ('["P005"]', "update", "name@de", "Größe 5", "", "7"),
        ('["P008"]', "delete", "", "", "", ""),
        ('["P009"]', "delete", "", "", "", ""),
        ('["P100"]', "insert", "", "", "", "10"),
    ]
    assert {c["entity"] for c in found} == {"product"}
    pages = [(await place.asked.get(asked, offset=at, limit=2))["changes"] for at in (0, 2, 4, 6)]
    assert [change for page in pages for change in page] == found


async def test_an_approved_run_does_exactly_what_was_shown(place: Place) -> None:
    run = await held(place)
    done = await place.decide(run["id"], "approve", "the season is over")
    assert (done["state"], done["actor"], done["note"]) == (
        "archived",
        "anna",
        "the season is over",
    )
    assert (done["counts"], done["message"]) == (run["counts"], None)
    assert done["counts"]["product"] == {
        "inserted": 1,
        "updated": 2,
        "unchanged": 6,
        "deleted": 2,
        "rejected": 0,
    }
    assert await fields(place, "code") == [*(f"P{n:03d}" for n in range(8)), "P100"]
    with pytest.raises(UsageError, match="not held"):
        await place.decide(run["id"], "approve")


async def test_a_refused_run_ends_with_its_note_and_its_bytes_in_failed(place: Place) -> None:
    run = await held(place)
    before = await place.everything()
    done = await place.decide(run["id"], "refuse", "torn file")
    assert (done["state"], done["message"]) == ("cancelled", "refused by anna: torn file")
    assert await place.everything() == before
    folder = place.leavings(done)
    assert folder.parts[-3] == "failed"
    assert {"products.csv", "report.json", "changes.csv"} <= {
        path.name for path in folder.iterdir()
    }


async def test_what_was_not_seen_is_not_approved(place: Place) -> None:
    run = await held(place)
    other = b",".join([b"code", b"title", b"price", b"stock", b"name@de"]) + b"\nP200,late,1,1,\n"
    await place.say(etc({"max_deletes": 1}))
    await place.bring("products-late.csv", other)
    with pytest.raises(UsageError, match="the tables have changed since run"):
        await place.decide(run["id"], "approve")
    await place.carry()
    again = await place.run(run["id"])
    assert (again["state"], again["counts"]["product"]["deleted"]) == ("held", 3)
    keys = [
        c["key"] for c in (await place.asked.get(f"/api/v1/runs/{run['id']}/changes"))["changes"]
    ]
    assert '["P200"]' in keys
    assert len(await fields(place, "code")) == 11
    done = await place.decide(run["id"], "approve")
    assert (done["state"], len(await fields(place, "code"))) == ("archived", 9)


async def test_a_dry_run_changes_nothing_and_leaves_what_it_would_have_changed(
    place: Place,
) -> None:
    await started(place, {"max_deletes": 1}, mode="replace")
    before = await place.everything()
    data = products(8, title="T").replace(b"T 3", b"drei")
    run = await place.bring("products.csv", data, dry=True)
    assert (run["state"], run["message"]) == ("planned", "dry run: nothing was changed")
    assert run["counts"]["product"]["deleted"] == 2
    assert await place.everything() == before
    lines = (place.leavings(run) / "changes.csv").read_text("utf-8").splitlines()
    assert lines[0] == "entity,key,change,field,old,new,file,line"
    assert 'product,"[""P003""]",update,title,T 3,drei,products.csv,5' in lines
    assert len(lines) == 4
    await place.say(etc({}, mode="replace"))
    assert (await place.bring("products.csv", data))["counts"] == run["counts"]
