"""
Zip archives: which members are taken, and each as a stream.  Nothing is ever extracted.

Takes a binary file that can seek; `members` gives what an archive holds, all of it checked
before the first byte is unpacked; `opened` gives a member's bytes.

An archive is flat: a member's name is one file name, of letters and digits of any script and a
few marks.  Passed over are folders (`sub/`), `__MACOSX/`, names that begin with a dot, and what
Windows leaves behind (`Thumbs.db`, `desktop.ini`).  A file inside of a folder is refused, like
any name with a separator: nobody can tell what it is meant to replace.
"""

import io
import stat
import unicodedata
from collections.abc import Sequence
from typing import BinaryIO, cast

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import ziprecords
from impexd.formats.magic import Kind, sniff
from impexd.formats.ziprecords import Entry, Span
from impexd.formats.zipstream import DEFLATED, STORED, Member, Stream
from impexd.model.limits import KiB, Limits, MiB
from impexd.model.problem import Code

__all__ = ["Kind", "Member", "complete", "members", "opened", "sniff"]

BUFFER = 128 * KiB

LONGEST = 120
"""Most characters of a name."""

MARKS = frozenset("._ -()+,&@#=~'!")
"""What a name may hold besides letters and digits."""

JUNK = frozenset({"thumbs.db", "desktop.ini"})

PACKED_SHEETS = (".xlsx", ".xlsm")
"""Files that are zip archives themselves and are still no nested archives."""

UTF8 = 0x0800
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
AES = 99
FOLDER = 0x10

FREE_RATIO = 10 * MiB
"""Up to this size a member may be packed as well as it likes."""


def members(file: BinaryIO, limits: Limits, names: str = "cp437") -> list[Member]:
    """
    List the members to be read, in the order of the directory.

    `names` is the encoding of names that are neither marked as UTF-8 nor valid UTF-8.  Names are
    given in Unicode's composed form.  Raises `DataError` if anything at all is wrong with the
    archive; nothing has been unpacked by then.
    """
    end = ziprecords.end(file)
    if end.count > limits.members:
        what = f"the archive has {end.count} members, {limits.members} are taken"
        raise DataError(Code.TOO_MANY_MEMBERS, what)
    entries = list(ziprecords.entries(file, end))
    known = [_name(entry, names) for entry in entries]
    for entry, name in zip(entries, known, strict=True):
        _check(entry, name)
    _refuse_twins([name for name in known if not _passed_over(name)])
    spans = ziprecords.spans(file, entries, end)
    found = [
        _member(entry, name, span)
        for entry, name, span in zip(entries, known, spans, strict=True)
        if not _passed_over(name)
    ]
    if not found:
        raise DataError(Code.EMPTY_ARCHIVE, "there is no file in the archive")
    _refuse_bombs(found, limits)
    return found


def opened(file: BinaryIO, member: Member, limits: Limits) -> BinaryIO:
    """
    Open a member as a stream; a context.  Closing it leaves the archive open.

    Raises `DataError`, here or in any read: `bad_data`, `inconsistent_archive`, `bad_crc`, and
    `nested_archive` for a member that is an archive under another name.
    """
    if member.size > limits.file:
        raise _too_large(member, limits)
    with io.BufferedReader(Stream(file, member), 16) as first:
        head = first.read(4)
    if sniff(head) is Kind.ZIP and not member.name.lower().endswith(PACKED_SHEETS):
        raise _nested(member.name)
    return cast(BinaryIO, io.BufferedReader(Stream(file, member), BUFFER))


def complete(file: BinaryIO) -> bool:
    """
    Say whether the archive in this file has come to its end.

    One byte less and it has not.  Bytes behind the end record do not make it incomplete, as
    more of them cannot make it right: `members` will say what is wrong.
    """
    return ziprecords.whole(file)


def _name(entry: Entry, names: str) -> str:
    """Pure: decode a name and refuse it if it could mean more than a file of this name."""
    try:
        name = entry.name.decode("utf-8")
    except UnicodeDecodeError:
        if entry.flags & UTF8:
            raise _unsafe(entry.name, "is not the UTF-8 it says it is") from None
        name = entry.name.decode(names, "replace")
    name = unicodedata.normalize("NFC", name)
    parts = name.removesuffix("/").split("/")
    if not name.isprintable() or "\N{REPLACEMENT CHARACTER}" in name:
        raise _unsafe(name, "holds what cannot be printed")
    if "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise _unsafe(name, "is a path")
    if _passed_over(name):
        return name
    if len(parts) > 1:
        raise _unsafe(name, "lies in a folder; only files at the top of an archive are taken")
    if len(name) > LONGEST:
        raise _unsafe(name, f"has more than {LONGEST} characters")
    odd = [char for char in name if not (char.isalnum() or char in MARKS or _accent(char))]
    if odd:
        raise _unsafe(name, f'holds a "{odd[0]}"')
    return name


def _accent(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Mc")


def _passed_over(name: str) -> bool:
    base = name.rpartition("/")[2]
    return not base or base.startswith(".") or name.startswith("__MACOSX/") or base.lower() in JUNK


def _check(entry: Entry, name: str) -> None:
    """Pure: refuse kinds of members, and ways of packing them, that are not taken."""
    kind = stat.S_IFMT(entry.attributes >> 16)
    folder = name.endswith("/")
    right = (0, stat.S_IFDIR) if folder else (0, stat.S_IFREG)
    if kind not in right or (folder and entry.size) or (entry.attributes & FOLDER and not folder):
        raise DataError(Code.UNSAFE_MEMBER_TYPE, f"{_told(name)} is no regular file")
    if entry.flags & ENCRYPTED or entry.method == AES:
        raise DataError(Code.ENCRYPTED_MEMBER, f"{_told(name)} is encrypted")
    if entry.method not in (STORED, DEFLATED):
        what = f"{_told(name)} is packed by method {entry.method}; deflate and none are taken"
        raise DataError(Code.UNSUPPORTED_METHOD, what)
    if entry.method == STORED and entry.packed != entry.size:
        what = f"{_told(name)} is not packed, and has two sizes"
        raise DataError(Code.INCONSISTENT_ARCHIVE, what)
    if name.lower().endswith(".zip") and not _passed_over(name):
        raise _nested(name)


def _refuse_twins(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise DataError(Code.DUPLICATE_MEMBER, f"{_told(name)} is there twice")
        seen.add(name.casefold())


def _member(entry: Entry, name: str, span: Span) -> Member:
    return Member(name, entry.size, entry.packed, entry.method, entry.crc, span.data)


def _refuse_bombs(found: Sequence[Member], limits: Limits) -> None:
    """Refuse by what the archive says; that it tells the truth is checked while it is unpacked."""
    for member in found:
        if member.size > limits.file:
            raise _too_large(member, limits)
        if member.size > FREE_RATIO and member.size > limits.ratio * member.packed:
            what = f"{_told(member.name)} unpacks to more than {limits.ratio} times its size"
            raise DataError(Code.TOO_LARGE, what)
    total = sum(member.size for member in found)
    if total > limits.unpacked:
        what = f"the archive unpacks to {total} bytes, {limits.unpacked} are taken"
        raise DataError(Code.TOO_LARGE, what)


def _told(name: str) -> str:
    return f"the member {shown(name, limit=60)}"


def _unsafe(name: str | bytes, what: str) -> DataError:
    return DataError(Code.UNSAFE_MEMBER_NAME, f"the name of {shown(name, limit=60)} {what}")


def _nested(name: str) -> DataError:
    return DataError(Code.NESTED_ARCHIVE, f"{_told(name)} is an archive in the archive")


def _too_large(member: Member, limits: Limits) -> DataError:
    what = f"{_told(member.name)} unpacks to {member.size} bytes, {limits.file} are taken"
    return DataError(Code.TOO_LARGE, what)
