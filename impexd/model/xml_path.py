"""
Paths in XML: where a record stands in a file, and where a cell stands in a record.

`row` is a path of names from the root, `catalog/products/product`, or one name for a child of
whatever root there is.  A column's `from` is a path from the record on: `name`, `price/amount`,
`@code`, `images/image[2]`, `names/name[@lang='en']`, `feature[name='Color']/value/@unit`, `.` for
the record's own text; with a slash in front, `/catalog/@shop`, it is an attribute of an element
the record stands in.  A name without prefix has no namespace, unless `namespaces` has an entry
for ""; `p:name` and `{urn:shop}name` have one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME = r"[^\W\d][\w.\-]*"
"""A name without colon, as XML has it."""

_TAG = rf"(?:\{{(?P<uri>[^{{}}]*)\}}|(?P<prefix>{NAME}):)?(?P<name>{NAME})"
_STEP = re.compile(_TAG)
_TEST = re.compile(
    rf"\[\s*(?:(?P<index>[1-9]\d{{0,8}})|(?P<at>@)?{_TAG}\s*"
    r"(?:=\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"))?)\s*\]"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What an element must be like: the nth of its kind, or with an attribute or child so valued."""

    index: int = 0
    attribute: str = ""
    child: str = ""
    value: str | None = None
    """None: any value will do."""


@dataclass(frozen=True, slots=True)
class Step:
    """A child element, by its expanded name `{uri}name`, or `name` without a namespace."""

    tag: str
    tests: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Where one cell stands."""

    steps: tuple[Step, ...]
    attribute: str = ""
    """The attribute of the last step; "" for its text."""
    above: bool = False
    """Do the steps start at the root, and not in the record?"""


def row(path: str, namespaces: Mapping[str, str]) -> tuple[str, ...]:
    """Pure: the names of the elements down to a record; ValueError says what is wrong."""
    steps = _steps(path.removeprefix("/"), namespaces)
    if steps is None or not steps or any(step.tests for step in steps):
        raise ValueError('is no path of names, like "products/product"')
    return tuple(step.tag for step in steps)


def cell(path: str, namespaces: Mapping[str, str]) -> Path:
    """Pure: where a column's `from` points; ValueError says what is wrong."""
    if path == ".":
        return Path(())
    above = path.startswith("/")
    place, at, name = path.removeprefix("/").rpartition("@")
    attribute = ""
    if at and "]" not in name:
        attribute = _expanded(name, namespaces)
        if place and not place.endswith("/"):
            raise ValueError("lacks a slash before its @")
        place = place.removesuffix("/")
    else:
        place = path.removeprefix("/")
    steps = _steps(place, namespaces) if place else ()
    if steps is None or not (steps or attribute):
        raise ValueError('is no path, like "name", "@code" or "names/name[@lang=\'en\']"')
    if above and (not attribute or not steps or any(step.tests for step in steps)):
        raise ValueError('starts with a slash, so it must be an attribute, like "/catalog/@shop"')
    return Path(steps, attribute, above)


def _steps(path: str, namespaces: Mapping[str, str]) -> tuple[Step, ...] | None:
    """Pure: take a path apart; None if it is none."""
    steps: list[Step] = []
    at = 0
    while found := _STEP.match(path, at):
        at = found.end()
        tests: list[Condition] = []
        while test := _TEST.match(path, at):
            at = test.end()
            tests.append(_test(test, namespaces))
        if any(test.index for test in tests[:-1]):
            raise ValueError("counts in the middle; a number in brackets comes last")
        steps.append(Step(_named(found, namespaces), tuple(tests)))
        if at == len(path):
            return tuple(steps)
        if path[at] != "/":
            return None
        at += 1
    return None


def _test(found: re.Match[str], namespaces: Mapping[str, str]) -> Condition:
    if found["index"]:
        return Condition(index=int(found["index"]))
    value = found["single"] if found["single"] is not None else found["double"]
    if found["at"]:
        return Condition(attribute=_named(found, namespaces, plain=True), value=value)
    return Condition(child=_named(found, namespaces), value=value)


def _expanded(name: str, namespaces: Mapping[str, str]) -> str:
    """Pure: the expanded name of an attribute, which has no namespace without a prefix."""
    found = _STEP.fullmatch(name)
    if not found:
        raise ValueError('names no attribute behind its @, like "@code"')
    return _named(found, namespaces, plain=True)


def _named(found: re.Match[str], namespaces: Mapping[str, str], *, plain: bool = False) -> str:
    prefix, uri = found["prefix"], found["uri"]
    if uri is None and (prefix or not plain):
        uri = namespaces.get(prefix or "")
        if uri is None and prefix and prefix != "xml":
            raise ValueError(f"has the prefix {prefix}, which `namespaces` does not know")
        if uri is None and prefix:
            uri = "http://www.w3.org/XML/1998/namespace"
    return f"{{{uri}}}{found['name']}" if uri else found["name"]
