"""
The records of a JSON file, one after the other, in flat memory.

Takes text in chunks; walks down to the list of records and gives its elements as they are read.
What stands beside the list is read too, as it must be JSON, and forgotten.
"""

import json
import re
from collections.abc import Generator, Iterator
from typing import NamedTuple, NoReturn

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats import encoding
from impexd.formats.json_values import Decoder, Fault, Value
from impexd.model.limits import Limits
from impexd.model.problem import Code

_SPACE = re.compile(r"[ \t\r\n]*+")
_NUMBER = re.compile(r"[0-9.eE+-]*")
NEAR = 16
"""An error so near to the end of what was read may be none when more of it is read."""


class Found(NamedTuple):
    """An element of the list."""

    line: int
    """It rises, whatever the file: see `ports.Row`."""
    text: str
    """As it is written."""
    value: Value
    faults: list[Fault]


def records(texts: Iterator[str], path: tuple[str, ...], limits: Limits) -> Iterator[Found]:
    """
    Give the elements of the list that `path` leads to.

    Raises `DataError`: `empty_file`, `malformed`, `wrong_root`, `bad_structure`, `too_deep`,
    `line_too_long`, and what the texts raise.
    """
    reading = _Reading(texts, limits)
    if not reading.peek():
        raise DataError(Code.EMPTY_FILE, "there is nothing but white space in the file")
    last = 0
    for _ in reading.down(path, path):
        found = reading.record()
        last = max(found.line, last + 1)
        yield found._replace(line=last)
    if reading.peek():
        reading.refuse("the document ends before the file does")


class _Reading:
    """A place in a document."""

    def __init__(self, texts: Iterator[str], limits: Limits) -> None:
        self._texts = texts
        self._limits = limits
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1
        self._counted = 0
        """Up to here in the text, lines are counted."""
        self._decoder = Decoder()

    def peek(self) -> str:
        """Go to the next character that is no white space, and give it; "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more()

    def down(self, path: tuple[str, ...], whole: tuple[str, ...]) -> Iterator[None]:
        """Go down a path to a list, and along its elements; each is to be read before the next."""
        if not path:
            if self.peek() != "[":
                self._refuse_place(whole)
            yield from self._elements()
            return
        if self.peek() != "{":
            self._refuse_place(whole[: len(whole) - len(path)], "an object")
        met = False
        for key in self._members():
            if key != path[0]:
                self._skip(1)
                continue
            if met:
                what = f'the key "{shown(key, limit=60)}" is there twice'
                raise DataError(Code.DUPLICATE_FIELD, what, line=self.line())
            met = True
            yield from self.down(path[1:], whole)
        if not met:
            what = f'there is no "{shown(path[0], limit=60)}" in the file, where the records are'
            raise DataError(Code.BAD_STRUCTURE, what)

    def record(self) -> Found:
        """Read an element as a whole."""
        self.peek()
        line = self.line()
        value, start = self._value()
        return Found(line, self._text[start : self._at], value, self._decoder.faults)

    def line(self) -> int:
        """Say on which line we are."""
        self._line += encoding.lines(self._text[self._counted : self._at])
        self._counted = self._at
        return self._line

    def refuse(self, what: str, at: int | None = None) -> NoReturn:
        """Raise `malformed` for what stands here."""
        if at is not None:
            self._at = at
        cell = shown(self._text[self._at : self._at + 40])
        raise DataError(Code.MALFORMED, what, line=self.line(), cell=cell or None)

    def _refuse_place(self, path: tuple[str, ...], wanted: str = "a list") -> NoReturn:
        place = f'"{shown(".".join(path), limit=60)}"' if path else "the file"
        code = Code.BAD_STRUCTURE if path else Code.WRONG_ROOT
        hint = "the descriptor's `row` says where the list of records is, like data.items"
        raise DataError(code, f"{place} is not {wanted}", line=self.line(), hint=hint)

    def _elements(self) -> Generator[None, None, None]:
        self._at += 1
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield
            if self._closed("]"):
                return

    def _members(self) -> Generator[str, None, None]:
        self._at += 1
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                self.refuse("a key in quotes is wanted here")
            key, _ = self._value()
            if self.peek() != ":":
                self.refuse("a colon is wanted here")
            self._at += 1
            self.peek()
            yield str(key)
            if self._closed("}"):
                return

    def _closed(self, mark: str) -> bool:
        """Go past a comma, or past what closes a list or an object."""
        char = self.peek()
        if char not in (",", mark):
            self.refuse("the file is cut off" if not char else f"a comma or {mark} is wanted here")
        self._at += 1
        return char == mark

    def _skip(self, depth: int) -> None:
        """Read a value and forget it, however long it is."""
        char = self.peek()
        if char not in "{[" or not char:
            self._value()
            return
        if depth > self._limits.xml_depth:
            raise self._too_deep()
        for _ in self._members() if char == "{" else self._elements():
            self._skip(depth + 1)

    def _value(self) -> tuple[Value, int]:
        """Read the value that starts here; gives it, and where in the text it starts."""
        while True:
            try:
                value, end = self._decoder.read(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not self._may_go_on(error):
                    self.refuse(error.msg, max(error.pos, self._at))
            except RecursionError:
                raise self._too_deep() from None
            else:
                more = _NUMBER.match(self._text, end)  # 1 may become 1.5, and 1. is on its way
                if self._ended or not more or more.end() < len(self._text):
                    start, self._at = self._at, end
                    return value, start
            self._more()

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated") or error.pos > len(self._text) - NEAR

    def _more(self) -> None:
        """Read as much again as is pending, and forget what is behind us."""
        self.line()
        parts = [self._text[self._at :]]
        goal = size = len(parts[0])
        most = self._limits.line + self._limits.field
        if size > most:
            what = f"a record or value has more than {most} characters"
            raise DataError(Code.LINE_TOO_LONG, what, line=self._line)
        while size <= goal + goal:
            text = next(self._texts, None)
            if text is None:
                self._ended = True
                break
            parts.append(text)
            size += len(text)
        self._text = "".join(parts)
        self._at = self._counted = 0

    def _too_deep(self) -> DataError:
        what = f"values are nested more than {self._limits.xml_depth} deep"
        return DataError(Code.TOO_DEEP, what, line=self.line())
