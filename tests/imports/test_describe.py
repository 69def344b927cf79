"""Samples of every format and of every manner, described; and what is no sample at all."""

import csv
import gzip
import io
import json
import os
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impexd import cli, commands, drafts
from impexd import config as configuration
from impexd.core.errors import DataError
from impexd.imports.describe import charset, filenames, kinds, names
from impexd.imports.describe.propose import Wish
from impexd.imports.describe.run import Described
from impexd.model.entity import Type

SHIPPED = Path(__file__).parents[2] / "etc"


async def described(path: Path, **wish: Any) -> Described:
    return await drafts.describe(path, drafts.ground(SHIPPED, None), Wish(**wish))


async def one(path: Path, data: bytes | str, **wish: Any) -> dict[str, Any]:
    """Describe a single file; give the trees of its descriptor and its entity."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found = await described(path, **wish)
    (design,) = found.designs
    tree = tomllib.loads(found.texts[f"descriptors/{design.name}.toml"])
    tree["key"] = design.named()
    tree["types"] = {seen.source: seen.kind.type.value for seen in design.sheet.columns}
    entity = found.texts.get(f"entities/{design.kind.name}.toml")
    tree["declared"] = tomllib.loads(entity)["entity"] if entity else {}
    return tree


def grid(rows: Sequence[Sequence[object]], **how: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **how).writerows(rows)
    return out.getvalue()


ROWS = [["id", "text"], *([str(n), f"one, {n}; two"] for n in range(50))]
QUOTED = [["id", "size"], *([str(n), f'{n}" wide'] for n in range(50))]

LAYOUTS: list[tuple[str, str, dict[str, Any]]] = [
    ("semicolons", grid(ROWS, delimiter=";"), {"delimiter": ";"}),
    ("commas", grid(ROWS), {"delimiter": ","}),
    ("tabs", grid(ROWS, delimiter="\t"), {"delimiter": "\t"}),
    ("bars", grid(ROWS, delimiter="|"), {"delimiter": "|"}),
    ("quotes doubled", grid(QUOTED), {"delimiter": ","}),
    (
        "quotes escaped",
        grid(QUOTED, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL),
        {"delimiter": ",", "escape": "backslash"},
    ),
    (
        "quotes that quote nothing",
        "\n".join("\t".join(row) for row in QUOTED),
        {"delimiter": "\t", "quote": ""},
    ),
    ("a title", "Prices of today\n\n" + grid(ROWS), {"delimiter": ",", "skip": 2}),
    ("as Excel says", "sep=|\n" + grid(ROWS, delimiter="|"), {"delimiter": "|", "skip": 1}),
    (
        "a line above with cells of its own, as DATEV has it",
        'EXTF;700;21;"Buchungen";9;2024;;"RE"\n'
        + grid(
            [["Umsatz", "Konto", "Text"], *[[f"{n},50", n, "Käufer"] for n in range(9)]],
            delimiter=";",
        ),
        {"delimiter": ";", "skip": 1},
    ),
    (
        "single quotes",
        "id,text\n" + "".join(f"{n},'one, {n}'\n" for n in range(9)),
        {"delimiter": ",", "quote": "'"},
    ),
    ("no header", grid(ROWS[1:]), {"delimiter": ",", "header": False}),
    (
        "decimal commas",
        grid([["a", "b"], *[["1,5", "2,5"]] * 9], delimiter=";"),
        {"delimiter": ";"},
    ),
    ("short rows", "a;b;c\n" + "1;2\n" * 3 + "1;2;3\n", {"delimiter": ";", "short": "pad"}),
    ("long rows", "a;b\n" + "1;2\n" * 3 + "1;2;;\n", {"delimiter": ";", "long": "cut"}),
]


@pytest.mark.parametrize(
    ("text", "wanted"), [case[1:] for case in LAYOUTS], ids=[c[0] for c in LAYOUTS]
)
async def test_the_manner_of_a_file_is_found(
    tmp_path: Path, text: str, wanted: dict[str, Any]
) -> None:
    file = (await one(tmp_path / "things.csv", text))["file"]
    assert {key: file[key] for key in file.keys() - {"match", "format"}} == wanted


KINDS: list[tuple[str, Sequence[str], str, dict[str, Any]]] = [
    ("price", ["1.5", "12"], "decimal", {}),
    ("price", ["1,5", "12"], "decimal", {"decimal": ","}),
    ("price", ["1.234,50", "7,00"], "decimal", {"decimal": ",", "thousands": "."}),
    ("price", ["1,234.50", "7.00"], "decimal", {"thousands": ","}),
    ("price", ["1 234,50", "7,00"], "decimal", {"decimal": ",", "thousands": " "}),
    ("price", ["1.5", "N/A"], "text", {}),
    ("rank", ["0", "1"], "integer", {}),
    ("featured", ["0", "1"], "boolean", {}),
    ("flag", ["ja", "nein"], "boolean", {"true": ["ja"], "false": ["nein"]}),
    ("mandatory", ["true"], "boolean", {}),
    ("size", ["M", "L"], "text", {}),
    ("sku code", ["17", "18"], "text", {}),
    ("pack", ["0017", "0018"], "text", {}),
    ("barcode", ["4006381333931"], "text", {}),
    ("since", ["2026-01-31"], "date", {}),
    ("since", ["31.01.2026", "01.02.2026"], "date", {"format": "%d.%m.%Y"}),
    ("since", ["01/31/2026"], "date", {"format": "%m/%d/%Y"}),
    ("date", ["20260131"], "date", {"format": "%Y%m%d"}),
    ("amount", ["20260131"], "integer", {}),
    ("since", ["2026-01-31T08:00:00Z", "2026-01-31 09:00"], "datetime", {}),
    ("since", ["31.01.2026 08:00"], "datetime", {"format": "%d.%m.%Y %H:%M"}),
    ("since", ["31.02.2026"], "text", {}),
    ("more", ['{"a":1}', "[]"], "json", {}),
    ("more", [], "text", {}),
]


@pytest.mark.parametrize(("name", "texts", "kind", "keys"), KINDS)
def test_a_type_is_the_narrowest_that_conversion_takes(
    name: str, texts: Sequence[str], kind: str, keys: dict[str, Any]
) -> None:
    found = kinds.kind(texts, names.meaning(name))
    assert (found.type.value, dict(found.keys)) == (kind, keys)


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
def test_no_type_is_guessed_that_conversion_refuses(texts: list[str]) -> None:
    found = kinds.kind(texts, ())
    assert found.type is Type.TEXT or kinds.converts(texts, found.type, **found.keys)


WORDS = [
    ("productypeattributeviewgroupnames.csv", ("product", "type", "attribute", "view", "group")),
    ("skuinventory.csv", ("sku", "stock")),
    ("Artikel-2026-01-31.csv", ("product",)),
    ("priceListFull.xml", ("price",)),
]


@pytest.mark.parametrize(("file", "wanted"), WORDS)
def test_the_name_of_a_file_says_what_is_in_it(file: str, wanted: tuple[str, ...]) -> None:
    assert names.subject(file) == wanted


def test_languages_belong_to_the_column_before_them_or_stand_at_its_end() -> None:
    header = ["name", "EN", "DE", "no", "text_en", "text (de)", "made in", "customer no"]
    found = [(one.name, one.language) for one in names.headings(header)]
    assert found == [
        ("name", ""),
        ("name", "en"),
        ("name", "de"),
        ("name", "no"),
        ("text", "en"),
        ("text", "de"),
        ("made in", ""),
        ("customer no", ""),
    ]


def test_one_no_among_the_columns_is_a_number_and_no_norwegian() -> None:
    assert [one.language for one in names.headings(["no", "name", "price"])] == ["", "", ""]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe für Müller", "cp1252"),
        ("Ботинки зимние", "cp1251"),
        ("příliš žluťoučký kůň", "cp1250"),
    ],
)
async def test_what_is_not_utf8_gets_a_fallback_and_shows_how_it_reads(
    tmp_path: Path, text: str, encoding: str
) -> None:
    lines = ["code;text", *(f"A{n};{text} {n}" for n in range(20))]
    path = tmp_path / "things.csv"
    tree = await one(path, "\n".join(lines).encode(encoding))
    assert tree["file"]["fallback"] == encoding
    assert f"{encoding} reads" in charset.guess(lambda: path.open("rb")).why


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
async def test_other_encodings_are_known_by_their_mark_or_their_nuls(
    tmp_path: Path, encoding: str
) -> None:
    tree = await one(tmp_path / "t.csv", "code;text\n1;Größe\n".encode(encoding))
    assert tree["types"].keys() == {"code", "text"}
    assert tree["file"].get("encoding") == ("utf-16-le" if encoding == "utf-16-le" else None)


async def test_repeated_names_are_counted(tmp_path: Path) -> None:
    tree = await one(tmp_path / "t.csv", "id;x;x;\n1;2;3;4\n", own=True)
    assert [column["from"] for column in tree["column"]] == ["id", "x#1", "x#2", 4]


async def test_texts_under_the_name_of_another_language_are_told(tmp_path: Path) -> None:
    path = tmp_path / "things.csv"
    path.write_text("id;name_en;name_de\n1;Ботинки;Schuhe\n2;Палатка;Zelt\n")
    found = await described(path, own=True)
    assert "# `name_en` has Cyrillic texts" in found.texts["descriptors/things.toml"]


KEYS: list[tuple[str, str, str, list[str]]] = [
    ("an identifier", "articles.csv", "name,sku\nx,1\ny,2\n", ["sku"]),
    ("of what it is about", "orders.csv", "sku,order no\n1,7\n2,8\n", ["order no"]),
    ("lines of orders", "x.csv", "order no,line,sku\n1,1,a\n1,2,b\n2,1,a\n", ["order no", "line"]),
    ("a pair", "stock.csv", "sku,warehouse,on hand\n1,m,5\n2,m,6\n", ["sku", "warehouse"]),
    ("a name", "things.csv", "colour,name\nred,x\nred,y\n", ["name"]),
    ("what must be tried", "x.csv", "a,b,c\n1,1,1\n1,2,1\n2,1,1\n", ["a", "b"]),
    ("measured, never", "x.csv", "price,size\n1.5,M\n2.5,L\n", ["size"]),
]


@pytest.mark.parametrize(("name", "text", "key"), [c[1:] for c in KEYS], ids=[c[0] for c in KEYS])
async def test_the_key_is_what_names_a_record(
    tmp_path: Path, name: str, text: str, key: list[str]
) -> None:
    assert (await one(tmp_path / name, text, own=True))["key"] == key


async def test_a_file_without_any_key_loads_all_the_same(tmp_path: Path) -> None:
    tree = await one(tmp_path / "x.csv", "a,b\n1,x\n1,x\n,x\n", own=True)
    assert tree["duplicates"] == "last"


async def test_rows_that_would_give_way_to_others_are_said(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,x\n1,x\n,x\n")
    found = await described(path, own=True)
    (doubt,) = found.doubts["x"]
    assert doubt.startswith("2 of 3 rows have the key of another one, and only the last of each")


async def test_a_key_may_have_gaps_as_that_of_products_and_their_variants(tmp_path: Path) -> None:
    rows = [["shirt", "Shirt", "S", "9"], ["shirt", "", "M", "9"], ["shirt", "", "", "9"]]
    more = [["coat", "Coat", "S", "9"], ["coat", "", "M", "9"]]
    tree = await one(
        tmp_path / "x.csv", grid([["handle", "title", "size", "grams"], *rows, *more]), own=True
    )
    assert tree["key"] == ["handle", "size"]
    assert "duplicates" not in tree
    assert next(c for c in tree["column"] if c["to"] == "size")["default"] == "-"


async def test_what_repeats_in_a_record_is_no_number(tmp_path: Path) -> None:
    bound = "<bound>1</bound><bound>100</bound><size>2,5</size>"
    data = "".join(f"<row id='{n}'>{bound}</row>" for n in range(9))
    tree = await one(tmp_path / "x.xml", f"<rows>{data}</rows>", own=True)
    assert (tree["types"]["bound"], tree["types"]["size"]) == ("text", "decimal")
    assert (tree["file"]["repeated"], tree["file"]["joiner"]) == ("join", "|")


async def test_the_sheet_with_the_table_is_found_and_others_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.append(["Prices of", date(2026, 1, 31)])
    for title in ("Products", "Stock"):
        sheet = book.create_sheet(title)
        sheet.append(["sku", "price"])
        for n in range(9):
            sheet.append([f"A{n}", n])
    book.save(tmp_path / "x.xlsx")
    found = await described(tmp_path / "x.xlsx", own=True)
    text = found.texts["descriptors/x.toml"]
    assert tomllib.loads(text)["file"]["sheet"] == 2
    assert '# sheet 3, "Stock", has a table as well' in text


async def test_what_only_the_end_of_a_file_shows_is_found_too(tmp_path: Path) -> None:
    rows = [[n, f"{n}.5"] for n in range(25_000)]
    text = grid([["id", "price"], *rows, [25_000, "N/A"], [24_999, "1"]])
    tree = await one(tmp_path / "x.csv", text, own=True)
    (entity,) = tree["declared"].values()
    assert entity["field"]["price"].get("type", "text") == "text"
    assert tree["duplicates"] == "last"


async def test_words_that_begin_the_words_allowed_become_a_map(tmp_path: Path) -> None:
    text = "code;kind;customer\nhome;S;1\nwork;B;1\n"
    tree = await one(tmp_path / "addresses.csv", text)
    kind = next(one for one in tree["column"] if one["to"] == "kind")
    assert kind["map"] == {"S": "shipping", "B": "billing"}


async def test_columns_that_do_not_fit_are_left_as_a_comment_to_go_on_from(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("guid;code;brand;availability\n1;A;x;1\n2;B;y;2\n")
    found = await described(path)
    text = found.texts["descriptors/products-2.toml"]
    assert '# to = "availability"' in text
    assert '# map = { 1 = "?", 2 = "?" }' in text


XML = """<?xml version="1.0"?>
<shop xmlns:x="urn:x"><made>today</made><products>{}</products></shop>"""
PRODUCT = (
    '<product code="P{0}"><names><name lang="en">Shoe {0}</name><name lang="de">Schuh {0}</name>'
    "</names><x:weight>{0}.5</x:weight><tag>a</tag><tag>b</tag></product>"
)
RECORDS: list[dict[str, Any]] = [
    {
        "code": f"P{n}",
        "names": {"en": f"Shoe {n}", "de": f"Schuh {n}"},
        "weight": n + 0.5,
        "tags": ["a"],
    }
    for n in range(20)
]


def book(rows: Sequence[Sequence[object]]) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.create_sheet("Data")
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


FORMATS: list[tuple[str, Callable[[], bytes], dict[str, Any], list[str]]] = [
    (
        "things.xml",
        lambda: XML.format("".join(map(PRODUCT.format, range(20)))).encode(),
        {"row": "shop/products/product", "namespaces": {"x": "urn:x"}, "repeated": "join"},
        ["@code", "names/name[@lang='en']", "names/name[@lang='de']", "x:weight", "tag"],
    ),
    (
        "things.json",
        lambda: json.dumps({"pages": [1], "data": {"list": RECORDS}}).encode(),
        {"row": "data.list"},
        ["code", "names.en", "names.de", "weight", "tags"],
    ),
    (
        "things.jsonl",
        lambda: "".join(json.dumps(one) + "\n" for one in RECORDS).encode(),
        {},
        ["code", "names.en", "names.de", "weight", "tags"],
    ),
    (
        "things.xlsx",
        lambda: book(
            [["Things"], ["code", "since"], *([f"P{n}", date(2026, 1, 1 + n)] for n in range(20))]
        ),
        {"sheet": 2, "skip": 1},
        ["code", "since"],
    ),
    (
        "things.csv.gz",
        lambda: gzip.compress(grid([["code", "weight"], ["P1", "1.5"]]).encode()),
        {"delimiter": ","},
        ["code", "weight"],
    ),
]


@pytest.mark.parametrize(("name", "data", "keys", "cells"), FORMATS, ids=[f[0] for f in FORMATS])
async def test_every_format_is_described(
    tmp_path: Path, name: str, data: Callable[[], bytes], keys: dict[str, Any], cells: list[str]
) -> None:
    tree = await one(tmp_path / name, data(), own=True)
    file = tree["file"]
    assert {key: file[key] for key in file.keys() - {"match", "format"}} == keys
    assert [column["from"] for column in tree["column"]] == cells
    assert tree["key"] == cells[:1]
    assert tree["types"].get("weight", tree["types"].get("x:weight", "decimal")) == "decimal"


async def test_a_zip_may_mix_them_and_what_is_no_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data, _, _ in FORMATS[:4]:
            archive.writestr(name, data())
        archive.writestr("manual.pdf", b"%PDF-1.7 ...")
    found = await described(path, own=True)
    assert len(found.designs) == 4
    assert found.passed_over == {"manual.pdf": "the file is a PDF"}
    etc = tmp_path / "etc"
    drafts.write(found, etc, fresh=True)
    run = await commands.import_file(
        etc, found.group, str(path), dry=False, force=False, note=None, bar=False
    )
    assert (run["state"], run["problems"]) == ("archived", 0), run["listed"]
    assert [part["counts"]["inserted"] for part in run["parts"]] == [20] * 4


def test_patterns_of_one_sample_keep_apart() -> None:
    files = ["products.csv", "productsattributes.csv", "stock-2026-01-31.csv"]
    assert filenames.patterns(files) == [
        r"products([-_. ]?[0-9][-_.0-9]*)?\.csv",
        r"productsattributes(.*)\.csv",
        r"stock(.*)\.csv",
    ]


CELL = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    header=st.lists(CELL, min_size=1, max_size=4),
    rows=st.lists(st.lists(CELL, max_size=4), max_size=5),
)
async def test_no_text_of_a_sample_can_leave_its_comment_or_its_quotes(
    tmp_path: Path, header: list[str], rows: list[list[str]]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(grid([header, *rows]).replace("\0", ""))
    try:
        found = await described(path, own=True)
    except DataError:
        return
    for text in found.texts.values():
        assert not set(tomllib.loads(text)) - {
            "entity", "duplicates", "file", "column", "kind", "label", "descriptors",
        }  # fmt: skip


async def test_a_header_that_ends_like_a_number_of_its_kind_is_named_by_its_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("#,EN#,EN#2,name\n1,a,b,c\n2,d,e,f\n")
    found = await described(path, own=True)
    columns = tomllib.loads(found.texts["descriptors/x.toml"])["column"]
    assert [column["from"] for column in columns] == [1, 2, 3, "name"]


def test_it_is_written_into_an_instance_beside_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "things.csv").write_text("id,name\n1,x\n2,y\n")
    etc = tmp_path / "etc"
    for expected in ("things", "things-2"):
        assert main("describe", str(tmp_path / "things.csv"), "--out", str(etc)) == 0
        assert expected in configuration.load(etc).descriptors
    assert len(configuration.load(etc).catalogue) == 1  # the second time the first one's fits


def test_a_machine_gets_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stock.csv").write_text("sku,warehouse,quantity\n1,m,5\n")
    assert main("--config", str(SHIPPED), "describe", str(tmp_path / "stock.csv"), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"][0]["entity"] == "stock"
    assert found["files"][0]["key"] == ["sku", "warehouse"]


ODD: list[tuple[str, Callable[[Path], object], int, str]] = [
    ("nothing", lambda path: None, 2, "No such file"),
    ("a folder", lambda path: path.mkdir(), 2, "is a folder"),
    ("a pipe", lambda path: os.mkfifo(path), 2, "is no regular file"),
    ("empty", lambda path: path.write_bytes(b""), 1, "empty"),
    ("blank", lambda path: path.write_bytes(b"\n\n  \n"), 1, "not one row"),
    ("binary", lambda path: path.write_bytes(bytes(range(256)) * 20), 1, ""),
    ("a picture", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n...."), 1, "picture"),
    ("XML without records", lambda path: path.write_bytes(b"<a>1</a>"), 1, "repeats"),
    ("half of XML", lambda path: path.write_bytes(b"<a><b"), 1, ""),
    ("a DOCTYPE", lambda path: path.write_bytes(b"<!DOCTYPE a><a><b c='1'/></a>"), 1, "DOCTYPE"),
    ("half of JSON", lambda path: path.write_bytes(b'[{"a": 1}, {'), 1, ""),
    ("JSON of numbers", lambda path: path.write_bytes(b"[[1, 2], [3]]"), 1, "objects"),
    ("a zip that is none", lambda path: path.write_bytes(b"PK\x03\x04" + b"x" * 90), 1, ""),
    (
        "gzip that is cut off",
        lambda path: path.write_bytes(gzip.compress(b"a,b\n" * 99)[:-9]),
        1,
        "",
    ),
    ("an open quote", lambda path: path.write_bytes(b'a,b\n"1,2\n' * 3), 0, ""),
    ("a header alone", lambda path: path.write_bytes(b"a,b\n"), 0, ""),
    ("one column", lambda path: path.write_bytes(b"name\nx, y\nz\n"), 0, ""),
    ("one cell", lambda path: path.write_bytes(b"x"), 0, ""),
]


@pytest.mark.parametrize(("make", "status", "said"), [o[1:] for o in ODD], ids=[o[0] for o in ODD])
def test_what_is_odd_ends_with_a_sentence_and_a_status(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], object],
    status: int,
    said: str,
) -> None:
    path = tmp_path / "odd"
    make(path)
    assert main("--config", str(SHIPPED), "describe", str(path)) == status
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert status == 0 or told.startswith("error: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--own", "--entity", "brand"], "exclude"),
        (["--entity", "brnd"], "there is no entity brnd"),
        (["--entity", "price"], "lacks"),
    ],
)
def test_wishes_that_cannot_be_met_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    path = tmp_path / "things.csv"
    path.write_text("name\nx\n")
    assert main("--config", str(SHIPPED), "describe", str(path), *options) == 2
    assert said in capsys.readouterr().err


def main(*arguments: str) -> int:
    """Run the command line in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["impexd", *arguments])
        return cli.main()
