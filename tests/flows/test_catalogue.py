"""A real catalogue in four languages, as a partner sent it: every row of it, however it comes."""

import csv
import io
import json
import os
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import pytest
import pytest_asyncio

from tests.clock import FakeClock
from tests.flows import place as places
from tests.flows.place import Place, Record
from tests.flows.told import column, descriptor, toml, toml_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
ETC = ROOT / "tests/data/icecat/etc"
SHARED = Path(os.environ.get("IMPEXD_SHARED", ROOT.parent / "shared"))
CATALOGUE = SHARED / "data/icecat/catalogue.zip"

ROWS = {
    "brand": 20,
    "attribute": 2_558,
    "product_type": 11,
    "product_type_attribute": 3_992,
    "attribute_view_group": 155,
    "category": 11,
    "shop_category": 10,
    "product": 276,
    "sku": 283,
    "product_category": 276,
    "product_attribute": 15_174,
    "sku_attribute": 12,
    "stock": 283,
    "price": 855,
    "association": 14,
}
"""Entity -> rows of its file, as the catalogue's README lists them."""


def etc() -> dict[str, str]:
    """The group of 15 descriptors, and the shipped entities."""
    found = {
        f"entities/{p.name}": p.read_text("utf-8") for p in (ROOT / "etc/entities").glob("*.toml")
    }
    for folder in ("descriptors", "groups"):
        found |= {f"{folder}/{p.name}": p.read_text("utf-8") for p in (ETC / folder).glob("*.toml")}
    return found


@cache
def files() -> Mapping[str, bytes]:
    """The files of the catalogue, in the order of the archive."""
    with zipfile.ZipFile(CATALOGUE) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(found: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return out.getvalue()


async def drop(place: Place, name: str, data: bytes, **said: Any) -> dict[str, Any]:
    return await place.bring(name, data, group="icecat", **said)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def loaded(place: Place) -> dict[str, Any]:
    """The run of the first drop."""
    await place.fresh(etc())
    return await drop(place, "catalogue.zip", CATALOGUE.read_bytes())


def became(run: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What became of the rows of each entity, zeros left out."""
    return {
        entity: {name: count for name, count in counts.items() if count}
        for entity, counts in run["counts"].items()
    }


# what is in the tables


async def test_every_row_is_there(place: Place, loaded: dict[str, Any]) -> None:
    assert (loaded["state"], loaded["problems"], loaded["message"]) == ("archived", 0, None)
    assert became(loaded) == {entity: {"inserted": count} for entity, count in ROWS.items()}
    tables = await place.tables()
    assert {name: len(rows) for name, rows in tables.items() if rows} == ROWS


async def test_quantities_and_prices_add_up(place: Place, loaded: dict[str, Any]) -> None:
    assert sum(row["quantity"] for row in await place.table("stock")) == 142_789
    prices = await place.table("price")
    assert sum(row["list"] for row in prices) == Decimal("8633521.20")
    sales = [row["sale"] for row in prices if row["sale"] is not None]
    assert (len(sales), sum(sales)) == (111, Decimal("914193.6810"))
    assert {row["shop"] for row in prices} == {"SHOP10"}


async def test_texts_are_right_in_four_languages(place: Place, loaded: dict[str, Any]) -> None:
    attributes = {row["code"]: row for row in await place.table("attribute")}
    assert attributes["1000"]["name"] == {
        "en": "Keyboard key pitch",
        "ru": "Размер клавиш клавиатуры",
        "uk": "Розмір клавіш клавіатури",
        "de": "Taste Taktabstand",
    }
    assert attributes["10206"]["name"]["de"] == 'Anzahl der 2,5" Erweiterungseinschübe'
    assert attributes["1573"]["name"]["ru"] == 'Сoотношение "сигнал/помеха" (SNR)'
    quotes = [text for row in attributes.values() for text in row["name"].values() if '"' in text]
    assert len(quotes) > 9
    assert not [text for text in quotes if '\\"' in text]
    categories = {row["guid"]: row for row in await place.table("category")}
    assert categories["110"]["parent"] is None  # the root, 100, is in no file
    assert categories["151"]["parent"] == "110"
    assert categories["151"]["name"]["ru"] == "Мобильные рабочие станции"
    kept = [
        t for row in categories.values() for t in (row["description"] or {}).values() if "\\n" in t
    ]
    assert kept
    assert not [t for t in kept if "\n" in t]


async def test_both_engines_hold_the_same(
    tmp_path: Path, sqlite_url: str, postgres_url: str
) -> None:
    found = []
    for url in (sqlite_url, postgres_url):
        home = tmp_path / url.partition(":")[0]
        async with places.opened(home, url, FakeClock(), etc()) as place:
            run = await drop(place, "catalogue.zip", CATALOGUE.read_bytes())
            parts = [{**part, "id": None} for part in run["parts"]]
            tables = await place.tables(provenance=["_created", "_part", "_line", "_seq", "_hash"])
            found.append((run["counts"], parts, tables))
    (counts, parts, tables), (others, other_parts, other) = found
    assert (counts, parts) == (others, other_parts)
    assert {name: len(rows) for name, rows in tables.items() if rows} == ROWS
    for name, rows in tables.items():
        assert rows == other[name], name


# the same once more


async def provenance(place: Place) -> dict[str, list[Record]]:
    return await place.tables(provenance=["_created", "_changed", "_part", "_line", "_seq"])


async def test_the_same_bytes_are_a_duplicate(place: Place, loaded: dict[str, Any]) -> None:
    run = await drop(place, "catalogue.zip", CATALOGUE.read_bytes())
    assert (run["state"], run["counts"]) == ("duplicate", {})
    assert run["message"] == f"the same bytes as run {loaded['id']}"


async def test_the_same_files_packed_anew_in_another_order_change_nothing(
    place: Place, loaded: dict[str, Any]
) -> None:
    before = await provenance(place)
    run = await drop(place, "catalogue.zip", packed(dict(reversed(files().items()))))
    assert became(run) == {entity: {"unchanged": count} for entity, count in ROWS.items()}
    assert await provenance(place) == before


async def test_one_price_edited_is_one_update(place: Place, loaded: dict[str, Any]) -> None:
    before = await provenance(place)
    edited = dict(files())
    edited["skuprices.csv"] = edited["skuprices.csv"].replace(b";832.23;1;", b";832.24;1;", 1)
    run = await drop(place, "catalogue.zip", packed(edited))
    assert became(run) == {entity: {"unchanged": count} for entity, count in ROWS.items()} | {
        "price": {"updated": 1, "unchanged": ROWS["price"] - 1}
    }
    after = await provenance(place)
    changed = [(a, b) for a, b in zip(before["price"], after["price"], strict=True) if a != b]
    ((old, new),) = changed
    assert (old["list"], new["list"]) == (Decimal("832.23"), Decimal("832.24"))
    assert (new["_changed"], new["_created"]) == (run["id"], loaded["id"])
    assert new["_seq"] > old["_seq"]
    back = await drop(place, "catalogue.zip", packed(files()), force=True)
    assert became(back)["price"] == {"updated": 1, "unchanged": ROWS["price"] - 1}


# the same in other formats


def cells(name: str, said: Mapping[str, Any]) -> Iterator[list[str]]:
    """Read a file as its descriptor says, header first, by the standard library."""
    text = files()[name].decode("utf-8")
    if said["file"].get("escape") == "backslash":
        text = text.replace('\\"', '""')
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    header = next(rows)
    yield header
    for row in rows:
        yield (row + [""] * len(header))[: len(header)]


def xml(rows: Iterator[list[str]]) -> bytes:
    found = ['<?xml version="1.0" encoding="UTF-8"?>', "<rows>"]
    for row in rows:
        inner = "".join(f"<c{n}>{escape(cell)}</c{n}>" for n, cell in enumerate(row) if cell)
        found.append(f"<row>{inner}</row>")
    return "\n".join([*found, "</rows>", ""]).encode()


def jsonl(rows: Iterator[list[str]]) -> bytes:
    lines = ({f"c{n}": cell for n, cell in enumerate(row) if cell} for row in rows)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def xlsx(rows: Iterator[list[str]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    first = True
    for row in rows:
        if first:
            sheet.append([f"c{n}" for n in range(len(row))])
            first = False
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FORMATS: dict[str, tuple[Callable[[Iterator[list[str]]], bytes], str]] = {
    "xml": (xml, 'row = "row"'),
    "jsonl": (jsonl, ""),
    "xlsx": (xlsx, ""),
}


def turned(form: str, name: str, told: str) -> tuple[str, bytes]:
    """Turn a file and its descriptor into another format with the same content."""
    said = tomllib.loads(told)
    rows = cells(f"{name}.csv", said)
    header = next(rows)
    write, layout = FORMATS[form]
    columns = []
    for one in said["column"]:
        more = {key: value for key, value in one.items() if key not in ("from", "to")}
        columns.append(
            column(None if "const" in one else f"c{at(one['from'], header)}", one["to"], **more)
        )
    top = "".join(f"\n{toml_key(key)} = {toml(said[key])}" for key in ("mode",) if key in said)
    made = descriptor(
        said["entity"], *columns, match=rf"{name}\.{form}", file=f'format = "{form}"\n{layout}'
    )
    return made + top, write(rows)


def at(source: str | int, header: list[str]) -> int:
    """Where a `from` stands, counted from 0."""
    if isinstance(source, int):
        return source - 1
    wanted, _, nth = source.partition("#")
    return [n for n, name in enumerate(header) if name == wanted][int(nth or "1") - 1]


@pytest.mark.parametrize("form", FORMATS)
async def test_another_format_with_the_same_content_changes_nothing(
    place: Place, loaded: dict[str, Any], form: str
) -> None:
    told, found = etc(), {}
    for path in list(told):
        folder, _, file = path.partition("/")
        name = file.removesuffix(".toml")
        if folder == "descriptors":
            told[path], found[f"{name}.{form}"] = turned(form, name, told[path])
    await place.say(told)
    try:
        before = await provenance(place)
        run = await drop(place, f"{form}.zip", packed(found))
        assert (run["state"], run["problems"]) == ("archived", 0)
        assert became(run) == {entity: {"unchanged": count} for entity, count in ROWS.items()}
        assert await provenance(place) == before
    finally:
        await place.say(etc())


# out and back again


def columns_out(descriptor: Mapping[str, Any], head: list[str]) -> list[dict[str, Any]]:
    """Say how each cell of a file is made, from how it was read; what was passed over is empty."""
    by = {one["from"]: one for one in descriptor["column"] if "from" in one}
    found = []
    for position, name in enumerate(head, 1):
        nth = head[: position - 1].count(name) + 1
        to = name if nth == 1 else f"{name}#{nth}"
        one = by.get(position) or by.get(to)
        if one is None:
            found.append({"const": "", "to": to or "nameless"})
            continue
        words = {word: cell for cell, word in one.get("map", {}).items()}
        found.append(column(one["to"], to) | ({"map": words} if words else {}))
    return found


def out() -> dict[str, str]:
    """A group that writes the 15 files as they came: names, headers, order of the cells, quotes."""
    found, names = {}, []
    for member in files():
        name = member.removesuffix(".csv")
        descriptor = tomllib.loads((ETC / "descriptors" / f"{name}.toml").read_text("utf-8"))
        first = files()[member].decode().partition("\n")[0].rstrip("\r").replace('"', "")
        escape = f"escape = {toml(descriptor['file'].get('escape', 'none'))}\n"
        said = f'[query]\nentity = "{descriptor["entity"]}"\n[file]\nname = "{member}"\n'
        said += f'delimiter = ";"\nquoting = "all"\nnewline = "lf"\nguard = false\n{escape}'
        for one in columns_out(descriptor, first.split(";")):
            said += "[[column]]\n" + "".join(f"{toml_key(n)} = {toml(v)}\n" for n, v in one.items())
        found[f"descriptors/{name}-out.toml"] = said
        names.append(f"{name}-out")
    found["groups/icecat-out.toml"] = f'kind = "export"\ndescriptors = {toml(names)}\n'
    return found


async def test_the_catalogue_goes_out_as_it_came_and_changes_nothing_when_it_comes_back(
    place: Place, loaded: dict[str, Any]
) -> None:
    await place.say(out())
    started = await place.asked.post("/api/v1/exports", group="icecat-out")
    await place.carry()
    run = await place.run(started["run"])
    assert (run["state"], run["message"]) == ("published", None)
    assert sum(one["exported"] for one in run["counts"].values()) == sum(ROWS.values())
    data = Path(run["export"]["path"]).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert set(archive.namelist()) == set(files())
        for name in files():
            mine, theirs = archive.read(name), files()[name]
            heads = [
                text.partition(b"\n")[0].rstrip(b"\r").replace(b'"', b"") for text in (mine, theirs)
            ]
            assert heads[0].rstrip(b";").removesuffix(b";nameless") == heads[1].rstrip(b";")
    before = await place.tables(provenance=("_changed", "_seq"))
    back = await drop(place, "back.zip", data)
    assert (back["state"], back["problems"]) == ("archived", 0), back["listed"][:5]
    assert became(back) == {name: {"unchanged": n} for name, n in ROWS.items()}
    assert await place.tables(provenance=("_changed", "_seq")) == before


async def test_every_entity_comes_back_by_the_descriptor_that_is_made_for_it(
    place: Place, loaded: dict[str, Any]
) -> None:
    said = {}
    for name in ROWS:
        fields = place.instance.config.catalogue[name].fields.items()
        cells = [
            column(f"{field}@{language}" if language else field)
            for field, about in fields
            for language in (("en", "ru", "uk", "de") if about.localized else ("",))
        ]
        text = f'[query]\nentity = "{name}"\n'
        for one in cells:
            text += "[[column]]\n" + "".join(f"{n} = {toml(v)}\n" for n, v in one.items())
        said[f"descriptors/{name}-whole.toml"] = text
    names = toml([f"{name}-whole" for name in ROWS])
    said["groups/whole.toml"] = f'kind = "export"\ndescriptors = {names}\n'
    await place.say(said)
    mirrored = (await place.asked.get("/api/v1/exports/whole/mirror"))["descriptors"]
    names = toml(list(mirrored))
    said = {f"descriptors/{name}.toml": text for name, text in mirrored.items()}
    said["groups/mirror.toml"] = f'kind = "import"\ndescriptors = {names}\nunmatched = "reject"\n'
    await place.say(said)
    started = await place.asked.post("/api/v1/exports", group="whole")
    await place.carry()
    data = Path((await place.run(started["run"]))["export"]["path"]).read_bytes()
    back = await place.bring("back.zip", data, group="mirror")
    assert (back["state"], back["problems"]) == ("archived", 0), back["listed"][:5]
    assert became(back) == {name: {"unchanged": n} for name, n in ROWS.items()}


# rows that point at what no file brings


POINTING = ("attributenames", "producttypenames", "producttypeattrnames")


async def pointing(place: Place, missing: str) -> dict[str, Any]:
    """Load three of the files; 22 rows of the last point at attributes that come in none."""
    told = etc()
    path = "descriptors/producttypeattrnames.toml"
    told[path] = told[path].replace('missing = "keep"', f'missing = "{missing}"')
    assert missing == "keep" or told[path] != etc()[path]
    await place.fresh(told)
    return await drop(
        place, "some.zip", packed({f"{n}.csv": files()[f"{n}.csv"] for n in POINTING})
    )


async def dangling(place: Place) -> list[str | None]:
    """What rows point at whose attribute is not there."""
    known = {row["code"] for row in await place.table("attribute")}
    rows = await place.table("product_type_attribute")
    return sorted({str(row["attribute"]) for row in rows if row["attribute"] not in known})


async def test_rows_that_point_at_nothing_are_rejected(place: Place) -> None:
    run = await pointing(place, "reject")
    assert became(run)["product_type_attribute"] == {"inserted": 3_970, "rejected": 22}
    listed = run["listed"]
    assert len(listed) == run["problems"] == 22
    assert {one["code"] for one in listed} == {"missing_reference"}
    assert {one["column"] for one in listed} == {"attribute code"}
    assert {one["cell"] for one in listed} == {"productType", "brand"}
    assert {one["file"] for one in listed} == {"producttypeattrnames.csv"}
    lines = files()["producttypeattrnames.csv"].decode().splitlines()
    assert all(f'"{one["cell"]}"' in lines[one["line"] - 1] for one in listed)
    assert await dangling(place) == []
    (text,) = place.rejects(run).values()
    assert len(text.splitlines()) == 23


@pytest.mark.parametrize(
    ("missing", "left", "attributes"),
    [("null", ["None"], 2_558), ("keep", ["brand", "productType"], 2_558), ("create", [], 2_560)],
)
async def test_rows_that_point_at_nothing_are_loaded_as_the_descriptor_says(
    place: Place, missing: str, left: list[str], attributes: int
) -> None:
    run = await pointing(place, missing)
    assert became(run)["product_type_attribute"] == {"inserted": 3_992}
    assert await dangling(place) == left
    assert len(await place.table("attribute")) == attributes


async def test_rows_that_point_at_nothing_wait_until_it_comes(place: Place) -> None:
    run = await pointing(place, "park")
    assert became(run)["product_type_attribute"] == {"inserted": 3_970}
    part = next(part for part in run["parts"] if part["entity"] == "product_type_attribute")
    assert part["counts"]["parked"] == len(await place.waiting()) == 22
    late = b'group code;code;name;EN;RU;UK;DE;mandatory;navigatable\n"PRODUCT";"brand";"Brand";;;;;;\n"PRODUCT";"productType";"Type";;;;;;\n'
    await drop(place, "attributenames.csv", late)
    assert await place.waiting() == []
    assert len(await place.table("product_type_attribute")) == 3_992
    assert await dangling(place) == []


# out again
