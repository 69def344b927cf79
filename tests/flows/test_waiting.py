"""Rows wait for their parent across runs, come in when it comes, and end when it does not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from impexd.imports import parking
from tests import shop
from tests.clock import FakeClock
from tests.flows import place as places
from tests.flows.place import Place
from tests.flows.told import column, descriptor, group
from tests.processes import Site

shared = pytest.mark.asyncio(loop_scope="session")

ENTITIES = """
[entity.brand]
key = ["name"]
field = { name = {}, country = { ref = "country", null = true } }

[entity.country]
key = ["code"]
field = { code = { pattern = "[A-Z]{2}" } }

[entity.product]
key = ["code"]
[entity.product.field]
code = {}
title = { null = true }
brand = { ref = "brand", null = true }
country = { ref = "country", null = true }
price = { type = "decimal", null = true }
sold = { type = "boolean", null = true }
made = { type = "date", null = true }
seen = { type = "datetime", null = true }
more = { type = "json", null = true }
name = { localized = true, null = true }
"""
PARKED = column("brand", missing="park")
TYPED = ("price", "sold", "made", "seen", "more", "name@de")


def etc(*columns: Any, top: dict[str, Any] | None = None, **said: Any) -> dict[str, str]:
    """Products that wait for their brands, in one group; brands in another."""
    told = descriptor(
        "product", "code", "title", PARKED, *columns, match="products.*", **(top or {})
    )
    return {
        "entities/shop.toml": ENTITIES,
        "descriptors/products.toml": told,
        "descriptors/brands.toml": descriptor("brand", "name", "country", match="brands.*"),
        "descriptors/countries.toml": descriptor("country", "code", match="countries.*"),
        "groups/shop.toml": group("products", **said),
        "groups/makers.toml": group("brands", "countries"),
    }


def csv(header: str, *lines: str) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


async def brands(place: Place, *lines: str) -> dict[str, Any]:
    return await place.bring("brands.csv", csv("name,country", *lines), group="makers")


async def titles(place: Place) -> dict[str, Any]:
    return {row["code"]: row["title"] for row in await place.table("product")}


@shared
async def test_a_row_waits_and_is_loaded_when_its_parent_comes_in_another_group(
    place: Place,
) -> None:
    await place.fresh(etc())
    lines = ("A,one,Acme", "B,two,", "C,three,Best")
    run = await place.bring("products.csv", csv("code,title,brand", *lines))
    assert (run["state"], run["problems"]) == ("archived", 0)
    (part,) = run["parts"]
    assert (part["counts"]["inserted"], part["counts"]["parked"]) == (1, 2)
    waiting = await place.waiting()
    told = [(r["member"], r["line"], r["waits_entity"], r["waits_key"], r["run"]) for r in waiting]
    assert told == [
        ("products.csv", 2, "brand", "Acme", run["id"]),
        ("products.csv", 4, "brand", "Best", run["id"]),
    ]
    since, until = (datetime.fromisoformat(waiting[0][name]) for name in ("since", "until"))
    assert (waiting[0]["since"], until - since) == (run["finished"], timedelta(days=14))
    await brands(place, "Acme,")
    assert [row["waits_key"] for row in await place.waiting()] == ["Best"]
    assert await titles(place) == {"A": "one", "B": "two"}
    woken = (await place.runs())[-1]
    assert (woken["origin"], woken["group"], woken["state"]) == ("parked", "shop", "archived")
    assert woken["counts"]["product"]["inserted"] == 1


@shared
async def test_values_of_all_types_come_back_as_they_were(place: Place) -> None:
    await place.fresh(etc(*TYPED))
    head = "code,title,brand," + ",".join(TYPED)
    cells = '12.50,yes,2026-01-31,2026-01-31T08:00:00+01:00,"{""a"": [1, ""x""]}",Größe'
    rows = csv(
        head, f"A,one,Acme,{cells}", f"B,two,,{cells}", "C,three,Acme,,,,,,", "D,four,,,,,,,"
    )
    rows += b'E,five,Acme,,,,,"""text""",\nF,six,,,,,,"""text""",\n'
    await place.bring("products.csv", rows)
    await brands(place, "Acme,")
    found = [
        {n: row[n] for n in row if n not in ("code", "title", "brand")}
        for row in await place.table("product")
    ]
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[4] == found[5]
    assert found[0] == {
        "country": None,
        "price": Decimal("12.50"),
        "sold": True,
        "made": date(2026, 1, 31),
        "seen": datetime(2026, 1, 31, 7, tzinfo=UTC),
        "more": {"a": [1, "x"]},
        "name": {"de": "Größe"},
    }
    again = await place.bring("products-2.csv", rows)
    assert again["counts"]["product"]["unchanged"] == 6


@shared
async def test_a_parent_that_is_rejected_is_waited_for_on(place: Place) -> None:
    await place.fresh(etc())
    await place.bring("products.csv", csv("code,title,brand", "A,one,Acme"))
    run = await brands(place, "Acme,XX", "Best,")
    assert run["counts"]["brand"]["rejected"] == 1
    assert len(await place.waiting()) == 1
    assert await titles(place) == {}


@shared
async def test_a_row_may_wait_for_one_parent_after_the_other(place: Place) -> None:
    await place.fresh(etc(column("country", missing="park")))
    run = await place.bring("products.csv", csv("code,title,brand,country", "A,one,Acme,DE"))
    place.clock.tick(3600)
    await brands(place, "Acme,")
    (row,) = await place.waiting()
    assert (row["waits_entity"], row["waits_key"], row["run"]) == ("country", "DE", run["id"])
    assert row["since"] == run["finished"]
    await place.bring("countries.csv", csv("code", "DE"), group="makers")
    assert await place.waiting() == []
    assert await titles(place) == {"A": "one"}


@shared
async def test_a_row_that_is_wrong_besides_is_rejected_at_once(place: Place) -> None:
    await place.fresh(etc("country"))
    run = await place.bring("products.csv", csv("code,title,brand,country", "A,one,Acme,XX"))
    assert [(p["code"], p["column"]) for p in run["listed"]] == [("missing_reference", "country")]
    assert await place.waiting() == []


@shared
async def test_the_newest_row_of_a_record_is_the_one_that_waits(place: Place) -> None:
    await place.fresh(etc())
    await place.bring("products.csv", csv("code,title,brand", "A,old,Acme", "B,old,Acme"))
    await place.bring("products-2.csv", csv("code,title,brand", "A,new,Best", "C,old,Acme"))
    assert [(r["key"], r["waits_key"]) for r in await place.waiting()] == [
        ('["B"]', "Acme"),
        ('["A"]', "Best"),
        ('["C"]', "Acme"),
    ]
    await brands(place, "Acme,", "Best,")
    assert await titles(place) == {"A": "new", "B": "old", "C": "old"}


@shared
async def test_a_row_that_waits_never_overwrites_a_newer_one(place: Place) -> None:
    await place.fresh(etc())
    await place.bring("products.csv", csv("code,title,brand", "A,old,Acme", "B,old,Acme"))
    await place.bring("products-2.csv", csv("code,title,brand", "A,new,"))
    assert [row["key"] for row in await place.waiting()] == ['["B"]']
    await brands(place, "Acme,")
    assert await titles(place) == {"A": "new", "B": "old"}


@shared
async def test_rows_that_come_back_are_no_complete_list(place: Place) -> None:
    told = etc(top={"mode": "replace"}, guard={"min_rows": "90 %", "max_rejects": 0})
    await place.fresh(told)
    lines = [f"P{n},x,{'Acme' if n == 3 else ''}" for n in range(10)]
    run = await place.bring("products.csv", csv("code,title,brand", *lines))
    assert run["counts"]["product"]["inserted"] == 9
    await brands(place, "Acme,")
    assert len(await titles(place)) == 10
    assert (await place.runs())[-1]["counts"]["product"] == {
        "inserted": 1,
        "updated": 0,
        "unchanged": 0,
        "deleted": 0,
        "rejected": 0,
    }


@shared
async def test_a_row_that_waits_too_long_ends_in_a_run_that_says_so(place: Place) -> None:
    told = etc(top={"park_for": 3}, on_problem="reject-drop", guard={"max_rejects": 0})
    await place.fresh(told)
    first = await place.bring("products.csv", csv("code,title,brand", "A,one,Acme"))
    place.clock.tick(2 * 86_400)
    assert await parking.tend(place.instance.bench) == []
    await place.bring("products-2.csv", csv("code,title,brand", "B,two,Best"))
    place.clock.tick(86_401)
    (late,) = await parking.tend(place.instance.bench)
    assert await parking.tend(place.instance.bench) == []  # it is on its way
    await place.carry()
    run = await place.run(late)
    assert (run["state"], run["counts"]["product"]["rejected"]) == ("archived", 1)
    (problem,) = run["listed"]
    assert (problem["code"], problem["file"], problem["line"]) == ("expired", "products.csv", 2)
    until = (datetime.fromisoformat(first["finished"]) + timedelta(days=3)).date()
    assert problem["message"] == f"brand Acme has not come until {until}"
    assert [row["waits_key"] for row in await place.waiting()] == ["Best"]
    await brands(place, "Acme,", "Best,")
    assert await titles(place) == {"B": "two"}


async def test_a_parent_that_came_unnoticed_is_found_at_the_start_and_nothing_is_doubled(
    tmp_path: Path, store_url: str
) -> None:
    clock = FakeClock()
    async with places.opened(tmp_path, store_url, clock, etc()) as place:
        await place.bring("products.csv", csv("code,title,brand", "A,one,Acme", "B,two,Acme"))
        async with place.instance.store.writing() as tx:
            await tx.execute(text("INSERT INTO brand (name) VALUES ('Acme')"))
    for _ in range(2):  # the second finds the drop of the first, which was not carried out
        async with places.opened(tmp_path, store_url, clock) as place:
            assert len([run for run in await place.runs() if run["origin"] == "parked"]) == 1
    async with places.opened(tmp_path, store_url, clock) as place:
        await place.carry()
        assert await titles(place) == {"A": "one", "B": "two"}
        assert await place.waiting() == []
        assert [run["state"] for run in await place.runs()] == ["archived", "archived"]


async def test_rows_that_are_tried_twice_are_loaded_once(tmp_path: Path, store_url: str) -> None:
    clock = FakeClock()
    told = etc(top={"mode": "insert"})
    async with places.opened(tmp_path, store_url, clock, told) as place:
        await place.bring("products.csv", csv("code,title,brand", "A,one,Acme"))
        async with place.instance.store.writing() as tx:
            await tx.execute(text("INSERT INTO brand (name) VALUES ('Acme')"))
        await parking.tend(place.instance.bench)
        async with place.instance.store.writing() as tx:  # as if it had died before it noted that
            await tx.execute(text("UPDATE parked SET sent = NULL"))
        await parking.tend(place.instance.bench)
        await place.carry()
        runs = await place.runs()
        assert [run["state"] for run in runs] == ["archived"] * 3
        assert [run["counts"].get("product", {}).get("rejected", 0) for run in runs] == [0, 0, 0]
        assert await titles(place) == {"A": "one"}


def test_the_rows_that_wait_are_listed_by_command(site: Site) -> None:
    told = shop.ETC["descriptors/products.toml"]
    site.say(
        "descriptors/products.toml", told.replace('to = "brand"', 'to = "brand"\nmissing = "park"')
    )
    site.drop("products.csv", shop.text(shop.HEADERS["product"], [("P1", "One", "Nobody", "1")]))
    site.drain()
    (row,) = site.ask("parked")["parked"]
    assert (row["member"], row["line"], row["waits_key"]) == ("products.csv", 2, "Nobody")
    said = site.call("parked").stdout
    assert "products.csv" in said
    assert "Nobody" in said
