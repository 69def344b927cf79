"""What a row does to the record of its key: in every mode, alone and with others, on both engines."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from impexd.core.errors import ConfigError
from tests import shop
from tests.flows.place import Place
from tests.flows.told import column, descriptor, group, record

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


# replace


def whole(**said: Any) -> str:
    return products(mode="replace", **said)


async def test_replace_takes_away_what_the_file_lacks(place: Place) -> None:
    await place.fresh(etc(whole()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2", "C,three,,3"))
    run = await place.bring("products.csv", csv(HEAD, "B,two,,2", "D,four,,4"))
    assert counts(run, "product") == {"inserted": 1, "unchanged": 1, "deleted": 2}
    assert await titles(place) == {"B": "two", "D": "four"}
    assert sorted(await place.query("SELECT key FROM tombstone")) == [('["A"]',), ('["C"]',)]


async def test_replace_may_give_values_to_what_the_file_lacks(place: Place) -> None:
    told = whole(missing_rows={"state": "gone: no more", "stock": "0"})
    await place.fresh(etc(told))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2"))
    lacking = csv(HEAD, "B,two,,2")
    run = await place.bring("products.csv", lacking)
    assert counts(run, "product") == {"updated": 1, "unchanged": 1}
    rows = {row["code"]: row for row in await place.table("product", provenance=["_line"])}
    assert (rows["A"]["state"], rows["A"]["stock"], rows["A"]["_line"]) == (
        "gone: no more",
        0,
        None,
    )
    assert rows["B"]["state"] is None
    run = await place.bring("products.csv", lacking + b"\n")
    assert counts(run, "product") == {"unchanged": 1}
    back = await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2"), force=True)
    assert counts(back, "product") == {"updated": 0} or counts(back, "product") == {"unchanged": 2}


async def test_replace_keeps_to_its_scope(place: Place) -> None:
    told = descriptor(
        "rate", "shop", "zone", "code", "price", match="rates.*", mode="replace",
        scope=["shop", "zone"],
    )  # fmt: skip
    await place.fresh(etc(told))
    lines = [f"{shop},{zone},{code},1" for shop in "AB" for zone in "xy" for code in "12"]
    await place.bring("rates.csv", csv("shop,zone,code,price", *lines))
    run = await place.bring("rates.csv", csv("shop,zone,code,price", "A,x,1,1", "B,y,2,1"))
    assert counts(run, "rate") == {"unchanged": 2, "deleted": 2}
    left = {(row["shop"], row["zone"], row["code"]) for row in await place.table("rate")}
    assert left == {tuple(line.split(",")[:3]) for line in lines} - {
        ("A", "x", "2"),
        ("B", "y", "1"),
    }


async def test_a_row_that_is_rejected_is_not_lacking(place: Place) -> None:
    await place.fresh(etc(whole()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,2", "C,three,,3", "D,four,,4"))
    lines = ("A,one,,cheap", "B,two,Nobody,2", "C,three,,3", "C,drei,,3")
    run = await place.bring("products.csv", csv(HEAD, *lines))
    assert counts(run, "product") == {"unchanged": 1, "deleted": 1, "rejected": 3}
    assert [code for code, *_ in codes(run)] == ["bad_value", "missing_reference", "duplicate_key"]
    assert await titles(place) == {"A": "one", "B": "two", "C": "three"}


@pytest.mark.parametrize(
    ("data", "code", "why"),
    [
        (csv(HEAD), "incomplete", "it holds no rows"),
        (csv(HEAD, "A,one,,1", "B,two"), "ragged_row", None),
        (csv(HEAD, "A,one,,1", ",two,,2"), "required", None),
        (csv(HEAD, "A,one,,1") + b'"B', "malformed", None),
        (b"nothing,of,this\n1,2,3\n", "bad_header", None),
    ],
)
async def test_a_list_that_cannot_be_read_whole_takes_nothing_away(
    place: Place, data: bytes, code: str, why: str | None
) -> None:
    await place.fresh(etc(whole()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "Z,last,,1"))
    run = await place.bring("products.csv", data)
    assert await titles(place) == {"A": "one", "Z": "last"}
    assert code in [problem["code"] for problem in run["listed"]]
    if code not in {"malformed", "bad_header"}:
        said = [p["message"] for p in run["listed"] if p["code"] == "incomplete"]
        assert said == [
            f"nothing that the file lacks was taken away: {why or '1 of its rows could not be read'}"
        ]
    assert run["counts"]["product"]["deleted"] == 0


async def test_a_torn_file_beside_a_whole_one_takes_nothing_away(place: Place) -> None:
    await place.fresh(etc(whole()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "Z,last,,1"))
    files = {"products-1.csv": csv(HEAD, "A,one,,1"), "products-2.csv": b"what?\n1\n"}
    run = await place.bring("all.zip", shop.zipped(files))
    assert await titles(place) == {"A": "one", "Z": "last"}
    said = [p["message"] for p in run["listed"] if p["code"] == "incomplete"]
    assert said == [
        "nothing that the file lacks was taken away: another file of the list could not be read"
    ]


async def test_a_list_of_many_files_is_one_list(place: Place) -> None:
    await place.fresh(etc(whole()))
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "B,two,,1", "C,three,,1"))
    files = {"products-1.csv": csv(HEAD, "A,one,,1"), "products-2.csv": csv(HEAD, "C,three,,1")}
    run = await place.bring("all.zip", shop.zipped(files))
    assert counts(run, "product") == {"unchanged": 2, "deleted": 1}
    assert await titles(place) == {"A": "one", "C": "three"}


# several records of a row


async def test_one_row_may_fill_several_entities_and_several_records(place: Place) -> None:
    told = descriptor(
        "product", "code", "title", column("make", "brand"), match="all.*",
        records=record("brand", column("make", "name"), when="make")
        + record("tag", column("code", "product"), column("tags", "tag", split="|")),
    )  # fmt: skip
    await place.fresh(etc(told))
    lines = ("A,one,Acme,red|green| blue ", "B,two,,", "C,three,Acme,red|too long|green")
    run = await place.bring("all.csv", csv("code,title,make,tags", *lines))
    assert counts(run, "product") == {"inserted": 3}
    assert counts(run, "tag") == {"inserted": 5, "rejected": 1}
    assert codes(run) == [
        ("duplicate_key", 4, "make", "Acme"),
        ("value_too_long", 4, "tags", "too long"),
    ]
    tags = [(row["product"], row["tag"]) for row in await place.table("tag")]
    assert tags == [("A", "blue"), ("A", "green"), ("A", "red"), ("C", "green"), ("C", "red")]


async def test_the_last_of_several_rows_may_win(place: Place) -> None:
    await place.fresh(etc(products(duplicates="last")))
    run = await place.bring(
        "products.csv", csv(HEAD, "A,one,,1", "B,two,,2", "A,eins,,1", "A,uno,,1")
    )
    assert (run["problems"], run["counts"]["product"]["inserted"]) == (0, 2)
    assert await titles(place) == {"A": "uno", "B": "two"}


async def test_the_first_of_several_rows_wins_and_the_others_say_so(place: Place) -> None:
    await place.fresh(etc(products()))
    files = {
        "products-1.csv": csv(HEAD, "A,one,,1", "A,eins,,1"),
        "products-2.csv": csv(HEAD, "A,uno,,1"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    assert await titles(place) == {"A": "one"}
    assert [(p["file"], p["line"], p["code"], p["message"]) for p in run["listed"]] == [
        ("products-1.csv", 3, "duplicate_key", "the key stands already in line 2"),
        (
            "products-2.csv",
            2,
            "duplicate_key",
            "the key stands already in line 2 of products-1.csv",
        ),
    ]


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


# several descriptors, several files


NAMES = descriptor("product", "code", "title", match="names.*")
STOCK = descriptor("product", "code", "stock", match="stock.*")
ORDERED = {
    "names.csv": csv("code,title", "A,one", "B,two"),
    "stock.csv": csv("code,stock", "B,2", "A,1"),
}


async def test_a_later_descriptor_sees_what_an_earlier_one_does(place: Place) -> None:
    await place.fresh(etc(NAMES, STOCK))
    for turned in (False, True):
        await place.clear()
        files = dict(reversed(ORDERED.items())) if turned else ORDERED
        run = await place.bring("all.zip", shop.zipped(files))
        assert run["problems"] == 0
        rows = [(row["code"], row["title"], row["stock"]) for row in await place.table("product")]
        assert rows == [("A", "one", 1), ("B", "two", 2)]
    again = await place.bring("again.zip", shop.zipped(ORDERED))
    assert counts(again, "product") == {"unchanged": 4}


async def test_what_follows_a_rejected_row_is_looked_at_by_itself(place: Place) -> None:
    named = descriptor("product", "code", "title", "brand", match="names.*")
    await place.fresh(etc(named, STOCK))
    files = {
        "names.csv": csv("code,title,brand", "A,one,Nobody"),
        "stock.csv": csv("code,stock", "A,1"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    assert counts(run, "product") == {"rejected": 2}
    assert [code for code, *_ in codes(run)] == ["missing_reference", "required"]
    assert await place.table("product") == []


async def test_a_later_descriptor_may_bring_back_what_an_earlier_one_takes_away(
    place: Place,
) -> None:
    gone = descriptor("product", "code", match="gone.*", mode="delete")
    await place.fresh(etc(gone, NAMES))
    await place.bring("names.csv", csv("code,title", "A,one", "B,two"))
    files = {"gone.csv": csv("code", "A", "B"), "names.csv": csv("code,title", "B,zwei")}
    await place.bring("all.zip", shop.zipped(files))
    assert await titles(place) == {"B": "zwei"}


async def test_a_later_descriptor_may_take_away_what_an_earlier_one_brings(place: Place) -> None:
    gone = descriptor("product", "code", match="gone.*", mode="delete")
    await place.fresh(etc(NAMES, gone))
    files = {"names.csv": csv("code,title", "A,one", "B,two"), "gone.csv": csv("code", "B", "C")}
    run = await place.bring("all.zip", shop.zipped(files))
    assert run["counts"]["product"]["deleted"] == 1
    assert await titles(place) == {"A": "one"}


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


def pointing(missing: str, **said: Any) -> str:
    columns = ("code", "title", column("brand", missing=missing), "maker", "price")
    return descriptor("product", *columns, match="products.*", **said)


POINTING = "code,title,brand,maker,price"


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


# what a problem costs


ONE_BAD = {
    "products-1.csv": csv(HEAD, "A,one,,1", "B,two,,cheap"),
    "products-2.csv": csv(HEAD, "C,three,,3", "D,four,,4"),
}


@pytest.mark.parametrize(
    ("policy", "left", "state"),
    [
        ("reject-row", "ACD", "archived"),
        ("reject-file", "CD", "archived"),
        ("reject-drop", "", "rejected"),
    ],
)
async def test_a_problem_costs_its_row_its_file_or_the_drop(
    place: Place, policy: str, left: str, state: str
) -> None:
    await place.fresh(etc(products(), on_problem=policy))
    run = await place.bring("all.zip", shop.zipped(ONE_BAD))
    assert "".join(sorted(await titles(place))) == left
    assert run["state"] == state
    assert run["counts"]["product"]["rejected"] == 4 - len(left)
    states = {part["member"]: part["state"] for part in run["parts"]}
    fallen = {"reject-row": ["applied", "applied"], "reject-file": ["rejected", "applied"]}
    assert list(states.values()) == fallen.get(policy, ["rejected", "rejected"])
    told = [problem["code"] for problem in run["listed"]]
    assert told == [*(["file_rejected"] if policy == "reject-file" else []), "bad_value"]


async def test_a_file_that_falls_takes_its_children_and_the_parents_made_for_it_along(
    place: Place,
) -> None:
    await place.fresh(
        etc(
            pointing("create"),
            descriptor("tag", "product", "tag", match="tags.*"),
            on_problem="reject-file",
        )
    )
    files = {
        "products.csv": csv(POINTING, "A,one,Acme,,1", "B,two,,,cheap"),
        "tags.csv": csv("product,tag", "A,red"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    assert run["state"] == "rejected"
    assert run["code"] == "file_rejected"
    assert [await place.table(name) for name in ("product", "tag", "brand")] == [[], [], []]


async def test_a_list_that_falls_as_a_whole_takes_nothing_away(place: Place) -> None:
    await place.fresh(
        etc(
            whole(),
            NAMES.replace('"product"', '"brand"')
            .replace('"code"', '"name"')
            .replace('"title"', '"country"'),
            on_problem="reject-file",
        )
    )
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "Z,last,,1"))
    files = {
        "products.csv": csv(HEAD, "A,one,,1", "B,two,,cheap"),
        "names.csv": csv("name,country", "Acme,DE"),
    }
    run = await place.bring("all.zip", shop.zipped(files))
    assert run["state"] == "archived"
    assert await titles(place) == {"A": "one", "Z": "last"}


@pytest.mark.parametrize(
    ("policy", "state", "message"),
    [
        ("reject", "rejected", "no descriptor of the group takes readme.txt"),
        ("warn", "archived", "no descriptor of the group takes readme.txt"),
        ("ignore", "archived", None),
    ],
)
async def test_a_file_nobody_takes_is_said(
    place: Place, policy: str, state: str, message: str | None
) -> None:
    await place.fresh(etc(products(), unmatched=policy))
    files = {"readme.txt": b"hello", "products.csv": csv(HEAD, "A,one,,1")}
    run = await place.bring("all.zip", shop.zipped(files))
    assert (run["state"], run["message"]) == (state, message)
    assert len(await titles(place)) == (state == "archived")


# tables


async def test_a_field_that_is_added_later_widens_the_table(place: Place) -> None:
    entities = '[entity.thing]\nkey = ["code"]\nfield = { code = {}, name = { null = true } }\n'
    told = descriptor("thing", "code", "name", match="things.*")
    await place.fresh(etc(told, entities=entities))
    await place.bring("things.csv", csv("code,name", "A,one"))
    wider = entities.replace(
        "name =", f'size_{place.engine} = {{ type = "decimal", null = true }}, name ='
    )
    size = f"size_{place.engine}"
    await place.say(etc(told.replace('"name"', f'"{size}"'), entities=wider))
    run = await place.bring("things.csv", csv(f"code,{size}", "A,1.5", "B,2"))
    assert counts(run, "thing") == {"updated": 1, "inserted": 1}
    rows = [(row["code"], row["name"], row[size]) for row in await place.table("thing")]
    assert rows == [("A", "one", Decimal("1.5")), ("B", None, Decimal(2))]


OWN = '[entity.legacy]\ntable = "crm_customers"\nkey = ["number"]\nfield = { number = {}, name = { null = true } }\n'


async def crm(place: Place, columns: str) -> None:
    async with place.instance.store.writing() as tx:
        await tx.execute(text("DROP TABLE IF EXISTS crm_customers"))
        await tx.execute(text("DROP TABLE IF EXISTS crm_customers__undo"))
        await tx.execute(text(f"CREATE TABLE crm_customers ({columns})"))
        await tx.execute(text("INSERT INTO crm_customers (number, name) VALUES ('1', 'Anna')"))


async def test_an_entity_may_be_a_table_that_is_there_already(place: Place) -> None:
    await crm(place, "number VARCHAR(10) PRIMARY KEY, name TEXT, secret TEXT DEFAULT 'x'")
    await place.fresh({})
    await crm(place, "number VARCHAR(10) PRIMARY KEY, name TEXT, secret TEXT DEFAULT 'x'")
    await place.say(etc(descriptor("legacy", "number", "name", match="crm.*"), entities=OWN))
    run = await place.bring("crm.csv", csv("number,name", "1,Anne", "2,Ben"))
    assert counts(run, "legacy") == {"updated": 1, "inserted": 1}
    rows = await place.query("SELECT number, name, secret FROM crm_customers ORDER BY number")
    assert rows == [("1", "Anne", "x"), ("2", "Ben", "x")]


async def test_a_table_that_refuses_a_record_rejects_the_drop_in_its_words(place: Place) -> None:
    await place.fresh({})
    await crm(place, "number VARCHAR(10) PRIMARY KEY, name TEXT CHECK (name <> 'Ben')")
    await place.say(etc(descriptor("legacy", "number", "name", match="crm.*"), entities=OWN))
    run = await place.bring("crm.csv", csv("number,name", "2,Cleo", "3,Ben"))
    assert (run["state"], run["code"]) == ("rejected", "bad_data")
    assert "the database refuses these records" in run["message"]
    assert await place.query("SELECT number, name FROM crm_customers") == [("1", "Anna")]


async def test_a_table_with_another_key_is_refused_when_the_configuration_is_taken(
    place: Place,
) -> None:
    await place.fresh({})
    await crm(place, "number VARCHAR(10), name TEXT")
    await place.say(etc(descriptor("legacy", "number", "name", match="crm.*"), entities=OWN))
    other = OWN.replace('key = ["number"]', 'key = ["name"]').replace("null = true", "")
    told = etc(descriptor("legacy", "number", "name", match="crm.*"), entities=other)
    with pytest.raises(
        ConfigError, match="its key is another one than that of table crm_customers"
    ):
        await place.say(told)
