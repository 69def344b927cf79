"""
The record elements of an XML file, one after the other, in flat memory.

Takes an opener; gives groups of `(line, element)` as the parser completes them.  An element is
whole while its group is being looked at, and gone when the next group is asked for: whatever is
closed is deleted after each chunk, records or not.

What stands where records should, and is none, is not passed over in silence: it is refused as
`bad_structure`, unless the descriptor says `others = "ignore"`.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import xml_text
from impexd.formats.xml_lines import Starts
from impexd.model import xml_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code
from impexd.ports import Opener

CAREFUL = 10_000_000
"""Longest text the parser takes without being told that it may be huge."""
DEEP = 256
"""Deepest nesting it takes then."""


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


def groups(opener: Opener, layout: Layout, limits: Limits) -> Iterator[Group]:
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
        self._size = self._marks = 0

    def read(self, text: str) -> Iterator[Group]:
        """Take some text; give the records it completes."""
        self._lines += self._starts.lines(text)
        self._size += len(text)
        self._marks += text.count("=")
        self._parser.feed(text.encode())
        yield from self._groups()
        if self._root is not None:
            self._prune(self._root)

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
                if self._like_record(element):
                    self._begun.append(self._lines.popleft())
                continue
            if not self._like_record(element):
                continue
            line = self._begun.pop()
            parent = element.getparent()
            if element.tag != self._tag or (parent is not self._place and not self._at(parent)):
                continue
            if parent is not self._place:
                if self._place is not None and records:
                    yield self._group(records)
                    records = []
                self._place = parent
            self._last = max(line, self._last + 1)
            self._closed = element
            records.append((self._last, element))
        if records:
            yield self._group(records)
            self._size = self._marks = 0

    def _group(self, records: list[tuple[int, etree._Element]]) -> Group:
        assert self._place is not None
        return Group(self._place, records, self._size, self._marks)
