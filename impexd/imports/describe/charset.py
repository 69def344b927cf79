"""
Which encoding a text is in: its mark, strict UTF-8, or a guess that says it is one.

Takes an opener; gives the keys of `[file]` with evidence.  What is not UTF-8 cannot be known from
its bytes, only guessed; so the guess becomes `fallback`, and the evidence shows how the same word
reads in each likely encoding.  A person sees at once which one is right.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from impexd.core.text import shown
from impexd.model.limits import KiB
from impexd.ports import Opener

CHUNK = 256 * KiB
KEPT = 64 * KiB
"""Bytes that are no ASCII, with what stands around them, kept to guess by."""

MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
LIKELY = ("cp1252", "cp1251", "cp1250", "iso-8859-1")
"""Encodings of old shop systems, the most likely one first."""

_AROUND = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_CYRILLIC = re.compile("[\u0400-\u045f\u0490\u0491]")
_CENTRAL = re.compile("[ąćęłńśźżěščřžýůďťňőűășț]", re.IGNORECASE)
_WESTERN = re.compile("[äöüßéèêëàâçîïôûùñáíóúãõåæøœ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Charset:
    """What is to be said of an encoding: `key` is "encoding", "fallback", or "" for neither."""

    key: str
    name: str
    why: str


def guess(opener: Opener) -> Charset:
    """Look at all bytes of a text file."""
    with opener() as stream:
        head = stream.read(4096)
    for mark, name in MARKS:
        if head.startswith(mark):
            return Charset("", "", f"{name}, by its byte order mark")
    if wide := _wide(head):
        return Charset("encoding", wide, "every other byte is NUL, and there is no mark")
    place, odd = _odd(opener)
    if not odd:
        plain = "ASCII" if place < 0 else "UTF-8"
        return Charset("", "", f"the whole file is valid {plain}")
    samples = list(dict.fromkeys(odd))[:200]
    name = likely(samples)
    return Charset("fallback", name, f"byte 0x{_first(odd):02x} is not UTF-8; {readings(samples)}")


def likely(samples: list[bytes]) -> str:
    """Pure: the encoding in which these words look most like words."""
    return max(LIKELY, key=lambda name: (_looks(samples, name), -LIKELY.index(name)))


def readings(samples: list[bytes]) -> str:
    """Pure: how the most telling word reads in each encoding."""
    word = max(samples[:50], key=lambda one: min(len(one), 12))[:24]
    told = []
    for name in LIKELY[:3]:
        try:
            told.append(f'{name} reads "{shown(word.decode(name), limit=24)}"')
        except UnicodeDecodeError:
            told.append(f"{name} cannot be")
    return ", ".join(told)


def _looks(samples: list[bytes], name: str) -> float:
    """Pure: the share of words that look like words in this encoding; below 0 if it cannot be."""
    good = 0.0
    for sample in samples:
        try:
            word = sample.decode(name)
        except UnicodeDecodeError:
            return -1.0
        good += _word(word, name)
    return good / len(samples)


def _word(word: str, name: str) -> float:
    """Pure: how much this looks like a word of the languages an encoding is for."""
    odd = [char for char in word if char > "\x7f"]
    if any(not char.isalpha() for char in odd):
        return 0.2 if all(char.isprintable() for char in odd) else 0.0
    if name == "cp1251":
        whole = all(_CYRILLIC.fullmatch(char) for char in word)
        return 1.0 if whole and len(word) > 2 and word[1:] == word[1:].lower() else 0.3 * whole
    if word[1:] != word[1:].lower() and word != word.upper():
        return 0.1
    letters = _CENTRAL if name == "cp1250" else _WESTERN
    return len(letters.findall(word)) / len(odd) * (1.0 if len(odd) * 2 <= len(word) else 0.5)


def _wide(head: bytes) -> str:
    """Pure: UTF-16 without a mark, told by its NULs."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 10 < len(head) * 3:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _odd(opener: Opener) -> tuple[int, list[bytes]]:
    """
    Read the whole file: (how it is if it is UTF-8, the words that have bytes above ASCII).

    The words come only if it is not UTF-8; the number is -1 if all of it is ASCII.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    valid, high, kept, size = True, -1, [], 0
    for data in _chunks(opener):
        if valid:
            try:
                decoder.decode(data)
            except UnicodeDecodeError:
                valid = False
        if not data.isascii():
            high = 0
            for found in _AROUND.finditer(data) if size < KEPT else ():
                kept.append(found[0])
                size += len(found[0])
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        valid = False
    return high, [] if valid else kept


def _first(words: list[bytes]) -> int:
    return next(byte for byte in words[0] if byte > 0x7F)


def _chunks(opener: Opener) -> Iterator[bytes]:
    with opener() as stream:
        while data := stream.read(CHUNK):
            yield data
