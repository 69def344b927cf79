"""
Text from the bytes of an XML file, with everything in front of its root looked at first.

Gives the name of the root and the text from the first character on.  A byte order mark decides
the encoding, else the XML declaration, else it is UTF-8.  Decoding is ours and not the parser's:
so it is as strict as for any other file, and the parser cannot see a document type declaration
that we do not see.  Any of those is refused: what a DTD declares is expanded, fetched or left
out, and none of it is wanted in data.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import encoding
from impexd.model.faults import layout as faults
from impexd.model.limits import Limits
from impexd.model.problem import Code
from impexd.ports import Opener

NAME = r"[^ \t\r\n<>/!?:=\"'&]+"
"""A name, or a prefix, as far as it takes to find its end: the parser knows what a name may hold."""

_DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\sencoding\s*=\s*[\"']([^\"'<>]*)[\"']")
_PROLOG = re.compile(r"(?:[ \t\r\n]++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_ROOT = re.compile(rf"<(?:{NAME}:)?({NAME})[ \t\r\n/>]")
_UNFINISHED = re.compile(rf"<(?:\?|!--|!?-?$|(?:{NAME}:)?(?:{NAME})?$)")
_DOCTYPE = "<!DOCTYPE"

ASCII = bytes(byte for byte in range(0x20, 0x7F) if byte not in b"\\~").decode()
"""What every encoding has that a declaration can be read in; some have a yen sign for \\."""

HINT = "save it as UTF-8"


def opened(opener: Opener, limits: Limits) -> tuple[str, Iterator[str]]:
    """
    Give the local name of the root, "" if there is none, and the text in chunks.

    Raises `DataError`: `empty_file`, `encoding`, `dtd_forbidden`, `value_too_long`; the iteration:
    `encoding`.
    """
    texts = encoding.texts(opener, encoding=_declared(opener), fallback=None)
    text = ""
    for more in texts:
        text += more
        found = _PROLOG.match(text)
        at = found.end() if found else 0
        if text.startswith(_DOCTYPE, at):
            line = 1 + encoding.lines(text[:at])
            what = "the file has a document type declaration (DOCTYPE), which is not taken"
            raise DataError(Code.DTD_FORBIDDEN, what, line=line)
        if root := _ROOT.match(text, at):
            return root[1], chain([text], texts)
        if not _unfinished(text, at):
            break
        if len(text) > limits.line + limits.field:
            what = f"more than {len(text)} characters stand before the root"
            raise DataError(Code.VALUE_TOO_LONG, what, line=1)
    return "", chain([text], texts)


def _unfinished(text: str, at: int) -> bool:
    """Pure: may this become a root, or a DOCTYPE, when more of it is read?"""
    rest = text[at : at + len(_DOCTYPE)]
    return at == len(text) or _DOCTYPE.startswith(rest) or bool(_UNFINISHED.match(text, at))


def _declared(opener: Opener) -> str | None:
    """Read what the XML declaration says; None if it says nothing, or a mark says it better."""
    with opener() as stream:
        head = stream.read(encoding.HEAD)
        while len(head) < encoding.HEAD and (data := stream.read(encoding.HEAD)):
            head += data
    found = _DECLARED.match(head)
    if not found or head.startswith(codecs.BOM_UTF8):
        return None
    name = found[1].decode("latin-1").strip()
    if not faults.encoding(name):
        what = f"the file declares the encoding {shown(name, limit=40)}, which nobody knows"
        raise DataError(Code.ENCODING, what, line=1, hint=HINT)
    if ASCII.encode().decode(name, "replace") != ASCII:
        what = f"the file declares the encoding {shown(name, limit=40)} and is not written in it"
        raise DataError(Code.ENCODING, what, line=1, hint=HINT)
    return name
