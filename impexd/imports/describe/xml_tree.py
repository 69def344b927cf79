"""
Where the records of an XML file are, and which paths they have.

Takes a file that begins like XML; gives a `Form`.  The head of it is parsed once and its elements
counted by their place; the first place where elements repeat is where the records are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from impexd.core import lazy
from impexd.core.errors import DataError
from impexd.formats import xml_text
from impexd.imports.describe.form import File, Form
from impexd.imports.describe.vocabulary import LANGUAGES
from impexd.model.descriptor import Format
from impexd.model.limits import Limits, MiB
from impexd.model.problem import Code

if TYPE_CHECKING:
    from lxml import etree
else:
    etree = lazy.module("lxml.etree")


HEAD = 4 * MiB
"""Characters that are looked at."""

ELEMENTS = 100_000
"""Elements that are looked at, at most about."""

PATHS = 500
"""Most paths that become columns."""

MARKED = 40
"""Most values of an attribute that tells repeated elements apart."""

XML = "{http://www.w3.org/XML/1998/namespace}"

JOINERS = (",", "|", ";", "\t", "\x1f")
"""What joins the texts of repeated elements: the first that is in none of them."""

Place = tuple[str, ...]
"""Expanded names from the root, or from the record on."""


@dataclass(slots=True)
class Seen:
    """What is known of the elements of one place."""

    count: int = 0
    most: int = 0
    """Most of them in one parent."""
    inner: int = 0
    """How many have children or attributes."""


@dataclass(slots=True)
class Leaf:
    """Elements of one place in a record."""

    text: bool = False
    attributes: dict[str, list[str]] = field(default_factory=dict)
    """Attribute -> different values, a few."""
    most: int = 0
    """Most of them in one record."""
    chars: set[str] = field(default_factory=set)
    """Those of `JOINERS` that occur in their texts."""
    telling: dict[str, bool] = field(default_factory=dict)
    """Attribute -> is it different for all of them in each record?"""


async def look(file: File, limits: Limits) -> Form:
    """Guess where the records of an XML file are; `DataError` if there are none."""
    root = _parsed(file, limits)
    _refuse_wide(root, limits)
    places = _places(root)
    place = _record(places)
    if place is None:
        what = "no element of the file repeats, so nothing in it is a record"
        raise DataError(Code.BAD_STRUCTURE, what)
    prefixes = _prefixes(root)
    form = Form(Format.XML).saying("row", _path(place, prefixes), _told(places[place]))
    if prefixes:
        names = {prefix: uri for uri, prefix in prefixes.items()}
        form = form.saying("namespaces", names, "as the file has them")
    beside = [one for one in places if one[:-1] == place[:-1] and one != place]
    if beside:
        listed = ", ".join(etree.QName(one[-1]).localname for one in beside[:5])
        form = form.saying("others", "ignore", f"{listed} stand beside the records")
    for other in _others(places, place):
        form = form.noting(f"{_path(other, prefixes)} repeats as well: a descriptor of its own")
    return _columns(form, _records(root, place), prefixes)


def _parsed(file: File, limits: Limits) -> etree._Element:
    """Parse the head of the file, whole elements or not."""
    _, texts = xml_text.opened(file.open, limits)
    parser = etree.XMLPullParser(
        events=("start",), no_network=True, resolve_entities="internal", huge_tree=False
    )
    size, count, root = 0, 0, None
    try:
        for text in texts:
            parser.feed(text.encode())
            size += len(text)
            for _, element in parser.read_events():
                root = element if root is None else root
                count += 1
            if size > HEAD or count > ELEMENTS:
                break
    except etree.XMLSyntaxError as error:
        if root is None or size < HEAD // 8:
            what = f"the file is no XML: {error.msg}"
            raise DataError(Code.MALFORMED, what, line=error.lineno) from error
    if root is None:
        raise DataError(Code.MALFORMED, "there is no element in the file")
    return root


def _refuse_wide(root: etree._Element, limits: Limits) -> None:
    """Refuse what the reader refuses: looking at attributes costs the square of how many they are."""
    for element in root.iter():
        if len(element.attrib) > limits.columns:
            what = f"an element has {len(element.attrib)} attributes, {limits.columns} are taken"
            raise DataError(Code.BAD_STRUCTURE, what, line=element.sourceline)


def _places(root: etree._Element) -> dict[Place, Seen]:
    """Pure: the elements of the head by their place."""
    found: dict[Place, Seen] = {}
    stack: list[tuple[etree._Element, Place]] = [(root, (root.tag,))]
    while stack:
        element, place = stack.pop()
        children = Counter(child.tag for child in element if isinstance(child.tag, str))
        for tag, count in children.items():
            seen = found.setdefault((*place, tag), Seen())
            seen.count += count
            seen.most = max(seen.most, count)
        for child in element:
            if isinstance(child.tag, str):
                found[*place, child.tag].inner += bool(len(child) or child.attrib)
                stack.append((child, (*place, child.tag)))
    return found


def _record(places: Mapping[Place, Seen]) -> Place | None:
    """Pure: the place of the records: the first depth at which something repeats, the most often there."""
    fit = [place for place, seen in places.items() if seen.most > 1 and seen.inner]
    if not fit:
        fit = [place for place, seen in places.items() if seen.inner and len(place) > 1]
        fit = fit if any(seen.count for seen in places.values()) else []
    if not fit:
        return None
    depth = min(map(len, fit))
    return max((one for one in fit if len(one) == depth), key=lambda one: places[one].count)


def _others(places: Mapping[Place, Seen], record: Place) -> Iterator[Place]:
    """Pure: what repeats elsewhere, outside of the records."""
    for place, seen in places.items():
        outside = place[: len(record)] != record
        if outside and seen.most > 1 and seen.inner and len(place) <= len(record) + 1:
            yield place


def _told(seen: Seen) -> str:
    return f"this element repeats, {seen.most:,} times in the head of the file"


def _records(root: etree._Element, place: Place) -> list[etree._Element]:
    found = [root]
    for tag in place[1:]:
        found = [child for one in found for child in one if child.tag == tag]
    return found[:-1] or found  # the last one may be cut off


def _prefixes(root: etree._Element) -> dict[str, str]:
    """Pure: namespace -> prefix, for all that occur."""
    found: dict[str, str] = {}
    for element in root.iter():
        names = [element.tag, *element.attrib] if isinstance(element.tag, str) else []
        for name in names:
            uri = etree.QName(name).namespace
            if uri and uri not in found and not name.startswith(XML):
                prefix = next((p for p, u in element.nsmap.items() if u == uri and p), "")
                plain = not prefix and element.tag == name and "" not in found.values()
                while not plain and (not prefix or prefix in found.values()):
                    prefix = f"{prefix or 'n'}{len(found) + 1}"
                found[uri] = prefix
    return found


def _name(tag: str, prefixes: Mapping[str, str]) -> str:
    name = etree.QName(tag)
    if tag.startswith(XML):
        return f"xml:{name.localname}"
    prefix = prefixes.get(name.namespace or "", "")
    return f"{prefix}:{name.localname}" if prefix else name.localname


def _path(place: Sequence[str], prefixes: Mapping[str, str]) -> str:
    return "/".join(_name(tag, prefixes) for tag in place)


def _columns(form: Form, records: Sequence[etree._Element], prefixes: Mapping[str, str]) -> Form:
    """Give the form with the paths that the records have."""
    leaves: dict[Place, Leaf] = {}
    for record in records:
        _note(record, leaves)
    found: dict[str, str] = {}
    joined: list[str] = []
    for place, leaf in leaves.items():
        path, title = _path(place, prefixes), _title(place)
        mark = _mark(leaf)
        if mark:
            for text in leaf.attributes[mark]:
                quote = '"' if "'" in text else "'"
                word = text[:2].lower() if text[:2].lower() in LANGUAGES else text
                if leaf.text:
                    found[f"{path}[@{_name(mark, prefixes)}={quote}{text}{quote}]"] = (
                        f"{title} {word}"
                    )
            continue
        mine = {path or ".": title} if leaf.text else {}
        for attribute in leaf.attributes:
            name = _name(attribute, prefixes)
            local = etree.QName(attribute).localname
            mine[f"{path}/@{name}" if path else f"@{name}"] = f"{title} {local}".strip()
        found |= mine
        joined += mine if leaf.most > 1 else []
    if joined:
        why = "some elements repeat in a record; `split` can take them apart again"
        form = replace(form.saying("repeated", "join", why), joined=frozenset(joined))
        met = set[str]().union(*(leaf.chars for leaf in leaves.values()))  # decimal commas, too
        mark = next((one for one in JOINERS if one not in met), JOINERS[-1])
        if mark != JOINERS[0]:
            form = form.saying("joiner", mark, "commas stand in their texts")
    paths = dict(list(found.items())[:PATHS])
    if not paths:
        raise DataError(Code.BAD_STRUCTURE, "the records of the file are empty")
    return form.reading(list(paths), list(paths.values()))


def _title(place: Place) -> str:
    """Pure: what a place would be called in a header: `names/name` is a name."""
    words = [etree.QName(tag).localname for tag in place]
    kept = [word for word, after in pairwise([*words, ""]) if not _plural(word, after)]
    return " ".join(kept)


def _plural(word: str, after: str) -> bool:
    return word.rstrip("s").casefold() == after.rstrip("s").casefold()


def _mark(leaf: Leaf) -> str:
    """Pure: the attribute that tells repeated elements apart; "" if there is none."""
    if leaf.most < 2:
        return ""
    fit = [
        name
        for name, apart in leaf.telling.items()
        if apart and len(leaf.attributes[name]) <= MARKED
    ]
    return next(iter(fit), "")


def _note(record: etree._Element, leaves: dict[Place, Leaf]) -> None:
    """Note every element of a record by its place."""
    counts: dict[Place, list[etree._Element]] = {}
    stack: list[tuple[etree._Element, Place]] = [(record, ())]
    while stack:
        element, place = stack.pop()
        counts.setdefault(place, []).append(element)
        inner = [child for child in element if isinstance(child.tag, str)]
        stack += [(child, (*place, child.tag)) for child in reversed(inner)]
    for place, elements in counts.items():
        leaf = leaves.setdefault(place, Leaf())
        leaf.most = max(leaf.most, len(elements))
        for element in elements:
            leaf.text |= not len(element) and bool(place or (element.text or "").strip())
            leaf.chars.update(mark for mark in JOINERS if mark in (element.text or ""))
            for name, text in element.attrib.items():
                values = leaf.attributes.setdefault(name, [])
                if text not in values and len(values) <= MARKED:
                    values.append(text)
        for name in leaf.attributes:
            texts = [element.get(name) for element in elements]
            apart = None not in texts and len(set(texts)) == len(texts)
            leaf.telling[name] = leaf.telling.get(name, True) and apart
