"""A load that was a mistake is taken back, by people who asked what that would mean."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import text, update

from impexd.core.errors import UsageError
from impexd.imports import keeping, undo
from impexd.store import schema
from tests import shop
from tests.clock import FakeClock
from tests.flows import inside
from tests.flows.inside import Inside
from tests.processes import Site

LISTS = dict(shop.ETC) | {
    "descriptors/products.toml": 'mode = "replace"\n' + shop.ETC["descriptors/products.toml"],
    "groups/shop.toml": shop.ETC["groups/shop.toml"] + '[guard]\nmax_deletes = "20 %"\n',
}
"""The shop, with a file of products that is taken as complete."""


def products(records: shop.Rows) -> bytes:
    return shop.text(shop.HEADERS["product"], records["product"])


# the story


async def test_a_list_that_lacks_a_third_is_held_approved_and_undone_byte_for_byte(
    tmp_path: Path, store_url: str
) -> None:
    whole = shop.rows(300)
    torn = {**whole, "product": whole["product"][:200]}
    async with inside.opened(tmp_path, store_url, LISTS) as site:
        await site.load("all.zip", shop.zipped(shop.members(whole)))
        before = {entity: await site.dump(entity) for entity in whole}
        run = await site.load("products.csv", products(torn))
        assert (run["state"], await site.dump("product")) == ("held", before["product"])
        run = await site.approve(run["id"])
        assert run["counts"]["product"]["deleted"] == 100
        assert await site.query("SELECT COUNT(*) FROM product") == [(200,)]
        done = await site.undo(run["id"], actor="anna", note="torn file")
        assert {entity: await site.dump(entity) for entity in whole} == before
        assert (done["kind"], done["state"], done["parent"]) == ("undo", "archived", run["id"])
        assert (done["actor"], done["note"]) == ("anna", "torn file")
        assert done["counts"]["product"]["inserted"] == 100
        assert await site.state(run["id"]) == "undone"


async def test_an_undo_is_said_first_and_changes_nothing_then(
    tmp_path: Path, store_url: str
) -> None:
    async with inside.opened(tmp_path, store_url) as site:
        await site.load("1.zip", shop.zipped(shop.members(shop.rows(5))))
        run = await site.load("products-1.csv", products(shop.rows(5, edition=1)))
        later = await site.load("products-2.csv", products(shop.rows(2, edition=2)))
        before = await site.dump("product")
        planned = await site.asked.post(f"/api/v1/runs/{run['id']}/undo", dry=True)
        assert await site.dump("product") == before
        assert planned["counts"]["product"] == {
            "read": 5,
            "inserted": 0,
            "updated": 3,
            "unchanged": 0,
            "deleted": 0,
            "rejected": 2,
        }
        assert planned["listed"] == [
            f'product ["P{n:06d}"] is kept: changed since by run {later["id"]}' for n in range(2)
        ]
        done = await site.undo(run["id"])
        assert done["counts"] == planned["counts"]
        assert [one["message"] for one in done["listed"]] == planned["listed"]
        assert done["problems"] == 2


async def test_what_was_undone_can_be_dropped_again(tmp_path: Path, store_url: str) -> None:
    drop = shop.zipped(shop.members(shop.rows(3)))
    async with inside.opened(tmp_path, store_url) as site:
        first = await site.load("drop.zip", drop)
        assert (await site.load("drop.zip", drop))["state"] == "duplicate"
        await site.undo(first["id"])
        again = await site.load("drop.zip", drop)
        assert again["state"] == "archived"
        assert again["counts"]["product"]["inserted"] == 3


async def test_undo_of_an_undo_brings_the_load_back(tmp_path: Path, store_url: str) -> None:
    async with inside.opened(tmp_path, store_url) as site:
        await site.load("1.zip", shop.zipped(shop.members(shop.rows(4))))
        run = await site.load("2.zip", shop.zipped(shop.members(shop.rows(6, edition=1))))
        after = [await site.dump(entity) for entity in shop.HEADERS]
        undone = await site.undo(run["id"])
        await site.undo(undone["id"])
        assert [await site.dump(entity) for entity in shop.HEADERS] == after
        assert await site.state(run["id"]) == "archived"
        assert await site.state(undone["id"]) == "undone"
        duplicate = await site.load("2.zip", shop.zipped(shop.members(shop.rows(6, edition=1))))
        assert duplicate["state"] == "duplicate"


async def test_what_cannot_be_undone_says_why(tmp_path: Path, store_url: str) -> None:
    async with inside.opened(tmp_path, store_url) as site:
        dry = await site.load("1.zip", shop.zipped(shop.members(shop.rows(2))), dry=True)
        for run, why in ((99, "there is no run 99"), (dry["id"], "nothing of it is in the tables")):
            with pytest.raises(UsageError, match=why):
                await site.undo(run)
        one = await site.load("1.zip", shop.zipped(shop.members(shop.rows(2))))
        await site.undo(one["id"])
        with pytest.raises(UsageError, match="is undone"):
            await site.undo(one["id"])


async def test_of_two_who_undo_a_run_at_once_one_is_told_of_the_other(
    tmp_path: Path, store_url: str
) -> None:
    said: list[str] = []
    async with inside.opened(tmp_path, store_url) as site:
        run = await site.load("1.zip", shop.zipped(shop.members(shop.rows(2))))

        async def ask() -> None:
            try:
                await site.undo(run["id"])
            except UsageError as error:
                said.append(str(error))

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(ask)
        assert len(said) == 1
        assert "being undone by run" in said[0] or "is undone" in said[0]
        assert await site.query("SELECT COUNT(*) FROM run WHERE kind = 'undo'") == [(1,)]


async def test_an_undo_that_took_the_process_down_too_often_fails_and_may_be_asked_for_anew(
    tmp_path: Path, store_url: str
) -> None:
    async with inside.opened(tmp_path, store_url) as site:
        run = await site.load("1.zip", shop.zipped(shop.members(shop.rows(2))))
        first = await site.undo(run["id"])
        second = await site.undo(first["id"])
        for crashes, state in ((1, "archived"), (2, "failed")):
            async with site.instance.store.writing() as tx:
                await tx.execute(
                    update(schema.run)
                    .where(schema.run.c.id == second["id"])
                    .values(state="staging", crashes=crashes, parent=run["id"])
                )
                await tx.execute(
                    update(schema.run).where(schema.run.c.id == run["id"]).values(state="archived")
                )
            await undo.carry(site.instance.bench, second["id"])
            assert await site.state(second["id"]) == state
        assert (await site.undo(run["id"]))["state"] == "archived"


async def test_an_undo_that_the_tables_refuse_fails_with_the_reason(
    tmp_path: Path, store_url: str
) -> None:
    etc = dict(LISTS) | {"groups/shop.toml": shop.ETC["groups/shop.toml"]}
    async with inside.opened(tmp_path, store_url, etc) as site:
        await site.load("all.zip", shop.zipped(shop.members(shop.rows(3))))
        run = await site.load("products.csv", products(shop.rows(1)))
        async with site.instance.store.writing() as tx:
            await tx.execute(text("CREATE UNIQUE INDEX theirs ON product (LENGTH(code))"))
        done = await site.undo(run["id"])
        assert (done["state"], done["message"][:15]) == ("failed", "IntegrityError:")
        assert await site.state(run["id"]) == "archived"
        assert await site.query("SELECT COUNT(*) FROM product") == [(1,)]


async def test_a_run_can_be_undone_for_some_days_and_then_its_images_go(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    etc = dict(shop.ETC) | {"impexd.toml": shop.ETC["impexd.toml"] + "[keep]\nundo = 3\n"}
    async with inside.opened(tmp_path, store_url, etc, clock=clock) as site:
        await site.load("1.zip", shop.zipped(shop.members(shop.rows(4))))
        clock.tick(86_400)
        run = await site.load("products.csv", products(shop.rows(4, edition=1)))
        clock.tick(3 * 86_400)
        assert await keeping.clear(site.instance.bench) == 0
        await site.asked.post(f"/api/v1/runs/{run['id']}/undo", dry=True)
        clock.tick(60)
        assert await keeping.clear(site.instance.bench) == 4
        with pytest.raises(UsageError, match="no longer kept") as caught:
            await site.undo(run["id"])
        assert "[keep]" in caught.value.hint


async def test_rows_that_wait_are_withheld_with_their_run_and_wait_again_if_it_comes_back(
    tmp_path: Path, store_url: str
) -> None:
    column = '[[column]]\nfrom = "brand"\nto = "brand"\n'
    text = shop.ETC["descriptors/products.toml"]
    assert column in text
    parking = text.replace(column, column + 'missing = "park"\n')
    etc = dict(shop.ETC) | {"descriptors/products.toml": parking}
    brands = shop.text(["name"], shop.rows(0)["brand"])
    async with inside.opened(tmp_path, store_url, etc) as site:
        run = await site.load("products.csv", products(shop.rows(3)))
        assert (await site.asked.get("/api/v1/parked"))["waiting"] == {"brand": 3}
        undone = await site.undo(run["id"])
        assert (await site.asked.get("/api/v1/parked"))["parked"] == []
        await site.load("brands.csv", brands)
        assert await site.query("SELECT COUNT(*) FROM product") == [(0,)]
        await site.undo(undone["id"])
        assert (await site.asked.get("/api/v1/parked"))["waiting"] == {"brand": 3}


# where a record comes from


async def test_a_record_tells_each_change_with_its_run_file_and_line(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with inside.opened(tmp_path, store_url, clock=clock) as site:
        one = await site.load("all.zip", shop.zipped(shop.members(shop.rows(3))))
        clock.tick(60)
        two = await site.load("products.csv", products(shop.rows(3, edition=1)))
        clock.tick(60)
        three = await site.undo(two["id"])
        found = await _record(site, "product", "P000001")
        assert found["state"] == "there"
        assert found["fields"] == {
            "code": "P000001",
            "name": "Größe 1, edition 0",
            "brand": "Brand 1",
            "stock": 1,
        }
        name = {"field": "name", "old": "Größe 1, edition 1", "new": "Größe 1, edition 0"}
        stock = {"field": "stock", "old": 2, "new": 1}
        newest, middle, oldest = found["changes"]
        assert newest["fields"] == [name, stock]
        assert (newest["what"], newest["run"], newest["undoes"]) == ("updated", 3, two["id"])
        assert (newest["file"], newest["line"]) == (None, None)
        assert newest["when"] == three["finished"]
        assert (middle["what"], middle["run"], middle["state"]) == ("updated", two["id"], "undone")
        assert (middle["drop"], middle["file"]) == ("products.csv", "products.csv")
        assert (oldest["what"], oldest["run"], oldest["line"]) == ("inserted", one["id"], 3)
        assert (oldest["drop"], oldest["file"], oldest["group"]) == (
            "all.zip",
            "products.csv",
            "shop",
        )
        assert oldest["descriptor"] == "products"
        assert {field["field"]: field["old"] for field in oldest["fields"]} == dict.fromkeys(
            ("code", "name", "brand", "stock")
        )


async def test_a_deleted_record_tells_who_deleted_it_and_what_it_held(
    tmp_path: Path, store_url: str
) -> None:
    etc = dict(LISTS) | {"groups/shop.toml": shop.ETC["groups/shop.toml"]}
    async with inside.opened(tmp_path, store_url, etc) as site:
        await site.load("all.zip", shop.zipped(shop.members(shop.rows(3))))
        run = await site.load("products.csv", products(shop.rows(2)))
        found = await _record(site, "product", "P000002")
        assert (found["state"], found["fields"]["stock"]) == ("deleted", 2)
        assert [change["what"] for change in found["changes"]] == ["deleted", "inserted"]
        assert found["changes"][0]["run"] == run["id"]
        back = await site.load("products-again.csv", products(shop.rows(3)))
        found = await _record(site, "product", "P000002")
        assert (found["state"], found["changes"][0]["run"]) == ("there", back["id"])
        whats = [change["what"] for change in found["changes"]]
        assert whats == ["inserted", "deleted", "inserted"]


async def test_a_record_whose_images_are_gone_tells_what_is_still_known(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with inside.opened(tmp_path, store_url, clock=clock) as site:
        one = await site.load("all.zip", shop.zipped(shop.members(shop.rows(3))))
        two = await site.load("products.csv", products(shop.rows(3, edition=1)))
        clock.tick(15 * 86_400)
        await keeping.clear(site.instance.bench)
        newest, oldest = (await _record(site, "product", "P000001"))["changes"]
        assert (newest["what"], newest["run"], newest["line"]) == ("updated", two["id"], 3)
        assert newest["fields"] is None
        assert (oldest["what"], oldest["run"], oldest["file"]) == ("inserted", one["id"], None)


async def test_a_key_of_several_typed_parts_is_written_as_in_a_file(
    tmp_path: Path, store_url: str
) -> None:
    etc = dict(shop.ETC) | {
        "entities/tier.toml": """
[entity.tier]
key = ["from", "on", "sold"]
[entity.tier.field]
from = { type = "decimal" }
on = { type = "date" }
sold = { type = "boolean" }
seen = { type = "datetime" }
names = { localized = true }
""",
        "descriptors/tiers.toml": """
entity = "tier"
file = { match = 'tiers.*' }
"""
        + "".join(
            f'[[column]]\nfrom = "{name}"\nto = "{to}"\n'
            for name, to in (
                ("from", "from"),
                ("on", "on"),
                ("sold", "sold"),
                ("seen", "seen"),
                ("de", "names@de"),
            )
        ),
        "groups/tiers.toml": 'kind = "import"\ndescriptors = ["tiers"]\n',
    }
    header = ["from", "on", "sold", "seen", "de"]
    async with inside.opened(tmp_path, store_url, etc) as site:
        data = shop.text(
            header, [("1.50", "2026-01-31", "true", "2026-01-31T09:00:00+01:00", "eins")]
        )
        run = await site.load("tiers.csv", data, group="tiers")
        assert run["problems"] == 0
        found = await _record(site, "tier", "1.5", "2026-01-31", "true")
        assert found["fields"] == {
            "from": "1.5",
            "on": "2026-01-31",
            "sold": True,
            "seen": "2026-01-31T08:00:00Z",
            "names": {"de": "eins"},
        }
        for key, why in (
            (("x", "2026-01-31", "true"), "no from of a tier"),
            (("1", "2026-01-31"), "has 3 parts, not 2"),
            (("", "2026-01-31", "true"), "nothing is no from of a tier"),
            (("1", "2026-01-31", "maybe"), "no sold of a tier"),
            (("1", "2026-01-32", "yes"), "no on of a tier"),
        ):
            with pytest.raises(UsageError, match=why):
                await _record(site, "tier", *key)


async def test_what_is_not_there_is_said_with_what_is_near(tmp_path: Path, store_url: str) -> None:
    async with inside.opened(tmp_path, store_url) as site:
        await site.load("all.zip", shop.zipped(shop.members(shop.rows(3))))
        for entity, key, hint in (
            ("prodct", "P000001", "product"),
            ("product", "P0000015", "near it are: P000000; P000001; P000002"),
            ("product", "x'\"; DROP", "P000002"),
        ):
            with pytest.raises(UsageError, match="there is no") as caught:
                await _record(site, entity, key)
            assert hint in caught.value.hint
        with pytest.raises(UsageError):
            await _record(site, "product", "\0")


async def _record(site: Inside, entity: str, *key: str) -> dict[str, Any]:
    return await site.asked.get(f"/api/v1/records/{entity}", key=list(key))


# by command


def test_the_commands_undo_and_tell(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for n in range(2):
        site.drop(f"{n}.zip", shop.zipped(shop.members(shop.rows(3, edition=n))))
        site.drain()
    before = site.shop()
    planned = site.call("undo", "2", "--dry-run")
    assert planned.returncode == 0
    assert "product: 3 get their old values" in planned.stdout
    asked = site.call("undo", "2")
    assert (asked.returncode, site.shop()) == (2, before)
    assert "--yes" in asked.stderr
    done = site.call("undo", "2", "--yes", "--note", "wrong prices")
    assert done.returncode == 0, done.stderr
    assert site.shop() == {name: sorted(rows) for name, rows in shop.rows(3).items()}
    told = site.call("record", "product", "P000001").stdout
    assert 'name: "Größe 1, edition 1" -> "Größe 1, edition 0"' in told
    assert "updated by run 3, which undid run 2" in told
    assert "updated by run 2 (undone since)  1.zip: products.csv, line 3, group shop" in told
    assert json.loads(site.call("record", "price", "P000001", "EUR", "--json").stdout)["changes"]
    assert "is no UTF-8 text" in site.call("record", "product", "\udcff").stderr
    unknown = site.call("record", "product", "P000009")
    assert unknown.returncode == 2
    assert "near it are: P000000; P000001; P000002" in unknown.stderr
    again = site.call("undo", "2", "--yes", "--json")
    assert (again.returncode, again.stdout) == (2, "")
    with sqlite3.connect(site.var / "impexd.db") as db:
        assert db.execute("SELECT state, note FROM run ORDER BY id").fetchall() == [
            ("archived", None),
            ("undone", None),
            ("archived", "wrong prices"),
        ]
