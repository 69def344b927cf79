"""
Names and patterns from the names of files.

Pure.  `skuprices-2026-01-31.csv` becomes the descriptor `skuprices` for every file that begins so;
the pattern is made narrower until no other file of the sample matches it.
"""

import re
from collections.abc import Sequence

from impexd.core.text import shown
from impexd.imports import match
from impexd.imports.describe import names
from impexd.model.descriptor import Descriptor, Layout

_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8})$")
_COUNTED = re.compile(r"(?:[\s_.\-]+v?[0-9][0-9\s_.\-T]*|[0-9]{6,}[0-9\s_.\-T]*)$")
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")


def parts(file: str) -> tuple[str, str]:
    """Pure: the name of a file without dates and numbers at its end, and its suffix."""
    found = _SUFFIX.search(file)
    suffix = found[1] if found else ""
    stem = file[: len(file) - len(suffix)]
    return _COUNTED.sub("", stem) or stem, suffix


def slug(file: str, *, other: str) -> str:
    """Pure: a name for what is made of a file."""
    return names.slug(parts(file)[0], other=other)


def patterns(files: Sequence[str]) -> list[str]:
    """Pure: for each file an expression that matches it, and no other of them."""
    return [_pattern(file, files) for file in files]


def _pattern(file: str, files: Sequence[str]) -> str:
    stem, suffix = (escaped(part) for part in parts(file))
    for middle in ("(.*)", "([-_. ]?[0-9][-_.0-9]*)?"):
        tried = f"{stem}{middle}{suffix}"
        if [one for one in files if _takes(tried, one)] == [file]:
            return tried
    return escaped(file)


def escaped(text: str) -> str:
    """Pure: an expression for just this text."""
    return _META.sub(r"\\\1", "".join(char if char.isprintable() else "?" for char in text))


def _takes(pattern: str, file: str) -> bool:
    return match.takes(Descriptor(file=Layout(match=pattern)), file)


def label(file: str) -> str:
    """Pure: a name for people."""
    return shown(parts(file)[0], limit=80)
