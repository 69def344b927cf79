"""What kind of file is this?  Told from its first bytes, never from its name."""

import codecs
from enum import StrEnum

XML_SPACE = " \t\r\n"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Kind(StrEnum):
    """Kinds that can be told apart by their first bytes."""

    ZIP = "zip"
    GZIP = "gzip"
    XML = "xml"
    OTHER = "other"


def sniff(head: bytes) -> Kind:
    """Pure: tell the kind from the first bytes, 64 are plenty; an XLSX file is a zip too."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Kind.ZIP
    if head.startswith(b"\x1f\x8b"):
        return Kind.GZIP
    text = head.decode("latin-1")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            text = head[len(mark) :].decode(encoding, "ignore")
    return Kind.XML if text.lstrip(XML_SPACE).startswith("<") else Kind.OTHER
