"""What a problem costs, and what the tables of an entity may be."""

from decimal import Decimal

import pytest
from sqlalchemy import text

from impexd.core.errors import ConfigError
from tests import shop
from tests.flows.goods import (
    BRANDS,
    HEAD,
    POINTING,
    counts,
    csv,
    etc,
    pointing,
    products,
    titles,
    whole,
)
from tests.flows.place import Place
from tests.flows.told import descriptor

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
            descriptor("brand", *BRANDS, match="brands.*"),
            on_problem="reject-file",
        )
    )
    await place.bring("products.csv", csv(HEAD, "A,one,,1", "Z,last,,1"))
    files = {
        "products.csv": csv(HEAD, "A,one,,1", "B,two,,cheap"),
        "brands.csv": csv("name,country", "Acme,DE"),
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
