"""
Are the texts right?  What is written is read again, by the rules of `impexd check`.

A text that does not pass is a fault of ours, never of the sample: it is raised as a bug.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from impexd.imports import cell
from impexd.imports.describe import toml
from impexd.imports.describe.design import Design
from impexd.imports.values import Bad
from impexd.model import document, entity
from impexd.model.descriptor import Column, Descriptor
from impexd.model.document import Document
from impexd.model.entity import Catalogue, Entity, Field
from impexd.model.faults import descriptor as descriptor_faults
from impexd.model.faults import entity as entity_faults
from impexd.model.faults import group as group_faults
from impexd.model.group import ImportGroup


def descriptor(design: Design) -> Descriptor:
    """Give the descriptor that a design is written as."""
    tree = tomllib.loads(toml.descriptor(design, ".*", ()))
    found = document.check(Descriptor, tree)
    if found.value is None or found.faults:
        raise AssertionError(f"{design.name}: {found.faults}")
    return found.value


def right(texts: Mapping[str, str], catalogue: Catalogue) -> None:
    """Check texts by path against each other and the catalogue; AssertionError if one is wrong."""
    trees = {path: _tree(path, text) for path, text in texts.items()}
    kinds = dict(catalogue)
    for path, tree in trees.items():
        if path.startswith("entities/"):
            for name, table in tree["entity"].items():
                checked = document.check(Entity, table)
                _none(path, checked.faults)
                if checked.value is not None:
                    kinds[name] = entity.kind(name, checked.value)
    for name in kinds.keys() - catalogue.keys():
        _none(name, list(entity_faults.faults(kinds[name], kinds, judge=judged)))
    made: dict[str, Descriptor] = {}
    for path, tree in trees.items():
        if path.startswith("descriptors/"):
            found = document.check(Descriptor, tree)
            _none(path, found.faults)
            if found.value is not None:
                _none(path, list(descriptor_faults.faults(found.value, kinds, judge=judged)))
                made[path.removeprefix("descriptors/").removesuffix(".toml")] = found.value
    for path, tree in trees.items():
        if path.startswith("groups/"):
            group = document.check(ImportGroup, tree)
            _none(path, group.faults)
            if group.value is not None:
                _none(path, list(group_faults.faults(group.value, made, kinds, names=made)))


def judged(text: str | None, field: Field, column: Column) -> str:
    """Pure: say why the import could not convert this text; "" if it could."""
    try:
        cell.finishing(column, field)(text)
    except Bad as bad:
        return str(bad)
    return ""


def ordered(designs: Sequence[Design]) -> list[Design]:
    """Pure: those pointed at first, else in the order of the files."""
    left, found = list(designs), []
    while left:
        waiting = {one.kind.name for one in left}
        free = [
            one for one in left if not (set(one.kind.refs.values()) - {one.kind.name}) & waiting
        ]
        found += free or left[:1]
        left = [one for one in left if one not in found]
    return found


def _tree(path: str, text: str) -> dict[str, Any]:
    parsed = document.parse(path, text.encode())
    if not isinstance(parsed, Document):
        raise AssertionError(f"{path}: {parsed}")
    return dict(parsed.tree)


def _none(where: str, faults: Sequence[object]) -> None:
    if faults:
        raise AssertionError(f"{where}: {faults}")
