"""A file that is taken for the whole list: what it lacks goes, if it could be read."""

import pytest

from tests import shop
from tests.flows.goods import HEAD, codes, counts, csv, etc, titles, whole
from tests.flows.place import Place
from tests.flows.told import descriptor

pytestmark = pytest.mark.asyncio(loop_scope="session")


# replace


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
