"""What is exported and imported again changes nothing: every type, every format, both engines."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impexd.core.guard import bare, guarded
from tests.exports import things
from tests.exports.house import House
from tests.flows import inside

FORMULAS = st.sampled_from(
    ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=x", "''=x", "'x", "'", "＝x"]
)
ODD = st.sampled_from(
    ['a"b', "a;b", "a,b", "a\nb", "a\r\nb", "a\rb", " ", " a ", "\\", '\\"', "😀", "<&>", "null"]
)
PLAIN = st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\n\r")
"""What every format can hold."""
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def texts(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts that are not empty, many of them awkward."""
    return FORMULAS | ODD | st.text(alphabet, min_size=1, max_size=12)


def decimals() -> st.SearchStrategy[str]:
    """Decimals in canonical form."""
    pairs = st.tuples(st.booleans(), st.integers(0, 10**20), st.integers(0, 10**9))

    def written(found: tuple[bool, int, int]) -> str:
        minus, whole, part = found
        rest = str(part).rstrip("0")
        text = f"{whole}.{rest}" if rest else str(whole)
        return f"-{text}" if minus and text != "0" else text

    return pairs.map(written)


def documents(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON in canonical form."""
    import json

    leaves = (
        st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(alphabet, max_size=5)
    )
    trees = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(alphabet, max_size=3), inner, max_size=3)
        ),
        max_leaves=5,
    )
    return trees.map(
        lambda tree: json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    )


def records(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Records of things, each with a key of its own."""
    names = st.dictionaries(st.sampled_from(["de", "en"]), texts(alphabet), min_size=1)
    one = st.fixed_dictionaries(
        {
            "code": texts(alphabet),
            "note": st.none() | texts(alphabet),
            "count": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
            "price": st.none() | decimals(),
            "sold": st.none() | st.integers(0, 1),
            "made": st.none() | st.dates().map(str),
            "seen": st.none() | st.datetimes().map(lambda found: f"{found.isoformat()}Z"),
            "more": st.none() | documents(alphabet),
            "name": st.none() | names,
        }
    )
    return st.lists(one, min_size=1, max_size=25, unique_by=lambda record: record["code"])


async def unchanged(house: House, group: str, some: list[dict[str, Any]], parts: int) -> None:
    """Hold it that records exported and imported again are all left alone."""
    await house.empty()
    await house.put(*some)
    run = await house.export(group)
    assert run["state"] == "published", run["message"]
    path = Path(run["export"]["path"])
    back = await house.back(group, path.name, path.read_bytes())
    counts = {name: n for name, n in back["counts"].get("thing", {}).items() if n}
    assert (counts, back["listed"]) == ({"unchanged": len(some) * parts}, [])


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some=records(PLAIN))
async def test_nothing_changes_in_any_format(house: House, some: list[dict[str, Any]]) -> None:
    await unchanged(house, "all", some, len(things.FILES))


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some=records(ANY))
async def test_nothing_changes_in_csv_even_with_control_characters(
    house: House, some: list[dict[str, Any]]
) -> None:
    await unchanged(house, "csv", some, 1)


async def test_both_engines_write_the_same_bytes(
    tmp_path: Path, sqlite_url: str, postgres_url: str
) -> None:
    some = [
        {"code": "b", "price": "10", "sold": 1, "seen": "2026-01-31T08:00:00.000120Z"},
        {"code": "B", "price": "2.5", "more": '{"a":[true,null],"z":1}'},
        {"code": "ä", "count": -5, "made": "0009-01-02", "name": {"de": "Größe", "en": "=x"}},
    ]
    files = []
    for n, url in enumerate((sqlite_url, postgres_url)):
        home = tmp_path / str(n)
        home.mkdir()
        async with inside.opened(home, url, things.etc(("csv", "xml", "jsonl"))) as opened:
            house = House(opened)
            await house.put(*some)
            files.append([await house.file(group) for group in ("csv", "xml", "jsonl")])
    assert files[0] == files[1]


@given(st.text())
def test_a_guard_comes_off_as_it_was_put_on(text: str) -> None:
    assert bare(guarded(text)) == text
    assert guarded(text)[:1] not in set("=+-@\t\r\n\0＝＋－＠")


@pytest.mark.parametrize("text", ["'", "'x", "it's", "''", "a=b", ""])
def test_text_that_is_no_formula_is_not_guarded(text: str) -> None:
    assert guarded(text) == bare(text) == text
