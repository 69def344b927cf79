"""The index of lines, held to texts whose lines are known, and to everything tomllib takes."""

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from impexd.model import toml

TEXT = '''# a comment with [brackets] and = signs
title = "one"          # line 2
"odd key" . b = 'x'

[[column]]
from = "a"
to = """
three # not a comment
lines = no keys \\""""
[column.map]
"1" = "one"

[[column]]
map = { a = 1, "b.c" = { d = [ 1, 2 ] } }
list = [
  "x",   # sixteen
  { y = 1 },
  [ 3,
    4 ],
]

[a.b.c]
when = 1979-05-27 07:32:00
[a]
inf = -inf
  [[a.b.d]]
  [a.b.d.e]
  f.g = true
'''


def test_every_way_to_write_a_key_has_its_line() -> None:
    lines = toml.index(TEXT)
    assert lines == {
        ("title",): 2,
        ("odd key",): 3,
        ("odd key", "b"): 3,
        ("column",): 5,
        ("column", 0): 5,
        ("column", 0, "from"): 6,
        ("column", 0, "to"): 7,
        ("column", 0, "map"): 10,
        ("column", 0, "map", "1"): 11,
        ("column", 1): 13,
        ("column", 1, "map"): 14,
        ("column", 1, "map", "a"): 14,
        ("column", 1, "map", "b.c"): 14,
        ("column", 1, "map", "b.c", "d"): 14,
        ("column", 1, "map", "b.c", "d", 0): 14,
        ("column", 1, "map", "b.c", "d", 1): 14,
        ("column", 1, "list"): 15,
        ("column", 1, "list", 0): 16,
        ("column", 1, "list", 1): 17,
        ("column", 1, "list", 1, "y"): 17,
        ("column", 1, "list", 2): 18,
        ("column", 1, "list", 2, 0): 18,
        ("column", 1, "list", 2, 1): 19,
        ("a",): 24,
        ("a", "b"): 22,
        ("a", "b", "c"): 22,
        ("a", "b", "c", "when"): 23,
        ("a", "inf"): 25,
        ("a", "b", "d"): 26,
        ("a", "b", "d", 0): 26,
        ("a", "b", "d", 0, "e"): 27,
        ("a", "b", "d", 0, "e", "f"): 28,
        ("a", "b", "d", 0, "e", "f", "g"): 28,
    }
    assert set(lines) == paths(tomllib.loads(TEXT))


def test_what_is_not_there_stands_where_its_nearest_parent_does() -> None:
    lines = toml.index(TEXT)
    assert toml.line(lines, ("column", 1, "to")) == 13
    assert toml.line(lines, ("column", 0, "map", "9", "x")) == 10
    assert toml.line(lines, ("nothing",)) == 1


def test_lines_that_end_with_carriage_returns_are_counted_alike() -> None:
    assert toml.index(TEXT.replace("\n", "\r\n")) == toml.index(TEXT)


def paths(tree: Any, at: toml.Path = ()) -> set[toml.Path]:
    """Collect the path of everything in a parsed tree."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found: set[toml.Path] = set()
    for step, value in inner:
        found.add((*at, step))
        if isinstance(value, dict | list):
            found |= paths(value, (*at, step))
    return found


KEYS = st.sampled_from(["a", "b-c", "1", "x.y", "ü", 'q"', "", " ", "#", "[t]"]) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=4
)
SCALARS = (
    st.integers(-9, 99)
    | st.booleans()
    | st.sampled_from(
        ["", "text", 'with "quotes"', "# no comment", "[x]\n[y]\nz = 1", "'''", "a\\"]
    )
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


class Writer:
    """Writes a tree as TOML, and notes on which line everything begins."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.lines: dict[toml.Path, int] = {}

    def table(self, tree: dict[str, Any], at: toml.Path, header: str) -> None:
        later = []
        for key, value in tree.items():
            if value and (isinstance(value, dict) or all_tables(value)):
                later.append((key, value))
            else:
                self.note((*at, key))
                self.rows.append(f"{quoted(key)} = {self.inline(value, (*at, key))}")
        for key, value in later:
            self.tables(value, (*at, key), f"{header}.{quoted(key)}" if header else quoted(key))

    def tables(self, value: Any, at: toml.Path, header: str) -> None:
        if isinstance(value, dict):
            self.note(at)
            self.rows.append(f"[{header}]  # a comment")
            self.table(value, at, header)
            return
        for position, one in enumerate(value):
            self.lines.setdefault(at, len(self.rows) + 1)
            self.note((*at, position))
            self.rows.append(f"[[{header}]]")
            self.table(one, (*at, position), header)
            self.rows.append("")

    def inline(self, value: Any, at: toml.Path) -> str:
        if isinstance(value, dict):
            pairs = []
            for key, inner in value.items():
                self.note((*at, key))
                pairs.append(f"{quoted(key)}={self.inline(inner, (*at, key))}")
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, list):
            for position in range(len(value)):
                self.note((*at, position))
            inside = [self.inline(one, (*at, position)) for position, one in enumerate(value)]
            return "[ " + ", ".join(inside) + " ]"
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    def note(self, path: toml.Path) -> None:
        self.lines[path] = len(self.rows) + 1


def all_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(TREES)
def test_generated_text_has_every_key_on_the_line_it_was_written_on(tree: dict[str, Any]) -> None:
    writer = Writer()
    writer.table(tree, (), "")
    text = "\n".join(writer.rows)
    assert tomllib.loads(text) == tree
    assert toml.index(text) == writer.lines


SIGNS = ["a", "b", '"c"', "'d'", ".", "=", "= 1", "[", "]", "[[", "]]", "{", "}", ",", "\n", " "]
QUOTES = ['"""', "'''", '"', "'", "\\", "#x"]
LINES = ["1", "true", "a = 1\n", "[t]\n", "[[u]]\n", "v = [1, {w = 2}]\n"]
FRAGMENTS = st.sampled_from([*SIGNS, *QUOTES, *LINES])


@given(st.lists(FRAGMENTS, max_size=20).map("".join))
def test_whatever_tomllib_takes_is_wholly_indexed(text: str) -> None:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(toml.index(text)) == paths(tree)
