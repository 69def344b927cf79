"""Rejected rows come back as a file to be mended, and what is mended is known for what it is."""

import csv
import io
from typing import Any

import pytest

from tests import shop
from tests.flows.place import Place
from tests.flows.told import descriptor, group

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENTITIES = """
[entity.brand]
key = ["name"]
field = { name = {} }

[entity.product]
key = ["code"]
[entity.product.field]
code = {}
title = {}
brand = { ref = "brand", null = true }
price = { type = "decimal", null = true }
"""
HEAD = "code;title;brand;price"


def etc(file: str = "", match: str = "products", **said: Any) -> dict[str, str]:
    columns = ("code", "title", "brand", "price")
    layout = f'delimiter = ";"\n{file}'
    return {
        "entities/shop.toml": ENTITIES,
        "descriptors/products.toml": descriptor(
            "product", *columns, match=rf"{match}\.csv", file=layout, **said
        ),
        "descriptors/brands.toml": descriptor("brand", "name", match=r"brands\.csv"),
        "groups/shop.toml": group("products", "brands"),
    }


def lines(*rows: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *rows, ""]).encode()


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))


BAD = lines(
    "A;one;;1",
    'B;"two; and\na half";;cheap',
    "C;three",
    "A;eins;;1",
    "D;four;Nobody;4",
    'E;fi"ve;;5',
    ";six;;x",
    "G;seven;;7",
)


async def rejected(place: Place, name: str = "products.csv", data: bytes = BAD) -> dict[str, Any]:
    run = await place.bring(name, data)
    assert run["state"] == "archived"
    return run


async def codes(place: Place) -> list[str]:
    return [row["code"] for row in await place.table("product")]


async def test_each_rejected_row_is_written_once_with_its_line_and_all_that_is_wrong(
    place: Place,
) -> None:
    await place.fresh(etc())
    run = await rejected(place)
    assert run["counts"]["product"]["rejected"] == 6
    ((name, text),) = place.rejects(run).items()
    assert name == f"products.rejects-{run['id']}.csv"
    head, *rows = read(text)
    assert head == [*HEAD.split(";"), "_line", "_problem"]
    assert [(row[:-2], row[-2]) for row in rows] == [
        (["B", "two; and\na half", "", "cheap"], "3"),
        (["C", "three"], "5"),
        (["A", "eins", "", "1"], "6"),
        (["D", "four", "Nobody", "4"], "7"),
        (['E;fi"ve;;5'], "8"),
        (["", "six", "", "x"], "9"),
    ]
    said = [row[-1] for row in rows]
    for problem, words in zip(
        said,
        [
            "bad_value price",
            "ragged_row",
            "duplicate_key code",
            "missing_reference brand",
            "malformed",
        ],
        strict=False,
    ):
        assert problem.startswith(words)
    assert "required code" in said[5]
    assert "bad_value price" in said[5]


def mended(text: str) -> bytes:
    """Mend all rows of the file, by hand as it were."""
    head, *rows = read(text)
    fixed = {
        "3": ["B", "two; and\na half", "", "2"],
        "5": ["C", "three", "", "3"],
        "6": ["A2", "eins", "", "1"],
        "7": ["D", "four", "Acme", "4"],
        "8": ["E", 'fi"ve', "", "5"],
        "9": ["F", "six", "", "6"],
    }
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerows([head, *([*fixed[row[-2]], *row[-2:]] for row in rows)])
    return out.getvalue().encode()


async def test_mended_and_dropped_again_it_loads_and_its_source_knows(place: Place) -> None:
    await place.fresh(etc())
    await place.bring("brands.csv", lines("Acme", head="name"))
    source = await rejected(place)
    assert source["cured"] == 0
    ((name, text),) = place.rejects(source).items()
    first = await place.bring(name, text.replace("cheap", "2").encode())
    assert (first["state"], first["parent"]) == ("archived", source["id"])
    assert (await place.run(source["id"]))["cured"] == 2
    ((again, text),) = place.rejects(first).items()
    assert again == f"products.rejects-{first['id']}.csv"
    run = await place.bring(name, mended(place.rejects(source)[name]))
    assert (run["problems"], run["parent"]) == (0, source["id"])
    assert await codes(place) == ["A", "A2", "B", "C", "D", "E", "F", "G"]
    assert (await place.run(source["id"]))["cured"] == 6
    titles = {row["code"]: row["title"] for row in await place.table("product")}
    assert (titles["B"], titles["E"]) == ("two; and\na half", 'fi"ve')


async def test_rejects_may_come_back_in_a_zip(place: Place) -> None:
    await place.fresh(etc())
    source = await place.bring(
        "all.zip",
        shop.zipped({"products.csv": lines("A;one;;x"), "brands.csv": lines("Acme", head="name")}),
    )
    ((name, text),) = place.rejects(source).items()
    run = await place.bring("mended.zip", shop.zipped({name: text.replace(";x;", ";1;").encode()}))
    assert (run["state"], run["problems"], run["parent"]) == ("archived", 0, source["id"])
    assert await codes(place) == ["A"]
    assert (await place.run(source["id"]))["cured"] == 1


async def test_rejects_of_another_group_are_no_child(place: Place) -> None:
    told = etc() | {"groups/other.toml": group("products")}
    await place.fresh(told)
    source = await rejected(place)
    ((name, text),) = place.rejects(source).items()
    run = await place.bring(name, mended(text), group="other")
    assert (run["state"], run["parent"]) == ("archived", None)


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ('trailer = "END (?P<rows>[0-9]+)"', lines("A;one;;x", "B;two;;2", "END 2;;;")),
        ("skip = 2", b"made by us\n;;;;;;\n" + lines("A;one;;x", "B;two;;2")),
        ('encoding = "cp1252"', lines("A;one;;x", "B;Größe;;x").decode().encode("cp1252")),
        ('fallback = "cp1252"', lines("A;one;;x", "B;Größe;;x").decode().encode("cp1252")),
        ('escape = "backslash"', lines('A;"5\\" one";;x', "B;two\\n;;2")),
        ('quote = ""', lines('A;5" one;;x', 'B;"two;;2')),
        ('long = "cut"\nshort = "pad"', lines("A;one;;x;9;9", "B;two", "C")),
    ],
)
async def test_rejects_of_any_layout_load_when_they_are_mended(
    place: Place, file: str, data: bytes
) -> None:
    await place.fresh(etc(file))
    right = data.replace(b";x", b";1")
    if b"\nC" in data:
        right = right.replace(b"\nC", b"\nC;three")
    whole = await place.bring("products.csv", right)
    assert whole["problems"] == 0
    before = await place.table("product")
    await place.fresh(etc(file))
    source = await rejected(place, data=data)
    ((name, text),) = place.rejects(source).items()
    fixed = text.replace(";x;", ";1;").replace("\nC;;", "\nC;three;")
    run = await place.bring(name, fixed.encode())
    assert (run["state"], run["problems"]) == ("archived", 0)
    assert await place.table("product") == before


async def test_rejects_of_a_file_with_a_trailer_have_none_and_are_rejected_without_loss(
    place: Place,
) -> None:
    await place.fresh(etc('trailer = "END (?P<rows>[0-9]+)"'))
    data = lines("A;one;;x", "B;two;;x", "C;three;;3", "END 3;;;")
    ((name, text),) = place.rejects(await rejected(place, data=data)).items()
    first = await rejected(place, name, text.replace("one;;x", "one;;1").encode())
    ((name, text),) = place.rejects(first).items()
    assert [row[0] for row in read(text)[1:]] == ["B"]
    run = await rejected(place, name, text.replace("two;;x", "two;;2").encode())
    assert (run["problems"], await codes(place)) == (0, ["A", "B", "C"])


async def test_what_two_descriptors_reject_is_written_for_each(place: Place) -> None:
    told = etc() | {
        "descriptors/brands.toml": descriptor(
            "brand",
            {"from": "brand", "to": "name", "max": 3},
            match=r"products\.csv",
            file='delimiter = ";"',
        )
    }
    await place.fresh(told)
    run = await rejected(place, data=lines("A;one;Acme;1", "B;two;Bst;x"))
    found = place.rejects(run)
    assert [len(read(text)) for text in found.values()] == [2, 3]
    names = [f"products.rejects-{run['id']}.2.csv", f"products.rejects-{run['id']}.csv"]
    assert sorted(found) == names
    listed = (await place.asked.get(f"/api/v1/runs/{run['id']}/rejects"))["rejects"]
    assert sorted(path.rpartition("/")[2] for path in listed) == names
