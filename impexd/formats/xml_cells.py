"""
Cells from record elements.

`Cutter` puts the paths of all columns into one tree, so that a record is walked through once and
in the order of its children: a search for each path costs four times as much.

The text of an element is all the text in it.  A path that leads to several elements is one
problem of its row, unless the layout says what `repeated` elements mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from impexd.core import lazy
from impexd.core.errors import DataError
from impexd.formats.xml_records import Group, refuse_deep
from impexd.model import xml_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem, about
from impexd.model.xml_path import Condition, Path
from impexd.ports import Batch

if TYPE_CHECKING:
    from lxml import etree
else:
    etree = lazy.module("lxml.etree")


Cells = list[str | None]


@dataclass(slots=True)
class _Node:
    """What is wanted of an element."""

    texts: list[int] = field(default_factory=list)
    """The cells its text is."""
    attributes: list[tuple[str, int]] = field(default_factory=list)
    plain: dict[str, int] = field(default_factory=dict)
    """Children of which the text is wanted and nothing else: the cell of each."""
    edges: dict[str, list[_Edge]] = field(default_factory=dict)
    """All other children of which anything is wanted."""


@dataclass(slots=True)
class _Edge:
    """Children of one name for which the conditions hold."""

    conditions: tuple[Condition, ...]
    node: _Node


class _Wrong(Exception):
    """A record has no cells."""

    def __init__(self, code: Code, what: str, at: int | None = None, cell: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.at = at
        self.cell = cell


class Cutter:
    """Cuts record elements into cells, one for each of the wanted paths."""

    def __init__(self, wanted: Sequence[str], layout: Layout, limits: Limits) -> None:
        """ValueError if one of the paths is none; descriptors are checked for that."""
        row = xml_path.row(layout.row or "", layout.namespaces)
        paths = [xml_path.cell(path, layout.namespaces) for path in wanted]
        self._wanted = wanted
        self._tag = row[-1]
        self._depth = max(2, len(row))
        self._repeated = layout.repeated
        self._joiner = layout.joiner
        self._limits = limits
        self._own = [at for at, path in enumerate(paths) if path == Path(())]
        self._above = [(at, path) for at, path in enumerate(paths) if path.above]
        self._tree = _tree(paths)
        self._more: dict[int, list[str]] = {}
        """Texts to be joined to cells of the record at hand."""

    def cut(self, group: Group) -> Batch:
        """Give the rows of some records; raises `DataError`: `too_deep`, `bad_structure`."""
        batch = Batch([], [])
        inherited = self._inherited(group.parent)
        careful = group.size > self._limits.field
        for line, element in group.records:
            cells = inherited.copy()
            if group.marks > self._limits.columns:
                self._refuse_wide(element, line)
            try:
                self._enter(element, self._tree, cells, self._depth)
                if careful or self._more:
                    self._finish(cells)
                batch.rows.append((line, cells))
            except _Wrong as wrong:
                self._more.clear()
                batch.problems.append(self._problem(wrong, line))
        return batch

    def _inherited(self, parent: etree._Element) -> Cells:
        """Give a row with nothing but what it has from the elements it stands in."""
        cells: Cells = [None] * len(self._wanted)
        chain = [*reversed(list(parent.iterancestors())), parent]
        for at, path in self._above:
            tags = [step.tag for step in path.steps]
            if [element.tag for element in chain[: len(tags)]] == tags:
                cells[at] = chain[len(tags) - 1].get(path.attribute)
        return cells

    def _enter(self, element: etree._Element, node: _Node, cells: Cells, depth: int) -> None:
        for name, at in node.attributes:
            if (value := element.get(name)) is not None:
                self._put(cells, at, value)
        for at in node.texts:
            self._put(cells, at, _text(element))
        if node is self._tree:
            for at in self._own:
                cells[at] = (element.text or "") + "".join(child.tail or "" for child in element)
        if node.plain or node.edges:
            self._walk(element, node, cells, depth)
        elif len(element):
            refuse_deep(element, depth, self._limits)

    def _walk(self, element: etree._Element, node: _Node, cells: Cells, depth: int) -> None:
        plain, edges = node.plain, node.edges
        counts: dict[int, int] = {}
        for child in element:
            at = plain.get(child.tag)
            if at is not None and not len(child):
                if cells[at] is None:
                    cells[at] = child.text or ""
                else:
                    self._put(cells, at, child.text or "")
                continue
            for edge in edges.get(child.tag, ()):
                if not edge.conditions or _hold(edge, child, counts):
                    self._enter(child, edge.node, cells, depth + 1)
            if at is not None:
                self._put(cells, at, _text(child))
            elif node is self._tree and child.tag == self._tag and child.tag not in edges:
                what = f"there is a <{etree.QName(child).localname}> inside of this one"
                raise _Wrong(Code.BAD_STRUCTURE, what)
            if len(child):
                refuse_deep(child, depth + 1, self._limits)

    def _put(self, cells: Cells, at: int, text: str) -> None:
        if cells[at] is None:
            cells[at] = text
        elif self._repeated == "join":
            self._more.setdefault(at, []).append(text)
        elif self._repeated == "reject":
            raise _Wrong(
                Code.DUPLICATE_FIELD, "there are several of these, one is wanted", at, text
            )

    def _finish(self, cells: Cells) -> None:
        """Join what is to be joined, and measure all."""
        for at, texts in self._more.items():
            cells[at] = self._joiner.join([cells[at] or "", *texts])
        self._more.clear()
        most = self._limits.field
        for at, cell in enumerate(cells):
            if cell and len(cell) > most:
                what = f"this has {len(cell)} characters, {most} are taken"
                raise _Wrong(Code.VALUE_TOO_LONG, what, at, cell)

    def _problem(self, wrong: _Wrong, line: int) -> Problem:
        column = None if wrong.at is None else self._wanted[wrong.at]
        return about(wrong.code, str(wrong), line=line, column=column, cell=wrong.cell or None)

    def _refuse_wide(self, element: etree._Element, line: int) -> None:
        most = self._limits.columns
        for one in element.iter():
            if len(one.attrib) > most:
                what = f"an element has {len(one.attrib)} attributes, {most} are taken"
                raise DataError(Code.BAD_STRUCTURE, what, line=line)


def _text(element: etree._Element) -> str:
    return "".join(element.itertext()) if len(element) else element.text or ""


def _hold(edge: _Edge, child: etree._Element, counts: dict[int, int]) -> bool:
    """Do the conditions hold?  `counts` has how many children of the parent were asked about."""
    for one in edge.conditions:
        if one.index:
            counts[id(edge)] = counts.get(id(edge), 0) + 1
            return counts[id(edge)] == one.index
        found = child.get(one.attribute) if one.attribute else child.findtext(one.child)
        if found is None or (one.value is not None and found != one.value):
            return False
    return True


def _tree(paths: Sequence[Path]) -> _Node:
    """Pure: put the paths below the record into one tree."""
    tree = _Node()
    for at, path in enumerate(paths):
        if path.above or path == Path(()):
            continue
        node = tree
        for step in path.steps:
            edges = node.edges.setdefault(step.tag, [])
            edge = next((edge for edge in edges if edge.conditions == step.tests), None)
            if edge is None:
                edge = _Edge(step.tests, _Node())
                edges.append(edge)
            node = edge.node
        if path.attribute:
            node.attributes.append((path.attribute, at))
        else:
            node.texts.append(at)
    _simplify(tree)
    return tree


def _simplify(node: _Node) -> None:
    """Pure, but for the node: find the children that need no look at what else they have."""
    for tag, edges in list(node.edges.items()):
        for edge in edges:
            _simplify(edge.node)
        (edge, *others) = edges
        child = edge.node
        if others or edge.conditions or child.attributes or child.plain or child.edges:
            continue
        if len(child.texts) == 1:
            node.plain[tag] = child.texts[0]
            del node.edges[tag]
