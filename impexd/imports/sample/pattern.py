r"""
Texts that an expression matches: `brands(.*)\.csv` gives `brands.csv`, `[A-Z]{3}` gives `AAA`.

Pure.  The expression is read as far as RE2's syntax goes, and written out again with what is
optional left away; whoever asks tries the texts on the expression itself, so that what is read
wrongly does no harm.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

LIKED = "A1a0-_ .,:;/xX9Zz"
"""Characters that are chosen from a class, the first that is in it."""

CLASSES = {"d": "1", "w": "A", "s": " ", "D": "A", "W": "-", "S": "A"}
PLAIN = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
EMPTY = frozenset("bBAzZ")
"""Escapes that match a place, not a character."""

MOST = 100
"""Most repetitions that are written out."""

Writer = Callable[["Way"], str]
"""Gives a text for one part of an expression."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an expression is written out."""

    choice: int = 0
    """Which of several alternatives is taken, counted around."""
    full: bool = False
    """Is what is optional written once?"""
    filler: str = ""
    """What stands for `.*` then."""
    names: tuple[tuple[str, str], ...] = ()
    """Named groups whose text is known."""


def texts(expression: str, *, filler: str = "", **names: str) -> Iterator[str]:
    """Pure: texts that the expression is likely to match, short ones first, each once."""
    try:
        writer = _Reader(expression).whole()
    except (IndexError, ValueError):
        return  # an expression in words that are not known here
    seen: set[str] = set()
    known = tuple(names.items())
    for full in (False, True):
        for choice in range(6):
            text = writer(Way(choice, full, filler, known))
            if text not in seen:
                seen.add(text)
                yield text


class _Reader:
    """Reads an expression from its start to its end; ValueError or IndexError if it cannot."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def whole(self) -> Writer:
        found = self._alternatives()
        if self._at < len(self._text):
            raise ValueError("a bracket that closes nothing")
        return found

    def _next(self) -> str:
        char = self._text[self._at]
        self._at += 1
        return char

    def _follows(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += len(mark)
            return True
        return False

    def _alternatives(self) -> Writer:
        branches = [self._branch()]
        while self._follows("|"):
            branches.append(self._branch())
        return lambda way: branches[way.choice % len(branches)](way)

    def _branch(self) -> Writer:
        pieces: list[Writer] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            pieces.append(self._repeated(*self._atom()))
        return lambda way: "".join(piece(way) for piece in pieces)

    def _repeated(self, atom: Writer, anything: bool) -> Writer:
        least, most = 1, 1
        if self._follows("*"):
            least, most = 0, MOST
        elif self._follows("+"):
            least, most = 1, MOST
        elif self._follows("?"):
            least, most = 0, 1
        elif self._at < len(self._text) and (bounds := self._bounds()):
            least, most = bounds
        else:
            return atom
        self._follows("?")

        def written(way: Way) -> str:
            if anything and way.full and way.filler and most > 1:
                return way.filler
            return atom(way) * min(max(least, 1 if way.full and most else least), MOST)

        return written

    def _bounds(self) -> tuple[int, int] | None:
        end = self._text.find("}", self._at)
        if self._text[self._at] != "{" or end < 0:
            return None
        first, comma, last = self._text[self._at + 1 : end].partition(",")
        if not first.isdigit():
            return None
        self._at = end + 1
        least = int(first)
        return least, int(last) if last else MOST if comma else least

    def _atom(self) -> tuple[Writer, bool]:
        """Give the writer of one atom, and whether it matches anything."""
        match self._next():
            case "(":
                return self._group(), False
            case "[":
                return self._class(), False
            case "\\":
                return self._escape(), False
            case ".":
                return (lambda _way: "A"), True
            case "^" | "$":
                return (lambda _way: ""), False
            case char:
                return (lambda _way: char), False

    def _group(self) -> Writer:
        name = ""
        if self._follows("?"):
            if self._follows("P<") or self._follows("<"):
                end = self._text.index(">", self._at)
                name, self._at = self._text[self._at : end], end + 1
            else:
                while (mark := self._next()) not in ":)":
                    if mark not in "imsUu-":
                        raise ValueError("a group of a kind that is not known")
                if mark == ")":
                    return lambda _way: ""
        inner = self._alternatives()
        if not self._follows(")"):
            raise ValueError("a bracket that is not closed")
        if not name:
            return inner
        return lambda way: dict(way.names).get(name) or inner(way)

    def _escape(self) -> Writer:
        char = self._next()
        if char in EMPTY:
            return lambda _way: ""
        text = CLASSES.get(char) or PLAIN.get(char) or (char if not char.isalnum() else "")
        if char == "x":
            text = chr(int(self._next() + self._next(), 16))
        if not text:
            raise ValueError("an escape that is not known")
        return lambda _way: text

    def _class(self) -> Writer:
        outside = self._follows("^")
        ranges: list[tuple[str, str]] = []
        while not ranges or self._text[self._at] != "]":
            if self._follows("[:"):
                raise ValueError("a class by name")
            low = self._member()
            high = low
            if self._text[self._at] == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                high = self._member()
            ranges.append((low, high))
        self._at += 1

        def within(char: str) -> bool:
            return any(low <= char <= high for low, high in ranges)

        liked = next((char for char in LIKED if within(char) is not outside), None)
        text = liked if liked is not None else ranges[0][0]
        return lambda _way: text

    def _member(self) -> str:
        char = self._next()
        if char != "\\":
            return char
        char = self._next()
        return CLASSES.get(char) or PLAIN.get(char) or char
