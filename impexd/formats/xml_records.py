"""
The record elements of an XML file, one after the other, in flat memory.

Takes an opener; gives groups of `(line, element)` as the parser completes them.  An element is
whole while its group is being looked at, and gone when the next group is asked for: whatever is
closed is deleted after each chunk, records or not.

What stands where records should, and is none, is not passed over in silence: it is refused as
`bad_structure`, unless the descriptor says `others = "ignore"`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from impexd.core import lazy
from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import xml_text
from impexd.formats.xml_lines import Starts
from impexd.model import xml_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code
from impexd.ports import Opener

if TYPE_CHECKING:
    from lxml import etree
else:
    etree = lazy.module("lxml.etree")


CAREFUL = 10_000_000
"""Longest text the parser takes without being told that it may be huge."""
DEEP = 256
"""Deepest nesting it takes then."""
LINES = 65_535
"""The last line that the parser counts."""


@cache
def _others() -> etree.XPath:
    return etree.XPath("*[local-name() != $name or namespace-uri() != $uri]")


@cache
def _text() -> etree.XPath:
    return etree.XPath("text()[normalize-space()]", smart_strings=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Records that are children of one element."""

    parent: etree._Element
    records: list[tuple[int, etree._Element]]
    """Each with its line; the lines rise, whatever the file: see `ports.Row`."""
    size: int
    """None of them has more characters than this, its tags counted."""
    marks: int
    """None of them has more attributes than this."""


def groups(opener: Opener, layout: Layout, limits: Limits) -> Generator[Group, None, None]:
    """
    Read a file; raises `DataError` for all that is wrong with it as a whole, however late.

    `empty_file`, `encoding`, `dtd_forbidden`, `wrong_root`, `bad_structure`, `too_deep`,
    `value_too_long`, `line_too_long` and `malformed`.
    """
    root, texts = xml_text.opened(opener, limits)
    stream = _Stream(root, layout, limits)
    try:
        for text in texts:
            yield from stream.read(text)
        yield from stream.close()
    except etree.XMLSyntaxError as error:
        raise _refused(error) from error


class _Stream:
    """A file being parsed."""

    def __init__(self, root: str, layout: Layout, limits: Limits) -> None:
        self._path = xml_path.row(layout.row or "", layout.namespaces)
        self._tag = self._path[-1]
        self._strict = layout.others == "reject"
        self._limits = limits
        name = etree.QName(self._tag).localname
        self._starts = Starts(name, limits)
        self._parser = _parser({f"{{*}}{name}", f"{{*}}{root or name}"}, limits)
        self._name = name
        self._root: etree._Element | None = None
        self._place: etree._Element | None = None
        """The element whose children are records; there may be several, one after the other."""
        self._lines: deque[int] = deque()
        """Of the elements named like a record that have not started, in order."""
        self._begun: list[int] = []
        self._last = 0
        self._closed: etree._Element | None = None
        self._reached = 1
        """How far down its path the place of the records has been seen."""

    def read(self, text: str) -> Iterator[Group]:
        """Take some text; give the records it completes."""
        self._lines += self._starts.lines(text)
        self._parser.feed(text.encode())
        yield from self._groups()
        if self._root is not None and self._prune(self._root):
            size = self._starts.size
            if size > self._limits.line + self._limits.field:
                what = f"a record has more than {size} characters"
                raise DataError(Code.LINE_TOO_LONG, what, line=self._begun[0])

    def close(self) -> Iterator[Group]:
        """Be told that this was all."""
        root = self._parser.close()
        yield from self._groups()
        self._prune(root)
        if self._reached < len(self._path) - 1 and len(root) and self._strict:
            what = f"there is no {_told(self._path[self._reached])} in {_told(root.tag)}"
            raise DataError(Code.BAD_STRUCTURE, what)

    def _groups(self) -> Iterator[Group]:
        records: list[tuple[int, etree._Element]] = []
        for event, element in self._parser.read_events():
            if event == "start":
                if self._root is None:
                    self._enter(element)
                if element.tag == self._tag or self._alike(element):
                    self._begun.append(self._lines.popleft())
                continue
            if element.tag != self._tag:
                if self._alike(element):
                    self._begun.pop()
                continue
            line = self._begun.pop()
            parent = element.getparent()
            if parent is not self._place:
                if not self._is_place(parent):
                    continue
                if self._place is not None and records:
                    yield Group(self._place, records, self._starts.sizes, self._starts.all_marks)
                records = []
                self._place = parent
            self._last = max(line, self._last + 1)
            self._closed = element
            records.append((self._last, element))
        if records and self._place is not None:
            yield Group(self._place, records, self._starts.sizes, self._starts.all_marks)

    def _alike(self, element: etree._Element) -> bool:
        """Is this element named like a record, in whatever namespace?"""
        return bool(etree.QName(element).localname == self._name)

    def _enter(self, root: etree._Element) -> None:
        self._root = root
        if len(self._path) > 1 and root.tag != self._path[0]:
            what = f"the root is {_told(root.tag)}, {_told(self._path[0])} is wanted"
            name = etree.QName(root).localname
            hint = ""
            if name == etree.QName(self._path[0]).localname:
                hint = "they differ in their namespace; the descriptor's `namespaces` name it"
            raise DataError(Code.WRONG_ROOT, what, line=root.sourceline, hint=hint)

    def _is_place(self, parent: etree._Element | None) -> bool:
        """Is this where records stand?"""
        names = []
        while parent is not None:
            names.append(parent.tag)
            parent = parent.getparent()
        if len(self._path) == 1:
            return len(names) == 1
        return tuple(reversed(names)) == self._path[:-1]

    def _prune(self, element: etree._Element) -> bool:
        """Delete whatever is closed, along what is open; is that a record?"""
        way = self._path if len(self._path) > 1 else (element.tag, self._tag)
        on_way = True
        for depth in range(1, self._limits.xml_depth + 1):
            if not len(element):
                return False
            last = element[-1]
            if on_way and depth == len(way) - 1:
                self._reached = max(self._reached, depth)
                if self._strict:
                    self._refuse_others(element)
                del element[:-1]
                if last.tag == self._tag:
                    return last is not self._closed
            else:
                if on_way and self._reached <= depth and _has(element, way[depth]):
                    self._reached = depth + 1
                for closed in element[:-1]:
                    refuse_deep(closed, depth + 1, self._limits)
                del element[:-1]
            on_way = on_way and depth < len(way) and last.tag == way[depth]
            element = last
        if len(element):
            raise _too_deep(self._limits)
        return False

    def _refuse_others(self, place: etree._Element) -> None:
        """Refuse what stands among the records and is none."""
        for other in _others()(place, name=self._name, uri=etree.QName(self._tag).namespace or ""):
            what = f"{_told(other.tag)} stands where {_told(self._tag)} should"
            line = other.sourceline
            raise DataError(
                Code.BAD_STRUCTURE,
                what,
                line=line if line is not None and line < LINES else None,
                hint='if it is to be passed over, set others = "ignore"',
            )
        if text := _text()(place):
            what = f"there is text where {_told(self._tag)} should stand"
            raise DataError(Code.BAD_STRUCTURE, what, cell=shown(text[0].strip()))


def refuse_deep(element: etree._Element, depth: int, limits: Limits) -> None:
    """Raise `too_deep` if an element that stands at `depth` holds what is too deep."""
    level = [element] if len(element) else []
    while level:
        if depth >= limits.xml_depth:
            raise _too_deep(limits)
        depth += 1
        level = [child for one in level for child in one if len(child)]


def _parser(names: set[str], limits: Limits) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events=("start", "end"),
        tag=sorted(names),
        encoding="utf-8",
        remove_comments=True,  # without them a text that one stands in is one text
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=limits.line + limits.field >= CAREFUL or limits.xml_depth >= DEEP,
    )


def _has(element: etree._Element, tag: str) -> bool:
    return next(element.iterchildren(tag), None) is not None


def _told(tag: str) -> str:
    return f"<{shown(tag, limit=80)}>"


def _too_deep(limits: Limits) -> DataError:
    return DataError(Code.TOO_DEEP, f"elements stand more than {limits.xml_depth} deep")


def _refused(error: etree.XMLSyntaxError) -> DataError:
    """Pure: say in our words what the parser refuses."""
    message, _, _ = str(error.msg).partition(", line ")
    code = Code.MALFORMED
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        code = Code.TOO_DEEP if "depth" in message else Code.VALUE_TOO_LONG
        message = message.partition(", ")[0]
    elif error.code == etree.ErrorTypes.ERR_DOCUMENT_EMPTY:
        message = "the file holds no XML"
    return DataError(code, shown(message.strip()), line=error.lineno)
