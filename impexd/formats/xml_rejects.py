"""
Write rejected records of XML as they are, in the elements they stood in, with two elements more.

What stood beside the records is left out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from impexd.core import lazy
from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import xml_records
from impexd.formats.picking import Picking
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import EXTRA, Opener

if TYPE_CHECKING:
    from lxml import etree
else:
    etree = lazy.module("lxml.etree")


LONGEST = 100_000
"""Most characters of a problem: a record can have many."""


async def write(
    opener: Opener,
    layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of an XML file; a `ports.Rejecter`."""
    picking = Picking(lines)
    with _opened(out) as file:
        try:
            for group in xml_records.groups(opener, layout, limits):
                for line, record in group.records:
                    if (problem := picking.problem(line)) is not None:
                        file.place([*reversed(list(group.parent.iterancestors())), group.parent])
                        file.record(record, (str(line), problem))
                if picking.done:
                    return
        except DataError:
            return  # the file ended badly; what could be read of it is written


class _File:
    """A file being written: the elements that are open in it."""

    def __init__(self, writing: Any) -> None:
        self._writing = writing
        self._open: list[tuple[etree._Element, ExitStack]] = []

    def place(self, chain: Sequence[etree._Element]) -> None:
        """Open the elements of a chain, and close those that are not in it."""
        same = 0
        for (element, _), wanted in zip(self._open, chain, strict=False):
            if element is not wanted:
                break
            same += 1
        self.close(same)
        for element in chain[same:]:
            block = ExitStack()
            attributes = dict(element.attrib)
            block.enter_context(self._writing.element(element.tag, attributes, nsmap=element.nsmap))
            self._writing.write("\n")
            self._open.append((element, block))

    def record(self, record: etree._Element, extra: Sequence[str]) -> None:
        """Write a record with what is wrong with it."""
        for name, text in zip(EXTRA, extra, strict=True):
            for old in record.findall(name):
                record.remove(old)
            etree.SubElement(record, name).text = shown(text, limit=LONGEST)
        self._writing.write(record, with_tail=False)
        self._writing.write("\n")

    def close(self, keep: int = 0) -> None:
        """Close all open elements but the first `keep`."""
        while len(self._open) > keep:
            _, block = self._open.pop()
            block.close()
            if self._open:
                self._writing.write("\n")  # not behind the root, where no text may be written


@contextmanager
def _opened(out: BinaryIO) -> Generator[_File, None, None]:
    with etree.xmlfile(out, encoding="utf-8") as writing:
        writing.write_declaration()
        file = _File(writing)
        yield file
        file.close()
