"""
An XLSX file as what it is: a zip archive of XML parts.

Takes a stream; gives the records of a part, each as an element, checked on the way like any other
archive and any other XML.  Nothing of it is ever written under its own name, and parts nobody
asks for are not unpacked.
"""

from __future__ import annotations

import io
import posixpath
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import xml_records, ziprecords
from impexd.formats.zipstream import DEFLATED, STORED, Member, Stream
from impexd.model.descriptor import Format, Layout
from impexd.model.limits import KiB, Limits, MiB
from impexd.model.problem import Code
from impexd.ports import Opener

if TYPE_CHECKING:
    from lxml import etree


BUFFER = 128 * KiB
IN_MEMORY = 16 * MiB
"""Up to this size a file is kept in memory while it is read, as it is read from several places."""
FREE_RATIO = 10 * MiB
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of an old .xls, and of an .xlsx that has a password."""

RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
ARCHIVE = frozenset(
    {Code.BAD_CRC, Code.INCONSISTENT_ARCHIVE, Code.BAD_DATA, Code.INCOMPLETE, Code.TYPE_MISMATCH}
)
"""Codes that would be misread: what is wrong is this file, not an archive that it may be in."""


class Package:
    """An open file of parts; a context."""

    def __init__(self, opener: Opener, limits: Limits) -> None:
        """Raises `DataError` if it is no archive that could be a workbook."""
        self._limits = limits
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (closed by `close`)
        try:
            with opener() as source:
                while data := source.read(BUFFER):
                    self._file.write(data)
            with _explained("the file"):
                self._parts = _parts(cast(BinaryIO, self._file), limits)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Package:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget it."""
        self._file.close()

    def has(self, part: str) -> bool:
        """Is there a part of this name?"""
        return part.lower() in self._parts

    def elements(self, part: str, row: str) -> Generator[etree._Element, None, None]:
        """
        Give the elements of a part that stand at the path `row`, each whole until the next.

        Raises `DataError`.
        """
        layout = Layout(format=Format.XML, row=row, others="ignore")
        with _explained(f"its part {shown(part, limit=80)}"):
            groups = xml_records.groups(lambda: self._open(part), layout, self._limits)
            try:
                for group in groups:
                    for _, element in group.records:
                        yield element
            finally:
                groups.close()

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Give what a part points at, by id: the last word of the relation's type, and a part."""
        folder, name = posixpath.split(part)
        where = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}
        if not self.has(where):
            return found
        for one in self.elements(where, f"{RELATIONS}Relationships/{RELATIONS}Relationship"):
            if one.get("TargetMode") != "External":
                target = posixpath.join("/", folder, one.get("Target", ""))
                kind = one.get("Type", "").rpartition("/")[2]
                found[one.get("Id", "")] = (kind, posixpath.normpath(target).lstrip("/"))
        return found

    def _open(self, part: str) -> BinaryIO:
        member = self._parts.get(part.lower())
        if member is None:
            raise DataError(Code.MALFORMED, "it is not there")
        stream = Stream(cast(BinaryIO, self._file), member)
        return cast(BinaryIO, io.BufferedReader(stream, BUFFER))


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Say of everything that is wrong that it is in a workbook; lines of its XML help nobody."""
    try:
        yield
    except DataError as error:
        code = Code.MALFORMED if error.code in ARCHIVE else error.code
        what = f"this is no workbook that can be read; {place}: {error}"
        raise DataError(code, what, hint=error.hint) from error


def _parts(file: BinaryIO, limits: Limits) -> dict[str, Member]:
    """List the parts by their names in small letters; all of them checked."""
    file.seek(0)
    if file.read(len(OLE)) == OLE:
        what = "an old .xls, or a file with a password"
        raise DataError(Code.ENCRYPTED_MEMBER, what, hint="save it as .xlsx without a password")
    end = ziprecords.end(file)
    if end.count > limits.members:
        what = f"it has {end.count} parts, {limits.members} are taken"
        raise DataError(Code.TOO_MANY_MEMBERS, what)
    entries = list(ziprecords.entries(file, end))
    parts: dict[str, Member] = {}
    for entry, span in zip(entries, ziprecords.spans(file, entries, end), strict=True):
        name = entry.name.decode("utf-8", "replace")
        if entry.flags & ENCRYPTED:
            raise DataError(Code.ENCRYPTED_MEMBER, "it is encrypted")
        if entry.method not in (STORED, DEFLATED) or name.lower() in parts:
            raise DataError(Code.MALFORMED, f"it has an odd part {shown(name, limit=80)}")
        if entry.size > FREE_RATIO and entry.size > limits.ratio * entry.packed:
            what = f"{shown(name, limit=80)} unpacks to more than {limits.ratio} times its size"
            raise DataError(Code.TOO_LARGE, what)
        parts[name.lower()] = Member(
            name, entry.size, entry.packed, entry.method, entry.crc, span.data
        )
    if (total := sum(part.size for part in parts.values())) > limits.unpacked:
        what = f"it unpacks to {total} bytes, {limits.unpacked} are taken"
        raise DataError(Code.TOO_LARGE, what)
    return parts
