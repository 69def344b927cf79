"""Groups that do not want all or nothing: file by file, or in ranges of rows, and cut short."""

from typing import Any

import anyio
import pytest

from impexd.imports import run as flow
from impexd.store import pieces
from tests import shop
from tests.flows.place import Place
from tests.processes import Site

shared = pytest.mark.asyncio(loop_scope="session")

SPOILED = {"price": [("P000001", "EUR", "cheap"), ("P999999", "EUR", "1")]}


def etc(atomic: str) -> dict[str, str]:
    group = f'atomic = "{atomic}"\n'
    told = {name: text for name, text in shop.ETC.items() if name != "impexd.toml"}
    return told | {"groups/shop.toml": group + told["groups/shop.toml"]}


def became(count: int, **more: int) -> dict[str, dict[str, int]]:
    """The counts of a first load."""
    nothing = dict.fromkeys(("inserted", "updated", "unchanged", "deleted", "rejected"), 0)
    whole = {"brand": 7, "product": count, "price": count}
    return {name: nothing | {"inserted": n} for name, n in whole.items()} | {
        "price": nothing | {"inserted": count} | more
    }


async def seqs(place: Place, entity: str) -> set[int]:
    return {row["_seq"] for row in await place.table(entity, provenance=["_seq"])}


@shared
@pytest.mark.parametrize("atomic", ["archive", "file", "chunk"])
async def test_however_a_plan_is_cut_the_tables_and_the_counts_are_the_same(
    place: Place, atomic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "CHUNK", 8)
    await place.fresh(etc(atomic))
    records = shop.rows(20)
    run = await place.bring("all.zip", shop.zipped(shop.members(records, spoiled=SPOILED)))
    assert (run["state"], run["message"], run["code"]) == ("archived", None, None)
    assert run["counts"] == became(20, rejected=2)
    assert run["problems"] == len(run["listed"]) == 2
    assert [part["state"] for part in run["parts"]] == ["applied"] * 3
    each = [await seqs(place, entity) for entity in ("brand", "product", "price")]
    assert len(set.union(*each)) == {"archive": 1, "file": 3, "chunk": 6}[atomic]
    assert [len(mine) for mine in each] == {"chunk": [1, 4, 3]}.get(atomic, [1, 1, 1])
    named = (
        "SELECT p.member, COUNT(*) FROM product t JOIN part p ON p.id = t._part GROUP BY p.member"
    )
    assert await place.query(named) == [("products.csv", 20)]
    again = await place.bring("again.zip", shop.zipped(shop.members(records)))
    assert {n: c["unchanged"] for n, c in again["counts"].items()} == {
        "brand": 7,
        "product": 20,
        "price": 20,
    }


@shared
@pytest.mark.parametrize("atomic", ["file", "chunk"])
async def test_parents_are_made_and_lists_cleared_in_pieces_too(
    place: Place, atomic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "CHUNK", 2)
    told = etc(atomic)
    products = told["descriptors/products.toml"]
    told["descriptors/products.toml"] = 'mode = "replace"\n' + products.replace(
        'to = "brand"', 'to = "brand"\nmissing = "create"'
    )
    await place.fresh(told)
    await place.bring("products.csv", shop.text(shop.HEADERS["product"], shop.rows(9)["product"]))
    files = {
        f"products-{n}.csv": shop.text(
            shop.HEADERS["product"], shop.rows(2, first=3 * n)["product"]
        )
        for n in range(2)
    }
    run = await place.bring("all.zip", shop.zipped(files))
    counts = run["counts"]["product"]
    assert (counts["unchanged"], counts["deleted"]) == (4, 5)
    assert len(await place.table("product")) == 4
    assert len(await place.table("brand")) == 7


@shared
@pytest.mark.parametrize("atomic", ["file", "chunk"])
async def test_a_run_that_is_interrupted_says_how_far_it_is_and_goes_on_there(
    place: Place, atomic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "CHUNK", 4)
    await place.fresh(etc(atomic))
    records = shop.rows(150)
    files = shop.members(records, spoiled=SPOILED)
    for n in range(30):
        mine = records["product"][n * 5 : n * 5 + 5]
        files[f"products-{n}.csv"] = shop.text(shop.HEADERS["product"], mine)
    del files["products.csv"]
    id = await place.hand_in("all.zip", shop.zipped(files))
    seen = await _cut_short(place, id)
    assert (seen["state"], seen["settled"]) == ("applying", False)
    left = await place.run(id)
    assert (left["state"], left["progress"]) == ("claimed", None)
    done = sum(count["inserted"] for count in left["counts"].values())
    assert 0 < done < 307
    assert left["message"] == f"{done} of 307 changes are in the tables"
    there = sum([len(await place.table(name)) for name in ("brand", "product", "price")])
    assert there == done
    before = await _created(place)
    await place.carry()
    run = await place.run(id)
    assert (run["state"], run["counts"], run["message"]) == (
        "archived",
        became(150, rejected=2),
        None,
    )
    after = await _created(place)
    assert {key: after[key] for key in before} == before
    await place.asked.post(f"/api/v1/runs/{id}/undo")
    await place.carry()
    assert [await place.table(name) for name in ("brand", "product", "price")] == [[], [], []]


async def _cut_short(place: Place, id: int) -> dict[str, Any]:
    """Carry a run until its first pieces are applied; give it as it was seen then."""
    bench = place.instance.bench
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flow.carry, bench, id)
            while (told := bench.progress.get(id)) is None or told.phase != "apply":
                await anyio.sleep(0)
            seen = await place.run(id)
            tasks.cancel_scope.cancel()
    assert seen["progress"]["phase"] == "apply"
    assert 0 < seen["progress"]["done"] < 1
    return seen


async def _created(place: Place) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Key of each product -> its change number and its part."""
    rows = await place.table("product", provenance=["_seq", "_part"])
    return {row["code"]: (row["_seq"], row["_part"]) for row in rows}


@pytest.mark.parametrize("point", ["apply.begun", "apply.rows", "apply.verdict", "apply.committed"])
@pytest.mark.parametrize("atomic", ["file", "chunk"])
def test_a_daemon_that_dies_between_pieces_loads_each_row_once(
    site: Site, atomic: str, point: str
) -> None:
    for name, text in etc(atomic).items():
        site.say(name, text)
    records = shop.rows(2_500)
    site.drop("all.zip", shop.zipped(shop.members(records, spoiled=SPOILED)))
    with site.started("run", IMPEXD_FAIL=f"{point}:kill:3") as running:
        assert running.wait() == -9, running.said()
    whole = point == "apply.committed"  # of the third piece, which is the last
    there = 5_007 if whole else {"file": 2_507, "chunk": 4_000}[atomic]
    assert sum(len(rows) for rows in site.shop().values()) == there
    ((state, message),) = site.query("SELECT state, message FROM run")
    told = None if whole else f"{there:,} of 5,007 changes are in the tables"
    assert (state, message) == ("applied" if whole else "applying", told)
    site.drain()
    (run,) = site.runs()
    assert (run["state"], run["counts"], run["message"]) == (
        "archived",
        became(2_500, rejected=2),
        None,
    )
    assert site.shop() == {name: sorted(rows) for name, rows in records.items()}
    orphans = "SELECT COUNT(*) FROM product WHERE _part NOT IN (SELECT id FROM part)"
    assert site.query(orphans) == [(0,)]
    assert site.query("SELECT COUNT(*) FROM product__undo") == [(0,)]
