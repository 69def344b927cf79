"""
One TOML file of `etc/`: parsed, every key with its line, and checked against a model.

`parse` takes bytes, `check` a table of the parsed tree.  What is wrong is never raised, but given
as `Mistake` and `Fault` values, because all mistakes of all files are told at once.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from impexd.core.text import shown
from impexd.model import toml
from impexd.model.base import Model
from impexd.model.faults import Fault, words

M = TypeVar("M", bound=Model)


class Mistake(NamedTuple):
    """A fault with its place, as the operator reads it; they sort by file and line."""

    name: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        where = f"{self.name}:{self.line}" if self.line else self.name
        return f"{where}: {self.key}: {self.what}" if self.key else f"{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file."""

    name: str
    """As it is told: `etc/groups/x.toml`."""
    tree: Mapping[str, Any]
    lines: Mapping[toml.Path, int]

    def mistake(self, fault: Fault, *, below: toml.Path = ()) -> Mistake:
        """Pure: give a fault its line; `below` is where the faulty table stands in the file."""
        path = (*below, *fault.path)
        return Mistake(self.name, toml.line(self.lines, path), _key(path), fault.what)


def parse(name: str, data: bytes) -> Document | Mistake:
    """Pure: parse the bytes of a file, or say why they are no TOML."""
    try:
        text = data.decode("utf-8-sig")
        tree = tomllib.loads(text)
        return Document(name, tree, toml.index(text))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"this is not UTF-8 (byte 0x{data[error.start]:02x}); save the file as UTF-8"
        return Mistake(name, line, "", what)
    except RecursionError:
        return Mistake(name, 1, "", "lists or tables are nested too deeply")
    except ValueError as error:
        return _syntax(name, text, str(error))


def _syntax(name: str, text: str, said: str) -> Mistake:
    """Take the place out of tomllib's message: "Invalid value (at line 3, column 5)"."""
    what, _, place = said.rpartition(" (at ")
    words = place.rstrip(")").replace(",", "").split()
    line = int(words[1]) if len(words) == 4 and words[0] == "line" else 0
    if place == "end of document)":
        line = text.count("\n") + 1
    return Mistake(name, line or 1, "", f"this is no TOML: {shown(what or said)}")


@dataclass(frozen=True, slots=True)
class Checked(Generic[M]):
    """What became of a table: the model if one could be made, and what is wrong."""

    value: M | None
    faults: Sequence[Fault] = ()
    kept: Mapping[toml.Path, Sequence[int]] = field(default_factory=dict)
    """For lists out of which wrong elements were left: the positions of those that stayed."""

    @property
    def whole(self) -> bool:
        """Is the model all that the table says?"""
        return self.value is not None and not self.faults

    def original(self, path: toml.Path) -> toml.Path:
        """Pure: turn a path in the model into the path in the file."""
        found: toml.Path = ()
        for step in path:
            if isinstance(step, int) and found in self.kept:
                step = self.kept[found][step]
            found += (step,)
        return found


def check(model: type[M], tree: object) -> Checked[M]:
    """
    Pure: make a model of a table, and tell everything that is wrong with its form.

    If something is wrong, what is wrong is left out and a model is made of the rest, so that the
    rest can be looked at for other mistakes.
    """
    try:
        return Checked(_model(model, tree))
    except ValidationError as error:
        found = words.faults(error, tree, model)
    except (ValueError, RecursionError):
        return Checked(None, [Fault((), "holds a number too large, or tables nested too deeply")])
    drops = {_droppable(fault.path, tree) for fault in found}
    kept: dict[toml.Path, Sequence[int]] = {}
    rest = _without(tree, (), drops, kept)
    try:
        return Checked(_model(model, rest), found, kept)
    except ValidationError:
        return Checked(None, found)


def _model(model: type[M], tree: object) -> M:
    # Through JSON: there a list may become a tuple and a word an enum, and nothing else changes type.
    text = json.dumps(tree, default=lambda moment: moment.isoformat())
    return model.model_validate_json(text, by_alias=True, by_name=False)


def _droppable(path: toml.Path, tree: Any) -> toml.Path:
    """Find what has to go with a fault: the innermost element of a list of tables, else the key."""
    end = 0
    for depth, step in enumerate(path):
        tree = tree.get(step) if isinstance(tree, dict) else _at(tree, step)
        if isinstance(step, int) and isinstance(tree, dict):
            end = depth + 1
    if end:
        return path[:end]
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _at(tree: Any, step: str | int) -> Any:
    return tree[step] if isinstance(tree, list) and isinstance(step, int) else None


def _without(
    tree: Any, at: toml.Path, drops: set[toml.Path], kept: dict[toml.Path, Sequence[int]]
) -> Any:
    if isinstance(tree, dict):
        return {
            key: _without(inner, (*at, key), drops, kept)
            for key, inner in tree.items()
            if (*at, key) not in drops
        }
    if isinstance(tree, list):
        stay = [position for position in range(len(tree)) if (*at, position) not in drops]
        if len(stay) < len(tree):
            kept[at] = stay
        return [_without(tree[position], (*at, position), drops, kept) for position in stay]
    return tree


def _key(path: toml.Path) -> str:
    """Write a path as it is told: positions from 1, odd keys in quotes."""
    return ".".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return str(step + 1)
    plain = step.isascii() and step.replace("_", "").replace("-", "").isalnum()
    return step if plain and len(step) <= 80 else f'"{shown(step, limit=80)}"'
