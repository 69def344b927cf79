"""Pictures come beside the rows they belong to, are stored once, and go when nothing points at them."""

import hashlib
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from impexd.imports import keeping
from impexd.imports.pictures import keep, sweep
from impexd.store import pictured
from tests import shop
from tests.clock import FakeClock
from tests.flows import inside
from tests.flows.inside import Inside
from tests.formats.pictures import gif, jpeg, png, png_of, webp
from tests.processes import Site

DAY = 86_400.0

ETC = dict(shop.ETC) | {
    "impexd.toml": shop.ETC["impexd.toml"] + '[limits]\npicture = "100 kB"\npixels = 1_000_000\n',
    "entities/shop.toml": shop.ETC["entities/shop.toml"].replace(
        "stock = { type", "picture = { picture = true, null = true }\nstock = { type"
    )
    + """
[entity.view]
key = ["product", "n"]
[entity.view.field]
product = { ref = "product" }
n = { type = "integer" }
picture = { picture = true, localized = true, null = true }
file = { null = true }
kind = { null = true }
width = { type = "integer", null = true }
height = { type = "integer", null = true }
size = { type = "integer", null = true }
hash = { null = true }
""",
    "descriptors/pictures.toml": r"""
entity = "product"
mode = "update"
file = { format = "image", match = '(?P<code>P\d+)\.[a-z]+' }
[[column]]
from = "code"
to = "code"
[[column]]
from = "@picture"
to = "picture"
""",
    "descriptors/views.toml": r"""
entity = "view"
file = { format = "image", match = '(?P<code>P\d+)_(?P<n>\d+)(?P<more>-x)?\.[a-z]+' }
[[column]]
from = "code"
to = "product"
missing = "park"
[[column]]
from = "n"
to = "n"
[[column]]
from = "@picture"
to = "picture@de"
[[column]]
from = "@name"
to = "file"
[[column]]
from = "@type"
to = "kind"
[[column]]
from = "@width"
to = "width"
[[column]]
from = "@height"
to = "height"
[[column]]
from = "@bytes"
to = "size"
[[column]]
from = "@sha256"
to = "hash"
""",
    "groups/shop.toml": shop.ETC["groups/shop.toml"].replace(
        '"prices"', '"prices", "pictures", "views"'
    ),
}
"""The shop, whose products have a picture each and any number of views."""

GUARDED = ETC | {"groups/shop.toml": ETC["groups/shop.toml"] + "[guard]\nmax_changes = 2\n"}
"""The shop, where a person has to approve of more than two changes."""

GOODS = shop.members(shop.rows(4))
CODES = [f"P{n:06d}" for n in range(4)]


def name(data: bytes, suffix: str = "png") -> str:
    """What a record holds of a picture."""
    return f"{hashlib.sha256(data).hexdigest()}.{suffix}"


def stored(site: Inside | Site) -> list[str]:
    """The pictures on the disk, by the place and the bytes each has to have."""
    home = site.home / "var" / "pictures"
    found = sorted(path for path in home.glob("*/*"))
    for path in found:
        assert path.parent.name == path.name[:2]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name.partition(".")[0]
    return [path.name for path in found]


async def held(site: Inside) -> dict[str, str | None]:
    """Product -> picture."""
    return dict(await site.query("SELECT code, picture FROM product ORDER BY code"))


def now() -> FakeClock:
    """A clock that starts now, as the disk's does."""
    return FakeClock(wall=datetime.now(UTC))


# coming in


async def test_a_zip_brings_products_and_their_pictures(tmp_path: Path, store_url: str) -> None:
    files = {"P000000.png": png(), "P000001.JPG": jpeg(), "P000002.gif": gif()}
    drop = {"P000003.webp": webp()} | GOODS | files | {"banner.png": png(seed=9), "a.txt": b"x"}
    async with inside.opened(tmp_path, store_url, ETC) as site:
        run = await site.load("drop.zip", shop.zipped(drop))
        assert (run["state"], run["problems"]) == ("archived", 0)
        assert run["message"] == "no descriptor of the group takes banner.png, a.txt"
        wanted = [name(png()), name(jpeg(), "jpg"), name(gif(), "gif"), name(webp(), "webp")]
        assert await held(site) == dict(zip(CODES, wanted, strict=True))
        assert stored(site) == sorted(wanted)
        parts = {part["member"]: part["counts"] for part in run["parts"]}
        assert parts["P000001.JPG"] == {
            **dict.fromkeys(shop_counts(), 0),
            "read": 1,
            "updated": 1,
        }


def shop_counts() -> list[str]:
    return ["read", "inserted", "updated", "unchanged", "deleted", "rejected", "parked"]


async def test_a_picture_that_is_sent_again_is_not_stored_again(
    tmp_path: Path, store_url: str
) -> None:
    first = {"P000000.png": png(), "P000001.png": png(), "P000002.png": png(seed=1)}
    async with inside.opened(tmp_path, store_url, ETC) as site:
        await site.load("1.zip", shop.zipped(GOODS | first))
        assert stored(site) == sorted([name(png()), name(png(seed=1))])
        place = keep.place(site.home / "var", name(png()))
        os.utime(place, (1, 1))
        file = place.stat().st_ino
        run = await site.load("2.zip", shop.zipped(first | {"P000002.jpg": jpeg()}))
        assert (run["code"], run["problems"]) == (None, 1)
        assert run["listed"][0]["code"] == "duplicate_key"
        run = await site.load("3.zip", shop.zipped(first | {"P000002.png": png(seed=2)}))
        counts = run["counts"]["product"]
        assert (counts["updated"], counts["unchanged"]) == (1, 2)
        assert place.stat().st_ino == file
        assert place.stat().st_mtime > 1
        assert (await held(site))["P000002"] == name(png(seed=2))


async def test_a_single_picture_is_a_drop_like_any_other(tmp_path: Path, store_url: str) -> None:
    async with inside.opened(tmp_path, store_url, ETC) as site:
        await site.load("goods.zip", shop.zipped(GOODS))
        run = await site.load("P000001.png", png())
        assert run["counts"]["product"]["updated"] == 1
        await site.load("P000001.jpg", jpeg())
        assert (await held(site))["P000001"] == name(jpeg(), "jpg")
        again = await site.load("P000001.jpg", jpeg())
        assert again["state"] == "duplicate"


async def test_what_a_picture_says_of_itself_can_be_loaded(tmp_path: Path, store_url: str) -> None:
    files = {"P000000_1.jpg": jpeg(640, 480), "P000000_2-x.gif": gif(4, 5)}
    async with inside.opened(tmp_path, store_url, ETC) as site:
        run = await site.load("drop.zip", shop.zipped(GOODS | files))
        assert run["problems"] == 0, run["listed"]
        rows = await site.query("SELECT n, file, kind, width, height, size, hash FROM view")
        assert sorted(rows) == [
            (1, "P000000_1.jpg", "image/jpeg", 640, 480, len(jpeg()), name(jpeg(640, 480))[:64]),
            (2, "P000000_2-x.gif", "image/gif", 4, 5, len(gif()), name(gif())[:64]),
        ]


REFUSED = {
    "a wrong suffix": (jpeg(), "type_mismatch", "JPEG"),
    "no picture": (b"<svg xmlns='x'/>", "type_mismatch", "SVG"),
    "cut off": (png()[:-1], "incomplete", "cut off"),
    "broken": (png().replace(b"IDAT", b"IDAU"), "bad_data", "checksum"),
    "empty": (b"", "empty_file", "empty"),
    "too many bytes": (png() + bytes(100_000), "too_large", "100000 bytes"),
    "too many pixels": (png_of(1001, 1000, b"x"), "too_large", "1001 x 1000"),
    "a lie about its size": (png_of(2**32 - 1, 2**32 - 1, b"x"), "too_large", "4294967295"),
}


async def test_a_picture_that_cannot_be_taken_is_a_rejected_row(
    tmp_path: Path, store_url: str
) -> None:
    files = {f"P{n:06d}.png": data for n, (data, _, _) in enumerate(REFUSED.values())}
    goods = shop.members(shop.rows(len(REFUSED) + 1))
    good = {f"P{len(REFUSED):06d}.png": png()}
    async with inside.opened(tmp_path, store_url, ETC) as site:
        run = await site.load("drop.zip", shop.zipped(goods | files | good))
        assert (run["state"], run["problems"]) == ("archived", len(REFUSED))
        for file, one, (_, code, part) in zip(files, run["listed"], REFUSED.values(), strict=True):
            assert (one["file"], one["code"], one["cell"]) == (file, code, file)
            assert part in one["message"]
        assert run["counts"]["product"]["rejected"] == len(REFUSED)
        answer = await site.asked.get(f"/api/v1/runs/{run['id']}/rejects")
        assert [one["file"] for one in answer["again"]] == list(files)
        assert [one["code"] for one in answer["again"]] == [code for _, code, _ in REFUSED.values()]
        pictures = {code: kept for code, kept in (await held(site)).items() if kept}
        assert pictures == {f"P{len(REFUSED):06d}": name(png())}
        assert stored(site) == [name(png())]


async def test_a_picture_of_nothing_known_is_rejected_and_makes_nothing(
    tmp_path: Path, store_url: str
) -> None:
    orphan = shop.text(shop.HEADERS["product"], [("P000009", "Name", "Nobody", "1")])
    drop = GOODS | {"products-2.csv": orphan, "P000009.png": png(), "P000008.png": png()}
    async with inside.opened(tmp_path, store_url, ETC) as site:
        run = await site.load("drop.zip", shop.zipped(drop))
        codes = {(one["file"], one["code"]) for one in run["listed"]}
        assert codes == {
            ("products-2.csv", "missing_reference"),
            ("P000008.png", "not_found"),
            ("P000009.png", "not_found"),
        }
        assert run["counts"]["product"]["rejected"] == 3
        answer = await site.asked.get(f"/api/v1/runs/{run['id']}/rejects")
        assert [path.rpartition("/")[2] for path in answer["rejects"]] == [
            f"products-2.rejects-{run['id']}.csv"
        ]
        assert {one["file"] for one in answer["again"]} == {"P000008.png", "P000009.png"}
        assert list(await held(site)) == CODES


async def test_a_broken_zip_loads_neither_rows_nor_pictures(tmp_path: Path, store_url: str) -> None:
    data = bytearray(shop.zipped({"P000000.png": png(90, 90)} | GOODS))
    at = data.find(b"P000000.png") + 60
    data[at] ^= 1
    async with inside.opened(tmp_path, store_url, ETC) as site:
        run = await site.load("drop.zip", bytes(data))
        assert run["state"] == "rejected"
        assert await held(site) == {}


async def test_many_pictures_of_a_zip_are_each_a_file_of_the_run(
    tmp_path: Path, store_url: str
) -> None:
    goods = shop.members(shop.rows(200))
    pictures = {f"P{n:06d}.png": png(seed=n) for n in range(200)}
    async with inside.opened(tmp_path, store_url, ETC) as site:
        run = await site.load("drop.zip", shop.zipped(goods | pictures))
        assert run["problems"] == 0
        assert len([part for part in run["parts"] if part["member"].endswith(".png")]) == 200
        assert set((await held(site)).values()) == set(stored(site))


# going


async def test_a_picture_of_a_dry_run_goes_in_time(tmp_path: Path, store_url: str) -> None:
    clock = now()
    async with inside.opened(tmp_path, store_url, ETC, clock=clock) as site:
        await site.load("1.zip", shop.zipped(GOODS | {"P000000.png": png()}))
        run = await site.load("2.zip", shop.zipped({"P000001.png": png(seed=1)}), dry=True)
        assert run["state"] == "planned"
        assert await sweep.clear(site.instance.bench) == 0
        clock.tick(8 * DAY)
        assert await sweep.clear(site.instance.bench) == 1
        assert stored(site) == [name(png())]


async def test_a_held_run_finds_its_pictures_however_long_it_is_held(
    tmp_path: Path, store_url: str
) -> None:
    clock = now()
    files = {f"P00000{n}.png": png(seed=n) for n in range(3)}
    async with inside.opened(tmp_path, store_url, GUARDED, clock=clock) as site:
        await site.approve((await site.load("1.zip", shop.zipped(GOODS)))["id"])
        gone = await site.load("2.zip", shop.zipped(files), dry=True)
        for name_ in stored(site):  # left by that run long ago
            os.utime(keep.place(site.home / "var", name_), (1, 1))
        run = await site.load("2.zip", shop.zipped(files))
        assert (gone["state"], run["state"]) == ("planned", "held")
        clock.tick(60 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        await site.approve(run["id"])
        assert set((await held(site)).values()) - {None} == set(stored(site))
        assert await sweep.clear(site.instance.bench) == 0


async def test_a_refused_run_leaves_no_picture_in_the_end(tmp_path: Path, store_url: str) -> None:
    clock = now()
    files = {f"P00000{n}.png": png(seed=n) for n in range(3)}
    async with inside.opened(tmp_path, store_url, GUARDED, clock=clock) as site:
        run = await site.load("1.zip", shop.zipped(GOODS | files))
        clock.tick(60 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        await site.asked.post(f"/api/v1/runs/{run['id']}/refuse")
        assert await sweep.clear(site.instance.bench) == 3
        assert stored(site) == []


async def test_an_undo_brings_the_old_picture_back_for_as_long_as_it_can_be_asked_for(
    tmp_path: Path, store_url: str
) -> None:
    clock = now()
    old, new = png(), png(seed=1)
    async with inside.opened(tmp_path, store_url, ETC, clock=clock) as site:
        await site.load("1.zip", shop.zipped(GOODS | {"P000000.png": old}))
        run = await site.load("2.zip", shop.zipped({"P000000.png": new}))
        clock.tick(10 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        undone = await site.undo(run["id"])
        assert (await held(site))["P000000"] == name(old)
        clock.tick(10 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        await site.undo(undone["id"])
        assert (await held(site))["P000000"] == name(new)
        clock.tick(20 * DAY)
        await keeping.clear(site.instance.bench)
        await sweep.clear(site.instance.bench)
        assert stored(site) == [name(new)]


async def test_pictures_of_rows_that_wait_are_kept(tmp_path: Path, store_url: str) -> None:
    clock = now()
    async with inside.opened(tmp_path, store_url, ETC, clock=clock) as site:
        run = await site.load("1.zip", shop.zipped({"P000000_1.png": png()}))
        assert sum(part["counts"]["parked"] for part in run["parts"]) == 1
        clock.tick(10 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        await site.load("2.zip", shop.zipped(GOODS))
        await site.settled(3)
        assert await site.query("SELECT n FROM view") == [(1,)]
        clock.tick(10 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        assert stored(site) == [name(png())]


async def test_pictures_of_a_field_that_is_not_declared_any_more_are_kept(
    tmp_path: Path, store_url: str
) -> None:
    clock = now()
    async with inside.opened(tmp_path, store_url, ETC, clock=clock) as site:
        await site.load("1.zip", shop.zipped(GOODS | {"P000000.png": png()}))
        for file, text in shop.ETC.items():
            if not file.startswith("impexd"):
                (site.home / "etc" / file).write_text(text)
        (site.home / "etc/descriptors/pictures.toml").unlink()
        (site.home / "etc/descriptors/views.toml").unlink()
        await site.instance.reload()
        clock.tick(60 * DAY)
        assert await sweep.clear(site.instance.bench) == 0
        assert stored(site) == [name(png())]


async def test_a_picture_that_is_wanted_again_while_it_is_looked_at_stays(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = now()
    async with inside.opened(tmp_path, sqlite_url, ETC, clock=clock) as site:
        await site.load(
            "1.zip", shop.zipped({"P000000.png": png(), "P000001.png": jpeg()}), dry=True
        )
        with keep.opened(site.home / "var") as shelf:
            shelf.keep(jpeg(), name(jpeg())[:64], "jpg")
        for name_ in stored(site):
            os.utime(keep.place(site.home / "var", name_), (1, 1))
        looked = pictured.used

        async def meanwhile(*given: object) -> set[str]:
            found: set[str] = await looked(*given)  # type: ignore[arg-type]
            with keep.opened(site.home / "var") as shelf:
                shelf.keep(png(), name(png())[:64], "png")
            return found

        monkeypatch.setattr(pictured, "used", meanwhile)
        assert await sweep.clear(site.instance.bench) == 1
        assert stored(site) == [name(png())]


# dying


async def test_a_daemon_that_dies_before_the_rows_are_in_leaves_what_is_used_or_goes(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, ETC)
    site.drop("1.zip", shop.zipped(GOODS | {"P000000.png": png()}))
    with site.started("run", IMPEXD_FAIL="stage.done:kill") as running:
        assert running.wait() == -signal.SIGKILL
    assert stored(site) == [name(png())]
    assert site.query("SELECT * FROM product") == []
    lone = keep.place(site.var, name(png(seed=1)))
    with keep.opened(site.var) as shelf:  # as if a run had died that nobody carries on
        shelf.keep(png(seed=1), name(png(seed=1))[:64], "png")
    draft = lone.parent / ".impexd-0123456789abcdef.tmp"
    draft.write_bytes(b"half a pict")
    for path in (lone, draft):
        os.utime(path, (1, 1))
    site.drain()
    url = f"sqlite:///{site.var}/impexd.db"
    async with inside.opened(tmp_path, url, ETC) as alive:
        assert await held(alive) | {"P000000": name(png())} == await held(alive)
        assert await sweep.clear(alive.instance.bench) == 1
        assert stored(alive) == [name(png())]
        assert not draft.exists()
