"""Several records of a row, several rows of a record, several descriptors of an entity."""

import pytest

from tests import shop
from tests.flows.goods import HEAD, codes, counts, csv, etc, products, titles
from tests.flows.place import Place
from tests.flows.told import column, descriptor, record

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
    gave_way = 'gave way to a later row with the same key (duplicates = "last")'
    assert run["message"] == f"2 rows {gave_way}"
    twice = csv(HEAD, "B,zwei,,2", "B,dos,,2", "C,tres,,oops")
    run = await place.bring("products.csv", twice, dry=True)
    assert run["message"] == f"dry run: nothing was changed; 1 row {gave_way}"


async def test_a_record_may_have_hundreds_of_fields(place: Place) -> None:
    names = [f"f{n}" for n in range(600)]
    fields = "\n".join(f"{name} = {{ type = 'integer', null = true }}" for name in names[1:])
    wide = f"[entity.wide]\nkey = ['f0']\n[entity.wide.field]\nf0 = {{}}\n{fields}\n"
    await place.fresh(etc(descriptor("wide", *names, match="wide.*"), entities=wide))
    cells = ["1"] * 600
    run = await place.bring("wide.csv", csv(",".join(names), ",".join(cells)))
    assert counts(run, "wide") == {"inserted": 1}
    cells[1] = cells[599] = "2"
    changed = csv(",".join(names), ",".join(cells), ",".join(["2"] * 600))
    run = await place.bring("wide.csv", changed, dry=True)
    assert (run["state"], counts(run, "wide")) == ("planned", {"inserted": 1, "updated": 1})
    lines = (place.leavings(run) / "changes.csv").read_text("utf-8").splitlines()[1:]
    assert sorted(line.split(",")[2:4] for line in lines) == [
        ["insert", ""], ["update", "f1"], ["update", "f599"]
    ]  # fmt: skip
    run = await place.bring("wide.csv", changed)
    assert counts(run, "wide") == {"inserted": 1, "updated": 1}


async def test_a_key_is_its_characters_alike_on_both_engines(place: Place) -> None:
    await place.fresh(etc(products()))
    keys = ("A", "a", "A ", "\u00e9", "e\u0301", "ß", "SS", "\u00a0A", "A\u200b")
    run = await place.bring(
        "products.csv", csv(HEAD, *(f"{key},t{n},,1" for n, key in enumerate(keys)))
    )
    assert codes(run) == [("duplicate_key", 4, "code", "A"), ("duplicate_key", 9, "code", "A")]
    found = {
        "A": "t0",
        "a": "t1",
        "\u00e9": "t3",
        "e\u0301": "t4",
        "ß": "t5",
        "SS": "t6",
        "A\u200b": "t8",
    }
    assert await titles(place) == found


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
