"""Many small files: carried together, and nobody could tell but by how soon they are done."""

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from impexd.core.errors import Fenced, WorldError
from impexd.imports import bundle
from impexd.imports.run import carry
from impexd.inbox import intake
from impexd.model.run import State
from impexd.store import bundles, runs
from tests.flows import goods
from tests.flows.place import Place

pytestmark = pytest.mark.asyncio(loop_scope="session")

TABLES = ("brand", "product", "product__undo", "part", "problem", "tombstone", "parked")
RUN = ("id", "name", "state", "code", "message", "problems", "counts", "parent", "planned_at")
SMALL = goods.etc(
    goods.products(),
    goods.descriptor("brand", *goods.BRANDS, match="brands.*"),
    guard={"max_change": {"product.price": "50 %"}, "max_rejects": 2},
)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Bundles of one, which are none, until it is undone."""
    monkeypatch.setattr(bundle, "MOST", 1)
    yield monkeypatch


async def rows(place: Place, sql: str) -> list[dict[str, Any]]:
    """Ask the database for rows as names and values."""
    async with place.instance.store.reading() as tx:
        return [dict(row) for row in (await tx.execute(text(sql))).mappings()]


async def drop(place: Place, files: Mapping[str, bytes]) -> None:
    """Have files taken from the inbox, in the order of their names."""
    place.instance.bench.bundles.clear()
    (inlet,) = [one for one in place.instance.inlets() if one.group == "shop"]
    inlet.path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (inlet.path / name).write_bytes(data)
    taken = await intake.take(place.instance.desk, inlet)
    assert len(taken.claimed) + len(taken.duplicates) == len(files)


async def state(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Everything that is to be the same whatever way files were carried, numbers counted from the first."""
    found: dict[str, list[dict[str, Any]]] = {}
    ended = await rows(place, f"SELECT {', '.join(RUN)} FROM run ORDER BY id")
    first = ended[0]["id"]
    found["run"] = [
        row
        | {"id": row["id"] - first, "planned_at": None}
        | {"message": re.sub(r"run \d+", "another", row["message"] or "")}
        for row in ended
    ]
    parts = {row["id"]: row["run"] - first for row in await rows(place, "SELECT id, run FROM part")}
    for table in TABLES:
        mine = []
        for row in await rows(place, f'SELECT * FROM "{table}"'):
            kept = {name: value for name, value in row.items() if name not in DIFFERENT}
            for name in {"run", "_run", "_created", "_changed"} & kept.keys():
                kept[name] = kept[name] and kept[name] - first
            if "_part" in kept:
                kept["_part"] = parts.get(kept["_part"])
            mine.append(kept)
        found[table] = sorted(mine, key=repr)
    return found


DIFFERENT = {"id", "_id", "_seq", "seq", "since", "until", "_left"}


def product(*codes: str) -> bytes:
    """A file of products."""
    return goods.csv("code,title,brand,price", *(f"{code},T,,1.00" for code in codes))


def files(seed: int) -> dict[str, bytes]:
    """Small files, some with rows that are wrong, keys that others have too, or prices that leap."""
    chance = random.Random(seed)
    made: dict[str, bytes] = {}
    for n in range(40):
        if chance.random() < 0.15:
            made[f"{n:03d}brands.csv"] = goods.csv("name,country", f"B{n},{chance.choice('xy')}")
            continue
        lines = []
        for row in range(chance.randint(0, 5)):
            code = f"P{chance.randrange(60)}" if chance.random() < 0.05 else f"P{n:03d}{row}"
            price = "cheap" if chance.random() < 0.01 else f"{chance.randint(1, 9)}.50"
            lines.append(f"{code},Title {chance.randrange(3)},,{price}")
        made[f"{n:03d}products.csv"] = goods.csv("code,title,brand,price", *lines)
    return made


KNOWN = SMALL | {
    name: said.replace("products.*", ".*products.*").replace("brands.*", ".*brands.*")
    for name, said in SMALL.items()
    if name.startswith("descriptors/")
}


@pytest.mark.parametrize("seed", range(3))
async def test_together_they_leave_what_they_leave_one_by_one(
    place: Place, alone: pytest.MonkeyPatch, seed: int
) -> None:
    first, second = files(seed), files(seed + 100)

    async def carried() -> dict[str, list[dict[str, Any]]]:
        await place.fresh(KNOWN)
        for edition in (first, second):
            await drop(place, edition)
            await place.carry()
        return await state(place)

    apart = await carried()
    alone.undo()
    for table, kept in (await carried()).items():
        assert [pair for pair in zip(kept, apart[table], strict=True) if pair[0] != pair[1]] == []
    assert {row["state"] for row in apart["run"]} >= {"archived"}


async def test_a_hundred_files_are_one_change_and_each_has_its_report_and_its_place(
    place: Place,
) -> None:
    await place.fresh(KNOWN)
    await drop(
        place,
        {f"{n:03d}products.csv": product(f"P{n}") for n in range(100)},
    )
    await place.carry()
    found = await place.runs()
    assert [run["state"] for run in found] == ["archived"] * 100
    assert all(run["counts"]["product"]["inserted"] == 1 for run in found)
    assert len({row["_seq"] for row in await rows(place, "SELECT _seq FROM product")}) < 6
    var = place.instance.config.var
    for run in found:
        assert '"inserted": 1' in (var / run["report"]).read_text()
    assert await rows(place, "SELECT id FROM procrastinate_jobs") == []


async def test_one_of_them_is_undone_and_the_others_stay(place: Place) -> None:
    await place.fresh(KNOWN)

    def edition(price: str) -> dict[str, bytes]:
        return {
            f"{n}products-{price}.csv": goods.csv(
                "code,title,brand,price", f"P{n},Title,,{price}", f"N{n}-{price},New,,1"
            )
            for n in range(5)
        }

    for price in ("1.00", "1.10"):
        await drop(place, edition(price))
        await place.carry()
    run = (await place.runs())[7]
    started = await place.asked.post(f"/api/v1/runs/{run['id']}/undo")
    await place.carry()
    done = await place.run(started["run"])
    assert (done["state"], goods.counts(done, "product")) == (
        "archived",
        {"read": 2, "updated": 1, "deleted": 1},
    )
    found = {
        row["code"]: float(row["price"])
        for row in await rows(place, "SELECT code, price FROM product")
    }
    assert [found[f"P{n}"] for n in range(5)] == [1.1, 1.1, 1.0, 1.1, 1.1]
    assert "N2-1.10" not in found
    assert len(found) == 14


async def test_a_run_that_was_cancelled_meanwhile_keeps_the_others_from_being_applied(
    place: Place,
) -> None:
    await place.fresh(KNOWN)
    await drop(place, {f"{n}products.csv": product(f"P{n}") for n in range(3)})
    store = place.instance.store
    wanted = await _waiting(place)
    begun = await bundles.begin(store, wanted, now="2026-01-31T08:00:00.000Z")
    assert [run.attempt for run in begun] == [1, 1, 1]
    async with store.writing() as tx:
        await runs.move(tx, begun[1], State.CANCELLED, attempt=2)
    async with store.writing() as tx:
        with pytest.raises(Fenced):
            await bundles.hold(tx, begun)
        await bundles.put_back(tx, begun)
    states = await rows(place, "SELECT state FROM run ORDER BY id")
    assert [row["state"] for row in states] == ["claimed", "cancelled", "claimed"]
    await place.carry()
    assert {row["code"] for row in await rows(place, "SELECT code FROM product")} == {"P0", "P2"}


async def _waiting(place: Place) -> list[Any]:
    async with place.instance.store.reading() as tx:
        *_, first = await runs.newest(tx, limit=1000, states=["claimed"])
        return await bundles.behind(tx, first, limit=100)


async def test_a_file_that_is_wrong_costs_the_others_nothing(place: Place) -> None:
    await place.fresh(KNOWN)
    made = {f"{n:02d}products.csv": product(f"P{n}") for n in range(30)}
    made["10products.csv"] = product("P10").replace(b"T", b"\xff")
    made["20products.csv"] = b"title\nT\n"
    made["25products.csv"] = product("P25", "P25")
    await drop(place, made)
    await place.carry()
    found = {run["source"]["name"]: run["state"] for run in await place.runs()}
    assert [name for name, one in found.items() if one != "archived"] == [
        "10products.csv",
        "20products.csv",
    ]
    assert len(await rows(place, "SELECT code FROM product")) == 28


async def test_what_cannot_be_put_away_is_loaded_once_and_put_away_later(place: Place) -> None:
    await place.fresh(KNOWN)
    await drop(place, {f"{n:02d}products.csv": product(f"P{n}") for n in range(40)})
    first, created = (await rows(place, "SELECT id, created FROM run ORDER BY id"))[0].values()
    in_the_way = place.instance.config.var / "archive" / created[:10] / f"{first:06d}"
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_bytes(b"")
    with pytest.raises(WorldError, match="Not a directory"):
        await carry(place.instance.bench, first)
    states = [row["state"] for row in await rows(place, "SELECT state FROM run ORDER BY id")]
    assert states[:16] == ["applied"] * 16
    assert set(states[16:]) <= {"applied", "claimed"}  # the bundle behind them may have been faster
    in_the_way.unlink()
    await place.carry()
    found = await place.runs()
    assert [one["state"] for one in found] == ["archived"] * 40
    assert all((place.instance.config.var / one["report"]).exists() for one in found)
    assert len(await rows(place, "SELECT code FROM product")) == 40
    assert await rows(place, "SELECT id FROM procrastinate_jobs") == []
