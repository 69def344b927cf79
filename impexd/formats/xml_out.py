"""
Records as XML: elements and attributes where the descriptor's paths lead.

The function that writes a record is generated once for a file, out of a tree of its elements.  No
text of a descriptor ever becomes source: names are bound.  What is empty is left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from impexd.formats.shape import Cell, Nest, Records, Shape, Values, unwritable
from impexd.model.export import Output

_STEP = re.compile(r"([^\[\]/@]+)((?:\[[^\]]*\])*)(?:/|$)")
_TEST = re.compile(r"\[\s*@([^\s=\]]+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]")
_ODD = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ODD_WITHIN = re.compile('[&<>"\r\n\t\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_ENTITIES |= {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a record, as source: the value, and how it is shown if it is there."""

    value: str
    shown: str


@dataclass(slots=True)
class Element:
    """An element of a record."""

    tag: str
    fixed: tuple[tuple[str, str], ...] = ()
    """Attributes that do not change."""
    attributes: list[tuple[str, Value]] = field(default_factory=list)
    inner: list["Element | Value | str"] = field(default_factory=list)
    """Elements inside, values, or sources of whole elements."""

    def child(self, tag: str, fixed: tuple[tuple[str, str], ...]) -> "Element":
        """The element inside that is so called; made if there is none."""
        for one in self.inner:
            if isinstance(one, Element) and (one.tag, one.fixed) == (tag, fixed):
                return one
        made = Element(tag, fixed)
        self.inner.append(made)
        return made


def write(
    out: BinaryIO,
    shape: Shape,
    layout: Output,
    records: Iterator[Records],
    _about: Mapping[str, Any],
    /,
) -> None:
    """Write all records."""
    spaces = "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{within(uri, fail=True)}"'
        for prefix, uri in layout.namespaces.items()
    )
    root = layout.root or "root"
    made = function(layout.row, shape.cells, shape.nests, fail=layout.unwritable == "fail")
    out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{spaces}>\n'.encode())
    out.writelines("".join([f"{made(one)}\n" for one in some]).encode() for some in records)
    out.write(f"</{root}>\n".encode())


def function(
    row: str, cells: Sequence[Cell], nests: Sequence[Nest] = (), *, fail: bool
) -> Callable[[Values], str]:
    """Write the function that makes an element of a record."""
    names: dict[str, Any] = {
        "text": lambda value: text(value, fail=fail),
        "within": lambda value: within(value, fail=fail),
        "whole": whole,
        "join": "".join,
    }
    top = Element(row)
    for n, cell in enumerate(cells):
        _put(top, cell, n)
    for n, nest in enumerate(nests):
        *above, (tag, _) = steps(nest.to)
        names[f"nest{n}"] = _all(function(tag, nest.cells, nest.nests, fail=fail))
        here = top
        for step in above:
            here = here.child(*step)
        here.inner.append(f"nest{n}(n{n})")
    values = [f"v{n}" for n in range(len(cells))] + [f"n{n}" for n in range(len(nests))]
    body = _source(top, names, always=True)
    source = f"def made(record):\n  {', '.join(values)}, = record\n  return {body}"
    exec(compile(source, "<descriptor>", "exec"), names)  # noqa: S102 (our own source)
    made: Callable[[Values], str] = names["made"]
    return made


def _put(top: Element, cell: Cell, n: int) -> None:
    """Put a cell where its path leads."""
    path, at, attribute = cell.to.rpartition("@")
    if not at or "]" in attribute:
        path, attribute = cell.to, ""
    here = top
    for step in steps(path.removesuffix("/")) if path not in ("", ".") else []:
        here = here.child(*step)
    plain = cell.kind in ("number", "boolean")
    escaped = f"within(v{n})" if attribute else f"text(v{n})"
    value = Value(f"v{n}", f"str(v{n})" if plain else escaped)
    if attribute:
        here.attributes.append((attribute, value))
    else:
        here.inner.append(value)


def steps(path: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Pure: the elements of a path, each with the attributes that its conditions ask for."""
    found = []
    for step in _STEP.finditer(path):
        tests = tuple((name, one or other) for name, one, other in _TEST.findall(step[2]))
        found.append((step[1], tests))
    return found


def _source(element: Element, names: dict[str, Any], *, always: bool = False) -> str:
    """Pure: the source of an expression that writes an element, or nothing if it is empty."""

    def bound(value: str) -> str:
        name = f"c{len(names)}"
        names[name] = value
        return name

    fixed = "".join(f' {name}="{within(value, fail=True)}"' for name, value in element.fixed)
    start, end = bound(f"<{element.tag}{fixed}"), bound(f"</{element.tag}>")
    attributes = [
        f"('' if {one.value} is None else {bound(f' {name}=' + chr(34))} + {one.shown} + '\"')"
        for name, one in element.attributes
    ]
    inner = [
        _source(one, names)
        if isinstance(one, Element)
        else one
        if isinstance(one, str)
        else f"('' if {one.value} is None else {one.shown})"
        for one in element.inner
    ]
    if always:
        return _joined([start, *attributes, "'>'", *inner, end])
    only = element.inner[0] if len(element.inner) == 1 else None
    if isinstance(only, Value) and not attributes:
        shown = _joined([bound(f"{names[start]}>"), only.shown, end])
        return f"('' if {only.value} is None else {shown})"
    return f"whole({start}, {_joined(attributes)}, {_joined(inner)}, {end})"


def _joined(parts: Sequence[str]) -> str:
    return f"join(({', '.join(parts)},))" if parts else "''"


def whole(start: str, attributes: str, inner: str, end: str) -> str:
    """Pure: an element, or nothing if there is nothing in it."""
    return f"{start}{attributes}>{inner}{end}" if attributes or inner else ""


def text(value: str, *, fail: bool) -> str:
    """Pure: text between tags; DataError for characters that XML cannot hold, or `?` for them."""
    if _ODD.search(value) is None:
        return value
    return _ODD.sub(lambda found: _escaped(found[0], value, fail=fail), value)


def within(value: str, *, fail: bool) -> str:
    """Pure: text inside an attribute."""
    if _ODD_WITHIN.search(value) is None:
        return value
    return _ODD_WITHIN.sub(lambda found: _escaped(found[0], value, fail=fail), value)


def _escaped(char: str, value: str, *, fail: bool) -> str:
    if (known := _ENTITIES.get(char)) is not None:
        return known
    if fail:
        raise unwritable("XML cannot hold a character of this text", value)
    return "?"


def _all(made: Callable[[Values], str]) -> Callable[[Records], str]:
    return lambda records: "".join(map(made, records))
