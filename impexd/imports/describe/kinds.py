"""
What type a column is: the narrowest one whose every cell the import's own conversion takes.

Pure.  Takes the different texts of a column and its name; gives a `Kind` with the keys a
`[[column]]` needs for it, and the evidence.  A name that says "identifier" wins over digits:
leading zeros are part of it, and nobody adds article numbers up.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from impexd.core.text import shown
from impexd.imports import cell
from impexd.imports.describe.vocabulary import FLAGS, IDENTIFIERS, NUMBERED
from impexd.imports.values import Bad
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Type

Keys = Mapping[str, Any]
"""Keys of a `[[column]]`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type, and how the file writes it."""

    type: Type
    keys: Keys = field(default_factory=dict)
    evidence: str = ""
    scale: int | None = None
    """Digits after the point of the longest decimal."""
    telling: bool = False
    """Is it text although it looks like numbers?"""


NUMBERS: tuple[tuple[str, str], ...] = (
    (".", ""),
    (",", ""),
    (",", "."),
    (".", ","),
    (",", " "),
    (".", " "),
    (".", "'"),
)
"""(decimal sign, thousands), the first that fits every cell is taken."""

PAIRS: tuple[tuple[str, str], ...] = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("on", "off"),
    ("ja", "nein"),
    ("j", "n"),
    ("wahr", "falsch"),
    ("oui", "non"),
    ("vrai", "faux"),
    ("si", "no"),
    ("sí", "no"),
    ("да", "нет"),
    ("так", "ні"),
    ("tak", "nie"),
    ("ano", "ne"),
)
DAYS = ("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y")
MOMENTS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M%S",
)
DIGITS = "%Y%m%d"
"""A date in digits alone: believed only of a column whose name says that it is one."""

_NUMBER = re.compile(r"[+-]?[0-9][0-9.,' \u00a0\u2009\u202f]*").fullmatch
_ZERO = re.compile(r"[+-]?0[0-9]").match


def kind(texts: Collection[str], words: Collection[str]) -> Kind:
    """Pure: the type of a column with these different, non-empty texts and words in its name."""
    if not texts:
        return Kind(Type.TEXT, evidence="no cell says what it is")
    named = identifies(words)
    for tried in (_boolean, _digits, _integer, _decimal, _day, _moment, _json):
        found = tried(texts, words)
        if found is None:
            continue
        if named and found.type in (Type.INTEGER, Type.DECIMAL):
            why = f"digits, but `{named}` names things, it counts none"
            return Kind(Type.TEXT, evidence=why, telling=True)
        return found
    return Kind(Type.TEXT, evidence=f"text: {told(texts)}")


def joined() -> Kind:
    """Pure: what several elements say, joined: it is text, for 1 and 250 joined are not 1.25."""
    why = "this element repeats, and its texts are joined"
    return Kind(Type.TEXT, evidence=why, telling=True)


def identifies(words: Collection[str]) -> str:
    """Pure: the word that makes a name an identifier; "" if there is none."""
    if "quantity" in words:
        return ""
    found = [word for word in words if word in IDENTIFIERS or word in NUMBERED]
    return min(found, default="")


def told(texts: Iterable[str], count: int = 3) -> str:
    """Pure: a few texts as they are shown in evidence."""
    few = [text for text, _ in zip(texts, range(count), strict=False)]
    return ", ".join(f'"{shown(text, limit=24)}"' for text in few)


def converts(texts: Iterable[str], type: Type, **keys: Any) -> bool:
    """Pure: does the import take every one of these texts?"""
    return not misfits(texts, Field(type=type), keys)


def ways(type: Type) -> Iterator[Keys]:
    """Pure: how files may write a type, the plain way first."""
    yield {}
    match type:
        case Type.INTEGER | Type.DECIMAL:
            for point, thousands in NUMBERS[1:]:
                yield _marks(point, thousands)
        case Type.BOOLEAN:
            for yes, no in PAIRS:
                yield {"true": [yes], "false": [no]}
        case Type.DATE:
            yield from ({"format": pattern} for pattern in DAYS)
        case Type.DATETIME:
            yield from ({"format": pattern} for pattern in (*MOMENTS, *DAYS))


def _marks(point: str, thousands: str) -> dict[str, str]:
    said = {"decimal": point} if point != "." else {}
    return said | ({"thousands": thousands} if thousands else {})


def misfits(texts: Iterable[str], into: Field, keys: Keys, most: int = 1) -> list[tuple[str, str]]:
    """Pure: the first texts the import does not take for a field, each with its reason."""
    written = json.dumps({"from": 1, "to": "x", **keys})
    column = Column.model_validate_json(written, by_alias=True, by_name=False)
    finish = cell.finishing(column, into)
    found: list[tuple[str, str]] = []
    for text in texts:
        try:
            finish(text)
        except Bad as bad:
            found.append((text, str(bad)))
            if len(found) >= most:
                break
    return found


def _boolean(texts: Collection[str], words: Collection[str]) -> Kind | None:
    said = {text.casefold() for text in texts}
    flag = FLAGS & set(words)
    if said <= {"0", "1"}:
        if not flag:
            return None
        why = f"only {told(sorted(said))}, and `{min(flag)}` in its name"
        return Kind(Type.BOOLEAN, evidence=f"yes or no: {why}")
    for yes, no in PAIRS:
        if said <= {yes, no} and (len(said) > 1 or len(yes) > 2 or flag):
            plain = converts(texts, Type.BOOLEAN)
            keys = {} if plain else {"true": [yes], "false": [no]}
            return Kind(Type.BOOLEAN, keys, f"yes or no: only {told(sorted(texts))}")
    return None


def _digits(texts: Collection[str], words: Collection[str]) -> Kind | None:
    dated = "date" in words and all(len(text) == 8 and text.isdecimal() for text in texts)
    return _pattern(Type.DATE, texts, [DIGITS]) if dated else None


def _integer(texts: Collection[str], words: Collection[str]) -> Kind | None:
    if not converts(texts, Type.INTEGER):
        return None
    return _padded(texts) or Kind(Type.INTEGER, evidence=f"whole numbers: {told(texts)}")


def _padded(texts: Collection[str]) -> Kind | None:
    """Pure: numbers with leading zeros are none."""
    found = next((text for text in texts if _ZERO(text)), "")
    why = f"digits, with leading zeros as in {told([found])}"
    return Kind(Type.TEXT, evidence=why, telling=True) if found else None


def _decimal(texts: Collection[str], words: Collection[str]) -> Kind | None:
    if not all(map(_NUMBER, texts)):
        return None
    for point, thousands in NUMBERS:
        keys = _marks(point, thousands)
        if converts(texts, Type.DECIMAL, **keys):
            if padded := _padded(texts):
                return padded
            scale = max(len(text.partition(point)[2]) for text in texts)
            kind = Type.DECIMAL if scale or not keys else Type.INTEGER
            why = f"numbers: {told(texts)}{_doubt(texts, point, thousands)}"
            return Kind(kind, keys, why, min(scale, 18))
    return None


def _doubt(texts: Collection[str], point: str, thousands: str) -> str:
    """Pure: say so if the one sign there is may as well part thousands."""
    if thousands or point == ".":
        return ""
    if all(re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", text) for text in texts):
        return '; the comma may as well part thousands: then decimal = ".", thousands = ","'
    return ""


def _day(texts: Collection[str], words: Collection[str]) -> Kind | None:
    if converts(texts, Type.DATE):
        return Kind(Type.DATE, evidence=f"dates: {told(texts)}")
    return _pattern(Type.DATE, texts, DAYS)


def _moment(texts: Collection[str], words: Collection[str]) -> Kind | None:
    if converts(texts, Type.DATETIME):
        aware = all(re.search(r"(Z|[+-]\d\d:?\d\d)$", text) for text in texts)
        zone = "" if aware else "; without a zone, so UTC is taken: say `zone` if it is another"
        return Kind(Type.DATETIME, evidence=f"moments: {told(texts)}{zone}")
    return _pattern(Type.DATETIME, texts, MOMENTS)


def _pattern(type: Type, texts: Collection[str], patterns: Iterable[str]) -> Kind | None:
    fitting = list(_fitting(type, texts, patterns))
    if not fitting:
        return None
    why = f"{'dates' if type is Type.DATE else 'moments'}: {told(texts)}"
    if len(fitting) > 1:
        why += f"; {fitting[1]} would fit as well"
    if type is Type.DATETIME:
        why += "; UTC is taken: say `zone` if it is another"
    return Kind(type, {"format": fitting[0]}, why)


def _fitting(type: Type, texts: Collection[str], patterns: Iterable[str]) -> Iterator[str]:
    sample = next(iter(texts))
    for pattern in patterns:
        if converts([sample], type, format=pattern) and converts(texts, type, format=pattern):
            yield pattern


def _json(texts: Collection[str], words: Collection[str]) -> Kind | None:
    if all(text[0] in "{[" for text in texts) and converts(texts, Type.JSON):
        return Kind(Type.JSON, evidence="JSON in every cell")
    return None
