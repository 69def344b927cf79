"""
What a name means: `SKU code`, `productGuid`, `Artikel-Nr.` as words that can be compared.

Pure.  A name is cut at its marks and capitals, run-together words (`skuinventory`) at the words
of the trade, and every word becomes ours if it is another spelling of it.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from impexd.imports.describe.vocabulary import ALSO_WORDS, LANGUAGES, NOISE, SMALL, SPELLINGS

Words = tuple[str, ...]

LONGEST = 200
"""Characters of a name that are read; what is longer is none."""

_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LETTERS = str.maketrans("абвгдезийклмнопрстуфыэіїґ", "abvgdeziiklmnoprstufyeiig", "ъь")
_SOUNDS = {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "iu", "я": "ia"}
_CYRILLIC = _LETTERS | str.maketrans(_SOUNDS | {"є": "ie"})
_LANGUAGE = re.compile(r"(?:^|[\s_.\-@:/(\[])([A-Za-z]{2})(?:[-_][A-Za-z]{2})?[)\]]?$")


def folded(text: str) -> str:
    """Pure: small Latin letters without accents, as far as scripts go that are known here."""
    plain = text.casefold().translate(_UMLAUTS).translate(_CYRILLIC)
    spread = unicodedata.normalize("NFKD", plain)
    return "".join(char for char in spread if not unicodedata.combining(char))


OURS = {
    folded(word): ours for ours, all_of in SPELLINGS.items() for word in (ours, *all_of.split())
}
"""Spelling -> our word."""


@lru_cache(maxsize=4096)
def words(name: str) -> Words:
    """Pure: the words of a name, in our spelling."""
    found: list[str] = []
    for piece in re.split(r"[\W_]+", _CAPITALS.sub(" ", name[:LONGEST])):
        plain = folded(piece)
        if plain:
            found += _word(plain)
    return tuple(found)


def _word(piece: str) -> list[str]:
    if piece in OURS:
        return [OURS[piece]]
    single = _single(piece)
    if single in OURS:
        return [OURS[single]]
    return _cut(piece) if len(piece) > 5 else [piece]


def _single(piece: str) -> str:
    if piece.endswith("ies") and len(piece) > 4:
        return piece[:-3] + "y"
    return piece[:-1] if piece.endswith("s") and not piece.endswith("ss") else piece


def _cut(piece: str) -> list[str]:
    """
    Cut a run-together word at the words we know; leave it whole if that does not explain it.

    Of all ways, the one that leaves the fewest letters over, then the one of the fewest words.
    """
    best: list[tuple[int, int, list[str]]] = [(0, 0, [])]
    for end in range(1, len(piece) + 1):
        left, count, found = best[end - 1]
        choice = (left + 1, count, found)
        for start in range(max(0, end - 16), end - 2):
            if piece[start:end] in OURS:
                left, count, found = best[start]
                choice = min(choice, (left, count + 1, [*found, OURS[piece[start:end]]]))
        best.append(choice)
    left, count, found = best[-1]
    return found if count > 1 and left * 8 <= len(piece) else [piece]


def subject(file: str) -> Words:
    """Pure: the words of a file name that say what is in it; its head, as in English, comes last."""
    stem = re.sub(r"(\.[A-Za-z0-9]{1,5}){1,2}$", "", file)
    return tuple(word for word in words(stem) if word not in NOISE and not word.isdigit())


def meaning(name: str) -> frozenset[str]:
    """Pure: the words of a name without those that say nothing."""
    return frozenset(word for word in words(name) if word not in SMALL)


@dataclass(frozen=True, slots=True)
class Heading:
    """What the name of a column says."""

    name: str
    """As it stands in the file, without the language."""
    words: frozenset[str]
    language: str = ""
    base: bool = False
    """The column before its languages: `name` of `name;EN;DE`."""


def headings(header: Iterable[str]) -> list[Heading]:
    """Pure: read a header; bare languages (`name;EN;DE`) belong to the column before them."""
    cells = list(header)
    codes = _languages(cells)
    found: list[Heading] = []
    base = ""
    for cell, (name, code) in zip(cells, codes, strict=True):
        if code and not name and base:
            if found and not found[-1].language:
                found[-1] = Heading(found[-1].name, found[-1].words, base=True)
            found.append(Heading(base, meaning(base), code))
        elif code and name:
            found.append(Heading(name, meaning(name), code))
        else:
            base = cell
            found.append(Heading(cell, meaning(cell)))
    return found


def _languages(cells: list[str]) -> list[tuple[str, str]]:
    """Pure: what `split_language` says, without codes that may be words and have no company."""
    said = [split_language(cell) for cell in cells]
    beside: dict[str, set[str]] = {}
    for name, code in said:
        if code:
            beside.setdefault(name.casefold(), set()).add(code)
    return [
        (name, code)
        if code not in ALSO_WORDS or len(beside[name.casefold()] - ALSO_WORDS)
        else (cell, "")
        for cell, (name, code) in zip(cells, said, strict=True)
    ]


def split_language(cell: str) -> tuple[str, str]:
    """Pure: (name without language, language) of a header cell; "" where there is none."""
    text = cell.strip()
    found = _LANGUAGE.search(text)
    code = found[1].lower() if found else ""
    if not found or code not in LANGUAGES:
        return cell, ""
    name = text[: found.start()].strip(" _.-@:/([")
    if not name and len(text) > 5:
        return cell, ""
    return name, code


def language(cell: str) -> str:
    """Pure: the language a header cell names, by itself or at its end; "" for none."""
    return split_language(cell)[1]


def slug(text: str, *, other: str) -> str:
    """Pure: a name that entities and fields may have; `other` if nothing is left of the text."""
    plain = re.sub(r"[^a-z0-9]+", "_", folded(_CAPITALS.sub("_", text))).strip("_")[:50].strip("_")
    if not plain:
        return other
    return plain if plain[0].isalpha() else f"{other}_{plain}"[:50].strip("_")
