"""What a row does to the record of its key, in every mode, on both engines."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.flows.goods import HEAD, codes, counts, csv, etc, products, titles
from tests.flows.place import Place
from tests.flows.told import column, descriptor

pytestmark = pytest.mark.asyncio(loop_scope="session")


# one mode each


async def test_merge_inserts_what_is_new_and_changes_what_differs(place: Place) -> None:
    await place.fresh(etc(products()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2", "C,three,,3"))
    run = await place.bring("products.csv", csv(HEAD, "B,two,,2", "C,drei,,3", "D,four,,4"))
    assert counts(run, "product") == {"inserted": 1, "updated": 1, "unchanged": 1}
    assert await titles(place) == {"A": "one", "B": "two", "C": "drei", "D": "four"}


async def test_insert_refuses_what_is_there(place: Place) -> None:
    await place.fresh(etc(products(mode="insert")))
    await place.bring("products.csv", csv(HEAD, "A,one,,1"))
    run = await place.bring("products.csv", csv(HEAD, "A,eins,,1", "B,two,,2"))
    assert counts(run, "product") == {"inserted": 1, "rejected": 1}
    assert codes(run) == [("exists", 2, "code", "A")]
    assert await titles(place) == {"A": "one", "B": "two"}


async def test_update_refuses_what_is_not_there(place: Place) -> None:
    await place.fresh(etc(products(), products(mode="update").replace("products", "changes")))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2"))
    run = await place.bring("changes.csv", csv(HEAD, "A,eins,,1", "C,three,,3", "B,two,,2"))
    assert counts(run, "product") == {"updated": 1, "unchanged": 1, "rejected": 1}
    assert codes(run) == [("not_found", 3, "code", "C")]
    assert await titles(place) == {"A": "eins", "B": "two"}


async def test_delete_takes_records_away_and_leaves_a_tombstone(place: Place) -> None:
    gone = descriptor("product", "code", match="gone.*", mode="delete")
    await place.fresh(etc(products(), gone))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2"))
    run = await place.bring("gone.csv", csv("code", "B", "X"))
    assert counts(run, "product") == {"deleted": 1, "unchanged": 1}
    assert await titles(place) == {"A": "one"}
    assert await place.query("SELECT entity, key, run FROM tombstone") == [
        ("product", '["B"]', run["id"])
    ]
    await place.bring("products.csv", csv(HEAD, "B,again,,2"))
    assert await place.query("SELECT * FROM tombstone") == []


async def test_a_column_may_name_the_mode_of_its_row(place: Place) -> None:
    told = products(mode_column="do")
    await place.fresh(etc(told))
    first = csv("code,title,brand,price,do", "A,one,,1,", "B,two,,2,insert", "C,three,,3,Merge")
    assert counts(await place.bring("products.csv", first), "product") == {"inserted": 3}
    lines = ("A,,,,delete", "B,zwei,,2,insert", "C,drei,,3,update", "D,four,,4,update")
    run = await place.bring(
        "products.csv", csv("code,title,brand,price,do", *lines, "E,five,,5,burn", "F,,,,insert")
    )
    assert counts(run, "product") == {"deleted": 1, "updated": 1, "rejected": 4}
    assert codes(run) == [
        ("exists", 3, "code", "B"),
        ("not_found", 5, "code", "D"),
        ("bad_value", 6, "do", "burn"),
        ("required", 7, "title", ""),
    ]
    assert await titles(place) == {"B": "two", "C": "drei"}


# columns that are written now and then


async def test_a_field_may_be_for_new_or_for_known_records_only(place: Place) -> None:
    told = descriptor(
        "product", "code", "title", column("price", only="insert"), column("stock", only="update"),
        match="products.*",
    )  # fmt: skip
    await place.fresh(etc(told))
    head = "code,title,price,stock"
    await place.bring("products.csv", csv(head, "A,one,1,1"))
    (row,) = await place.table("product")
    assert (row["price"], row["stock"]) == (Decimal(1), None)
    run = await place.bring("products.csv", csv(head, "A,one,2,2"))
    assert counts(run, "product") == {"updated": 1}
    (row,) = await place.table("product")
    assert (row["price"], row["stock"]) == (Decimal(1), 2)
    run = await place.bring("products.csv", csv(head, "A,one,3,2"))
    assert counts(run, "product") == {"unchanged": 1}


async def test_a_file_changes_only_the_languages_it_brings(place: Place) -> None:
    both = descriptor("product", "code", "title", "name@en", "name@de", match="both.*")
    german = descriptor("product", "code", "title", "name@de", match="german.*")
    await place.fresh(etc(both, german))
    await place.bring(
        "both.csv", csv("code,title,name@en,name@de", "A,a,one,eins", "B,b,two,", "C,c,,")
    )
    names = {row["code"]: row["name"] for row in await place.table("product")}
    assert names == {"A": {"en": "one", "de": "eins"}, "B": {"en": "two"}, "C": None}
    run = await place.bring("german.csv", csv("code,title,name@de", "A,a,", "B,b,zwei", "C,c,"))
    assert counts(run, "product") == {"updated": 2, "unchanged": 1}
    names = {row["code"]: row["name"] for row in await place.table("product")}
    assert names == {"A": {"en": "one"}, "B": {"en": "two", "de": "zwei"}, "C": None}


async def test_new_records_get_the_defaults_of_their_entity(place: Place) -> None:
    await place.fresh(etc(descriptor("typed", "code", "note", match="typed.*")))
    run = await place.bring("typed.csv", csv("code,note", "A,x"))
    assert counts(run, "typed") == {"inserted": 1}
    (row,) = await place.table("typed")
    assert row == {
        "code": "A",
        "note": "x",
        "flag": True,
        "off": False,
        "count": -7,
        "amount": Decimal("0.10"),
        "day": date(2026, 1, 31),
        "moment": datetime(2026, 1, 31, 7, tzinfo=UTC),
        "more": {"a": [1, "b:c"]},
        "word": "it's: ok",
    }


async def test_a_new_record_needs_what_its_entity_requires(place: Place) -> None:
    await place.fresh(etc(products(), descriptor("product", "code", "stock", match="stock.*")))
    await place.bring("products.csv", csv(HEAD, "A,one,,1"))
    run = await place.bring("stock.csv", csv("code,stock", "A,5", "B,6"))
    assert counts(run, "product") == {"updated": 1, "rejected": 1}
    assert codes(run) == [("required", 3, "code", "B")]
    assert run["listed"][0]["message"] == "a new product needs title, which this file lacks"
