"""Templates of groups: they load as they are, in every format and layout."""

import json
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impexd import cli, commands, drafts
from impexd import config as configuration
from impexd.imports.sample import naming, pattern, sheets
from impexd.model import patterns
from impexd.model.descriptor import Descriptor

SHIPPED = Path(__file__).parents[2] / "etc"

PATTERNS = [
    (r"brands(.*)\.csv", "brands.csv"),
    (r"articles-ACME(.*)\.csv", "articles-ACME.csv"),
    (r"(?i:stock|inventory)[-_]?\d{4}\.xml", "stock1111.xml"),
    (r"[A-Z]{3}", "AAA"),
    (r"[^;]+", "A"),
    (r"\bx\.y\z", "x.y"),
    (r"a{2,}b?(?P<n>c|d)$", "aac"),
]


@pytest.mark.parametrize(("expression", "text"), PATTERNS)
def test_the_first_text_of_an_expression_is_its_simplest(expression: str, text: str) -> None:
    assert next(pattern.texts(expression)) == text
    assert patterns.compiled(expression).fullmatch(text)


@given(st.from_regex(r"(\(?[a-c.\[\]|]|[a-z]\)?[*+?]?|\\d|\{2\}){1,8}", fullmatch=True))
def test_whatever_the_expression_nothing_is_raised(expression: str) -> None:
    for text in pattern.texts(expression, filler="x"):
        assert isinstance(text, str)


NAMES = [
    (r"(.*)\.(csv|txt)", "things.csv"),
    (r"\d{8}_things.*", "11111111_things.csv"),
    (r".*", "things.csv"),
    (None, "things.csv"),
    (r"[^\x00-\x{10ffff}]", None),
    (r"folder/.*\.csv", None),
]


@pytest.mark.parametrize(("match", "name"), NAMES)
def test_the_name_of_a_template_is_one_that_is_taken(match: str | None, name: str | None) -> None:
    tree = {"entity": "x", "file": {"match": match}}
    assert naming.name(Descriptor.model_validate_json(json.dumps(tree)), "things") == name


def test_a_header_has_what_is_counted_as_often_as_it_is_counted() -> None:
    assert sheets.sources(["id", "EN#2", 2, "EN", "name"]) == ["id", 2, "EN#1", "EN#2", "name"]


@pytest.mark.parametrize("group", ["catalogue", "suppliers"])
async def test_templates_of_the_shipped_groups_load_as_they_are(tmp_path: Path, group: str) -> None:
    shutil.copytree(SHIPPED, tmp_path / "etc")
    run, notes = await loaded(tmp_path, group)
    assert notes == ()
    assert (run["state"], run["problems"]) == ("archived", 0), run["listed"]
    assert all(sum(part["counts"].values()) - part["counts"]["read"] == 1 for part in run["parts"])
    assert not any(part["counts"]["rejected"] for part in run["parts"])


def test_what_a_template_needs_to_be_there_is_said(tmp_path: Path) -> None:
    made = drafts.templates(SHIPPED, "stock")
    assert list(made.files) == ["stock.csv"]
    assert made.notes == ('`stock` needs the sku "sku-1" to be there already',)


ENTITIES = """
[entity.thing]
key = ["code"]
[entity.thing.field]
code = { pattern = "[A-Z]{2}[0-9]{4}" }
name = { localized = true, null = true }
size = { values = ["small", "large"], null = true }
price = { type = "decimal", scale = 2, min = 10, null = true }
count = { type = "integer", null = true }
since = { type = "date", null = true }
seen = { type = "datetime", null = true }
sold = { type = "boolean", null = true }
more = { type = "json", null = true }
parent = { ref = "thing", null = true }

[entity.piece]
key = ["thing", "number"]
[entity.piece.field]
thing = { ref = "thing" }
number = { type = "integer" }
"""
GROUP = 'kind = "import"\ndescriptors = {}\n'


def columns(**targets: str) -> str:
    """Columns: target (`__` for @) -> the TOML behind it."""
    return "".join(
        f'[[column]]\nto = "{target.replace("__", "@")}"\n{rest}\n'
        for target, rest in targets.items()
    )


CODE = columns(code='from = "code"')
LAYOUTS: list[tuple[str, str]] = [
    ("plain", CODE),
    ("no header", 'header = false\ndelimiter = "\\t"\n' + columns(code="from = 2", count="from = 4")),
    ("a title and a trailer", "skip = 2\ntrailer = 'END (?P<rows>\\d+)'\n" + CODE),
    ("escaped", 'escape = "backslash"\ndelimiter = "|"\n' + CODE),
    ("an old encoding", 'encoding = "utf-16-le"\n' + CODE),
    ("counted names", CODE + columns(name__en='from = "x"', name__de='from = "x#3"')),
    (
        "words of the file",
        CODE
        + columns(
            size='from = "size"\nmap = { S = "small", L = "large" }',
            price='from = "price"\ndecimal = ","\nthousands = "."',
            count='from = "count"\nregex = "([0-9]+) pieces"',
            since='from = "since"\nformat = "%d.%m.%Y"',
            seen='from = "seen"\nformat = "%Y%m%d %H%M"\nzone = "Europe/Berlin"',
            sold='from = "sold"\ntrue = ["ja"]\nfalse = ["nein"]',
            more='from = "more"',
            parent='from = "parent"',
        ),
    ),
    ("a template", columns(code='template = "AB{number}"', count='from = "number"')),
    ("a number of digits", columns(code='from = "no"\nregex = "[0-9]{4}"\ntemplate = "AB{0}"')),
    ("XML", 'format = "xml"\nrow = "data/thing"\n' + columns(
        code='from = "@code"', name__de="from = \"names/name[@lang='de']\"",
        name__en="from = \"names/name[@lang='en']\"", price='from = "price/net"',
        count='from = "stock[2]/@count"', size='from = "/data/@size"')),
    ("XML with namespaces", 'format = "xml"\nrow = "x:thing"\nnamespaces = { x = "urn:x" }\n'
        + columns(code='from = "x:code"', name__en="from = \"x:feature[x:key='name']/x:value\"")),
    ("JSON", 'format = "json"\nrow = "data.list"\n' + columns(
        code='from = "code"', price='from = "price.net"', name__en='from = \'names[1]["e.n"]\'')),
    ("JSON with rows in its records", 'format = "json"\nrow = "data.orders[].lines"\n' + columns(
        code='from = "/number"', price='from = "price"\nrequired = true')),
    ("JSON Lines", 'format = "jsonl"\n' + columns(code='from = "code"', more='from = "more"')),
    ("XLSX", 'format = "xlsx"\nsheet = "Of & \\"things\\""\nskip = 1\n' + CODE + columns(
        price='from = "price"', count='from = "count"', since='from = "since"')),
    ("the third sheet", 'format = "xlsx"\nsheet = 3\nheader = false\n' + columns(code="from = 3")),
]  # fmt: skip


async def test_templates_of_every_layout_load_as_they_are(tmp_path: Path) -> None:
    files = {"entities/shop.toml": ENTITIES}
    names = [re.sub(r"[^a-z]+", "-", name.lower()) for name, _ in LAYOUTS]
    for name, (_, text) in zip(names, LAYOUTS, strict=True):
        head, mark, rest = text.partition("[[column]]")
        files[f"descriptors/{name}.toml"] = (
            f"entity = \"thing\"\n[file]\nmatch = '{name}\\..*'\n{head}{mark}{rest}"
        )
    instance(tmp_path, files, names)
    run, notes = await loaded(tmp_path, "shop")
    assert notes == ()
    assert run["problems"] == 0, run["listed"]
    assert sorted(part["descriptor"] for part in run["parts"]) == sorted(names)
    assert all(part["counts"]["rejected"] == 0 for part in run["parts"])


async def test_files_that_several_descriptors_read_have_the_cells_of_all(tmp_path: Path) -> None:
    part = columns(thing='from = "code"', number='from = "number"')
    files = {
        "entities/shop.toml": ENTITIES,
        "descriptors/things.toml": f"entity = 'thing'\nfile = {{ match = 'things.*' }}\n{CODE}",
        "descriptors/parts.toml": f"entity = 'piece'\nfile = {{ match = 'thing.*' }}\n{part}",
        "descriptors/records.toml": "file = { match = 'records.*' }\nmode_column = 'mode'\n"
        "[[record]]\nentity = 'thing'\n" + CODE.replace("[[column]]", "[[record.column]]")
        + "[[record]]\nentity = 'piece'\nwhen = 'second'\n"
        + part.replace("[[column]]", "[[record.column]]").replace('"number"\n', '"second"\n', 1),
    }  # fmt: skip
    files["descriptors/records.toml"] = files["descriptors/records.toml"].replace(
        'to = "second"', 'to = "number"'
    )
    instance(tmp_path, files, ["things", "parts", "records"])
    run, notes = await loaded(tmp_path, "shop")
    assert notes == ()
    assert (tmp_path / "out" / "things.csv").read_text().startswith("code,number\n")
    assert run["problems"] == 0, run["listed"]
    assert len(run["parts"]) == 4


async def test_what_cannot_be_thought_of_is_said(tmp_path: Path) -> None:
    files = {
        "entities/shop.toml": ENTITIES,
        "descriptors/odd.toml": f"entity = 'thing'\nfile = {{ match = 'a/b' }}\n{CODE}",
        "descriptors/hard.toml": "entity = 'thing'\n"
        + columns(code='from = "code"\nregex = "\\\\p{Greek}{6}"'),
        "descriptors/gone.toml": f"entity = 'thing'\nmode = 'delete'\nfile = {{ match = 'g' }}\n{CODE}",
    }
    instance(tmp_path, files, ["odd", "hard", "gone"])
    made = drafts.templates(tmp_path / "etc", "shop")
    assert len(made.notes) == 3
    assert 'no file name could be thought of that "a/b" takes' in made.notes[0]
    assert "no text could be thought of for `code`" in made.notes[1]
    assert 'mode = "delete"' in made.notes[2]


def test_the_command_writes_them_and_nothing_over_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", str(SHIPPED), "sample", "suppliers", "--out", str(tmp_path)]
    assert main(*arguments) == 0
    assert (tmp_path / "articles-ACME.csv").exists()
    assert main(*arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert main("--config", str(SHIPPED), "sample", "nobody") == 2
    assert "there are: catalogue" in capsys.readouterr().err


def instance(folder: Path, files: Mapping[str, str], names: Sequence[str]) -> None:
    """Write a configuration with one group of these descriptors."""
    texts = {"impexd.toml": "", **files, "groups/shop.toml": GROUP.format(json.dumps(names))}
    for name, text in texts.items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    configuration.load(folder / "etc")


async def loaded(folder: Path, group: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Make the templates of a group, and import a zip of them."""
    made = drafts.templates(folder / "etc", group)
    drafts.save(made.files, folder / "out")
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in made.files.items():
            archive.writestr(name, data)
    run = await commands.import_file(
        folder / "etc", group, str(path), dry=False, force=False, note=None, bar=False
    )
    return run, made.notes


def main(*arguments: str) -> int:
    """Run the command line in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["impexd", *arguments])
        return cli.main()
