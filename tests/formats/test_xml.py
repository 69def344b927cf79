"""XML: paths, records, cells, lines, and what is refused."""

from itertools import cycle
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.formats.xml_lines import Starts
from impexd.model import xml_path
from impexd.model.descriptor import Format
from impexd.model.limits import Limits
from tests.formats.whole import FRONT, fault, read, rejects

XML = Format.XML
SPACES = {"p": "urn:p", "q": "urn:q/r"}


def shop(*records: str) -> str:
    return f'<?xml version="1.0"?>\n<shop by="me"><items n="7">\n{"".join(records)}</items></shop>'


async def one(record: str, *paths: str, **layout: Any) -> list[str | None]:
    """The cells of the only record there is."""
    found = await read(XML, shop(record), paths, row="shop/items/item", **layout)
    assert not found.problems
    ((_, cells),) = found.rows
    return cells


CELLS: dict[str, tuple[str, str, str | None]] = {
    "a child": ("<item><a>x</a></item>", "a", "x"),
    "a child that is not there": ("<item><a>x</a></item>", "b", None),
    "an empty child": ("<item><a/></item>", "a", ""),
    "a child of a child": ("<item><a><b><c>x</c></b></a></item>", "a/b/c", "x"),
    "an attribute": ('<item code="x"/>', "@code", "x"),
    "an attribute that is not there": ("<item/>", "@code", None),
    "an attribute of a child": ('<item><a b="x"/></item>', "a/@b", "x"),
    "one of several, by its place": ("<item><a>x</a><b/><a>y</a></item>", "a[2]", "y"),
    "a place where nothing is": ("<item><a>x</a></item>", "a[2]", None),
    "one of several, by an attribute": (
        '<item><n l="de">x</n><n l="en">y</n><n>z</n></item>',
        "n[@l='en']",
        "y",
    ),
    "one of several, by having an attribute": ('<item><n>x</n><n l="">y</n></item>', "n[@l]", "y"),
    "one of several, by a child": (
        "<item><f><k>A</k><v>1</v></f><f><k>B</k><v u='mm'>2</v></f></item>",
        "f[k='B']/v",
        "2",
    ),
    "an attribute below it": (
        "<item><f><k>A</k></f><f><k>B</k><v u='mm'>2</v></f></item>",
        'f[k="B"]/v/@u',
        "mm",
    ),
    "one of those with an attribute": (
        "<item><n>x</n><n l='e'>y</n><n l='e'>z</n></item>",
        "n[@l='e'][2]",
        "z",
    ),
    "places are counted below each parent": (
        "<item><g><n>x</n></g><g><n>y</n><n>z</n></g></item>",
        "g/n[2]",
        "z",
    ),
    "CDATA": ("<item><a><![CDATA[<x> & ]]>y</a></item>", "a", "<x> & y"),
    "a text that a comment is in": ("<item><a>x<!-- no -->y<?p z?>z</a></item>", "a", "xyz"),
    "references": ("<item><a>&lt;&#233;&#x1F600;&amp;</a></item>", "a", "<é😀&"),
    "text with markup in it": ("<item><a>x <b>y</b> z</a></item>", "a", "x y z"),
    "white space is kept": ("<item><a> x\n </a></item>", "a", " x\n "),
    "ends of lines are newlines": ("<item><a>x\r\ny\rz</a></item>", "a", "x\ny\nz"),
    "the record's own text": ("<item>x<a>no</a>y</item>", ".", "xy"),
    "an attribute of the root": ("<item/>", "/shop/@by", "me"),
    "an attribute of what it stands in": ("<item/>", "/shop/items/@n", "7"),
    "an attribute of another place": ("<item/>", "/other/@by", None),
    "a name with a prefix": ('<item xmlns:z="urn:p"><z:a>x</z:a><a>y</a></item>', "p:a", "x"),
    "a name without one": ('<item xmlns:z="urn:p"><z:a>x</z:a><a>y</a></item>', "a", "y"),
    "a name with its namespace": ('<item><a xmlns="urn:q/r">x</a></item>', "{urn:q/r}a", "x"),
    "an attribute with a prefix": ('<item xmlns:z="urn:q/r" z:a="x" a="y"/>', "@q:a", "x"),
    "the language of a text": ('<item><n xml:lang="en">x</n></item>', "n[@xml:lang='en']", "x"),
    "a record's name further down": ("<item><of><item>x</item></of></item>", "of/item", "x"),
    "a record's name below, unwanted": ("<item><of><item/></of><a>x</a></item>", "a", "x"),
}


@pytest.mark.parametrize("case", CELLS)
async def test_a_path_leads_to_its_cell(case: str) -> None:
    record, path, cell = CELLS[case]
    assert await one(record, path, namespaces=SPACES) == [cell]


async def test_all_paths_are_followed_at_once() -> None:
    record = '<item code="1"><a>x</a><n l="en">e<i/></n><n l="de">d</n><a>y</a></item>'
    paths = ("@code", "a[1]", "a[2]", "n[@l='de']", "n[@l='en']", "n[@l='fr']", "n[2]/@l")
    assert await one(record, *paths) == ["1", "x", "y", "d", "e", None, "de"]


PATHS = (
    "",
    "a//b",
    "/a",
    "a/",
    "@",
    "a@b",
    "x:a",
    "a[0]",
    "a[2][@b='c']",
    " a",
    "/a[1]/@b",
    "a[",
    "1",
)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_path_is_told(path: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        xml_path.cell(path, {})


async def test_a_row_of_one_name_is_a_child_of_any_root() -> None:
    for root in ("products", "p:x"):
        data = f'<{root} xmlns:p="urn:p"><item><a>1</a></item></{root}>'
        assert (await read(XML, data, ["a"], row="item")).cells == [["1"]]


async def test_namespaces_of_the_way_to_a_record_are_those_of_the_descriptor() -> None:
    data = '<z:a xmlns:z="urn:p" xmlns="urn:q/r"><b><z:c>1</z:c></b></z:a>'
    layout = {"row": "p:a/b", "namespaces": {**SPACES, "": "urn:q/r"}}
    assert (await read(XML, data, ["p:c"], **layout)).cells == [["1"]]
    assert await fault(XML, data, row="a/b") == "wrong_root"
    assert await fault(XML, data, row="p:a/b", namespaces=SPACES) == "bad_structure"


REPEATED = {
    "reject": ([["1"]], [(4, "duplicate_field")]),
    "first": ([["1"], ["2"]], []),
    "join": ([["1"], ["2|3|4"]], []),
}


@pytest.mark.parametrize("repeated", REPEATED)
async def test_what_repeated_elements_mean_is_said(repeated: str) -> None:
    data = shop("<item><a>1</a></item>\n", "<item><a>2</a><a>3</a><a>4</a></item>\n")
    more = {"joiner": "|"} if repeated == "join" else {}
    found = await read(XML, data, ["a"], row="shop/items/item", repeated=repeated, **more)
    assert (found.cells, found.faults) == REPEATED[repeated]


STRUCTURE: dict[str, tuple[str, str]] = {
    "no file": ("", "empty_file"),
    "no record": ("<r/>", ""),
    "no record but white space": ("<r>\n \n</r>", ""),
    "an element of another name": ("<r><i/>\n<x/><i/></r>", "bad_structure"),
    "an element of another namespace": ('<r><i/><i xmlns="urn:p"/></r>', "bad_structure"),
    "text between records": ("<r><i/>x<i/></r>", "bad_structure"),
    "text behind the last record": ("<r><i/>x</r>", "bad_structure"),
    "another root": ("<s><i/></s>", "wrong_root"),
    "the root in a namespace": ('<r xmlns="urn:p"><i/></r>', "wrong_root"),
    "two roots": ("<r/><r/>", "malformed"),
    "a root that is not closed": ("<r><i/>", "malformed"),
    "no root": ("<!-- nothing -->", "malformed"),
    "no XML": ("a,b\n1,2\n", "malformed"),
    "an entity nobody knows": ("<r><i>&nbsp;</i></r>", "malformed"),
    "a DOCTYPE": ("<!DOCTYPE r><r/>", "dtd_forbidden"),
    "a DOCTYPE behind much else": ("<?xml version='1.0'?>\n<!-- x -->\n<?y?> <!DOCTYPE r><r/>", "dtd_forbidden"),
    "a DOCTYPE in a comment": ("<!-- <!DOCTYPE r> --><r/>", ""),
    "a DOCTYPE in a text": ("<r><i><![CDATA[<!DOCTYPE r>]]></i></r>", ""),
    "a DOCTYPE behind the root": ("<r/><!DOCTYPE r>", "malformed"),
}  # fmt: skip


@pytest.mark.parametrize("case", STRUCTURE)
async def test_a_file_that_is_not_as_promised_is_refused(case: str) -> None:
    data, code = STRUCTURE[case]
    assert await fault(XML, data, row="r/i") == code
    front = data.replace("<r", "<!--" + "-x" * FRONT + "--><r", 1)
    for drips in (7, 64):
        assert await fault(XML, front, row="r/i", drips=drips) == code


async def test_what_stands_beside_records_can_be_ignored() -> None:
    data = "<r>t<x><y>1</y></x><i><a>1</a></i>\n<z/>t<i><a>2</a></i><x/></r>"
    found = await read(XML, data, ["a"], row="r/i", others="ignore")
    assert found.rows == [(1, ["1"]), (2, ["2"])]


async def test_what_stands_beside_the_way_to_the_records_is_passed_over() -> None:
    head = "<head>" + "<x><i/></x>" * 30_000 + "</head>"
    data = f"<r>{head}<is k='1'><i><a>1</a></i></is>{head}<is k='2'><i><a>2</a></i></is></r>"
    found = await read(XML, data, ["a", "/r/is/@k"], row="r/is/i")
    assert found.cells == [["1", "1"], ["2", "2"]]


@pytest.mark.parametrize("data", ["<r><head/></r>", "<r><iss><i/></iss></r>", "<r><i/></r>"])
async def test_a_file_without_a_place_for_records_is_refused(data: str) -> None:
    assert await fault(XML, data, row="r/is/i") == "bad_structure"
    assert await fault(XML, data, row="r/is/i", others="ignore") == ""


async def test_a_place_without_records_is_no_fault() -> None:
    assert await fault(XML, "<r><head/><is/><foot/></r>", row="r/is/i") == ""


async def test_a_record_in_a_record_is_one_problem() -> None:
    data = "<r><i><a>1</a></i>\n<i><a>2</a>\n<i><a>3</a></i></i>\n<i><a>4</a></i></r>"
    found = await read(XML, data, ["a"], row="r/i")
    assert found.rows == [(1, ["1"]), (4, ["4"])]
    assert found.faults == [(2, "bad_structure")]


ENCODINGS = {
    "utf-8": "<r><i><a>é€</a></i></r>".encode(),
    "a mark": b"\xef\xbb\xbf" + "<r><i><a>é€</a></i></r>".encode(),
    "utf-16": "<?xml version='1.0' encoding='UTF-16'?><r><i><a>é€</a></i></r>".encode("utf-16"),
    "utf-16, big end first": b"\xfe\xff" + "<r><i><a>é€</a></i></r>".encode("utf-16-be"),
    "cp1252": '<?xml version="1.0" encoding="windows-1252"?><r><i><a>é€</a></i></r>'.encode("cp1252"),
    "latin-9": "<?xml  version = '1.0'  encoding = 'ISO-8859-15' ?><r><i><a>é€</a></i></r>".encode("iso-8859-15"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODINGS)
async def test_a_file_says_what_it_is_written_in(name: str) -> None:
    assert (await read(XML, ENCODINGS[name], ["a"], row="r/i")).cells == [["é€"]]


@pytest.mark.parametrize(
    "data",
    [
        "<r>é</r>".encode("latin-1"),
        b'<?xml version="1.0" encoding="UTF-7"?><r/>',
        b'<?xml version="1.0" encoding="KLINGON"?><r/>',
        b'<?xml version="1.0" encoding="idna"?><r/>',
        b'<?xml version="1.0" encoding="UTF-16"?><r/>',
        b'<?xml version="1.0" encoding="cp037"?><r/>',
        "<r/>".encode("utf-16-le"),
        "<r/>".encode("utf-32"),
    ],
)
async def test_a_lie_about_it_is_found(data: bytes) -> None:
    assert await fault(XML, data, row="r/i") == "encoding"


SMALL = Limits(field=1000, line=2000, columns=5, rows=3, xml_depth=5)


async def test_limits_are_held() -> None:
    async def told(data: str) -> str:
        return await fault(XML, data, row="r/i", limits=SMALL, drips=500)

    assert await told("<r>" + "<i/>" * 3 + "</r>") == ""
    assert await told("<r>" + "<i/>" * 4 + "</r>") == "too_many_rows"
    assert await told("<r><i><a><b><c/></b></a></i></r>") == ""
    assert await told("<r><i><a><b><c><d/></c></b></a></i></r>") == "too_deep"
    assert await told("<r><i><x><b><c><d/></c></b></x></i></r>") == "too_deep"
    assert await told("<r><i/><x><a><b><c><d/></c></b></a></x></r>") == "bad_structure"
    assert await told("<r>" + "<i>" * 5000) == "too_deep"
    assert await told('<r><i a="" b="" c="" d="" e=""/></r>') == ""
    assert await told('<r><i/><i><x a="" b="" c="" d="" e="" f=""/></i></r>') == "bad_structure"
    assert await told("<r><i><a>" + "x" * 9000 + "</a></i></r>") == "value_too_long"
    assert await told("<r><i a='" + "x" * 9000 + "'/></r>") == "value_too_long"
    assert await told("<r><!--" + "x" * 9000 + "--></r>") == "value_too_long"
    assert await told("<!--" + "x" * 9000) == "value_too_long"
    assert await told("<!--" + "x" * 900) == "malformed"


async def test_a_cell_that_is_too_long_is_one_problem() -> None:
    data = "<r><i><a>1</a></i>\n<i><a>" + "x" * 1001 + "</a></i>\n<i><a>3</a></i></r>"
    found = await read(XML, data, ["a"], row="r/i", limits=SMALL)
    assert (found.cells, found.faults) == ([["1"], ["3"]], [(2, "value_too_long")])
    assert (await read(XML, data, ["b"], row="r/i", limits=SMALL)).cells == [[None]] * 3


async def test_a_record_without_an_end_is_refused() -> None:
    data = "<r><!--" + "-x" * FRONT + "--><i>" + "<x/>\n" * 4000
    limits = Limits(field=10_000, line=10_000)
    assert await fault(XML, data, row="r/i", drips=500, limits=limits) == "line_too_long"


async def test_lines_beyond_what_the_parser_counts_are_right() -> None:
    records = "".join(f"<i\n>\n<a>{n}</a></i\n>" for n in range(30_000))
    found = await read(XML, f"<r>{records}</r>", ["a"], row="r/i")
    assert found.rows == [(1 + 3 * n, [str(n)]) for n in range(30_000)]


async def test_records_on_one_line_are_told_apart() -> None:
    found = await read(XML, "<r>\n<i/><i/><i/>\n<i/>\n\n<i/></r>", (), row="r/i")
    assert [line for line, _ in found.rows] == [2, 3, 4, 5, 6]


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\n\t"),
    max_size=12,
)
noise = st.sampled_from(
    ["", "\n", " ", "<!-- <i><a>no</a></i> -->", "<!--\nno -->", "<?i <i> ?>", "\r\n"]
)  # fmt: skip


@st.composite
def elements(draw: st.DrawFn, name: str) -> tuple[str, str]:
    """An element written in some way, and its text."""
    text = draw(texts)
    place = draw(st.integers(0, len(text)))
    written = [escape(text[:place]), escape(text[place:])]
    if draw(st.booleans()) and "]]>" not in text[place:]:
        written[1] = f"<![CDATA[{text[place:]}]]>"
    between = draw(st.sampled_from(["", "<!-- <i> -->", "<?i <i> ?>", "<![CDATA[]]>"]))
    return f"<{name}>{written[0]}{between}{written[1]}</{name}>", text


@st.composite
def files(draw: st.DrawFn, front: int = 0) -> tuple[str, list[tuple[int, list[str]]]]:
    """A file, and its records with their lines."""
    out = "<!--" + "x" * front + "--><r>"
    rows: list[tuple[int, list[str]]] = []
    last = 0
    for _ in range(draw(st.integers(0, 6))):
        out += draw(noise)
        line = out.count("\n") + 1
        last = max(line, last + 1)
        code = draw(texts)
        a, a_text = draw(elements("a"))
        b, b_text = draw(elements("b"))
        out += f"<i{draw(st.sampled_from([' ', chr(10)]))}k={quoteattr(code)}>"
        out += f"{draw(noise)}<w>{b}</w>{draw(noise)}{a}{draw(noise)}</i>"
        rows.append((last, [code, a_text, b_text]))
    return out + draw(noise) + "</r>", rows


@settings(max_examples=100, deadline=None)
@given(files(FRONT), st.integers(1, 40))
async def test_what_is_written_is_read_however_the_bytes_come(
    file: tuple[str, list[tuple[int, list[str]]]], drips: int
) -> None:
    data, rows = file
    found = await read(XML, data, ["@k", "a", "w/b"], row="r/i", drips=drips)
    assert not found.problems
    assert found.rows == rows


@settings(deadline=None)
@given(files(), st.lists(st.integers(1, 60), min_size=1))
def test_lines_of_starts_do_not_depend_on_chunks(
    file: tuple[str, list[tuple[int, list[str]]]], sizes: list[int]
) -> None:
    data = file[0]
    whole = Starts("i", Limits()).lines(data)
    assert len(whole) == len(file[1])
    starts, found, at = Starts("i", Limits()), [], 0
    for size in cycle(sizes):
        stop = at + size + data.startswith("\r\n", at + size - 1)  # as `encoding` gives text
        found += starts.lines(data[at:stop])
        if (at := stop) >= len(data):
            break
    assert found == whole


async def test_a_name_with_any_prefix_is_a_start() -> None:
    text = "<x:i><i\t/><ii/><y:ii><i><x:i/></i></y:ii></x:i><i"
    assert len(Starts("i", Limits()).lines(text)) == 4


async def test_rejects_are_the_records_as_they_are_with_two_elements_more() -> None:
    data = shop(
        '<item code="1"><a>x</a><n l="en">e</n></item>\n',
        "<item><a>y</a></item>\n",
        '<item code="3"><a>z &amp; <![CDATA[<]]></a><n l="en">f</n></item>\n',
    )
    wanted = ["@code", "a", "n[@l='en']", "/shop/items/@n", "_line", "_problem"]
    layout = {"row": "shop/items/item"}
    written = await rejects(XML, data, [(3, "bad\0 <cell>"), (5, "é")], **layout)
    found = await read(XML, written, wanted, **layout)
    assert found.cells == [
        ["1", "x", "e", "7", "3", r"bad\x00 <cell>"],
        ["3", "z & <", "f", "7", "5", "é"],
    ]
    again = await rejects(XML, written, [(5, "second")], **layout)
    assert (await read(XML, again, wanted, **layout)).cells == [
        ["3", "z & <", "f", "7", "5", "second"]
    ]


async def test_rejects_stand_where_they_stood() -> None:
    spaces = {"p": "urn:p"}
    data = (
        '<p:r xmlns:p="urn:p"><is k="1"><i a="1"/>\n<i a="2"/></is>\n<x/>'
        '<is k="2"><i a="3"/></is>\n<is k="3"><i a="4"/>\n<i a="5"/></is></p:r>'
    )
    layout = {"row": "p:r/is/i", "namespaces": spaces}
    wanted = ["@a", "/p:r/is/@k"]
    every = [line for line, _ in (await read(XML, data, wanted, **layout)).rows]
    chosen = [(line, "x") for line in (every[0], every[1], every[3], every[4])]
    written = await rejects(XML, data, chosen, **layout)
    found = await read(XML, written, wanted, **layout)
    assert found.cells == [["1", "1"], ["2", "1"], ["4", "3"], ["5", "3"]]


async def test_rejects_of_a_file_that_ends_badly_are_written_so_far() -> None:
    data = "<r><i a='1'/>" + "<i a='2'/>\n" * 20_000 + "<oops></r>"
    written = await rejects(XML, data, [(1, "x")], row="r/i")
    assert (await read(XML, written, ["@a"], row="r/i")).cells == [["1"]]
