"""
The lines on which elements of one name start, and no more of a lexer than that takes.

The parser's own line numbers are those of the end of a start tag, and stop at 65,535.  So the
text is searched for start tags before it is parsed.  In well-formed XML a `<` stands only where a
tag, a comment, a CDATA section or an instruction starts; inside of the last three anything may
stand, so those are passed over.  What is not well-formed the parser refuses.
"""

import re
from collections.abc import Iterator

from impexd.core.errors import DataError
from impexd.formats import encoding
from impexd.formats.xml_text import NAME
from impexd.model.limits import Limits
from impexd.model.problem import Code

_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_TOLD = re.compile(r"[ \t\r\n/>]")
"""What ends the name in a tag."""


class Starts:
    """Finds start tags by their local name, chunk by chunk."""

    def __init__(self, name: str, limits: Limits) -> None:
        name = re.escape(name)
        self._quick = re.compile(rf"<({name})[ \t\r\n/>]")
        self._token = re.compile(rf"<(?:(?:{NAME}:)?({name})[ \t\r\n/>]|!--|!\[CDATA\[|\?)")
        self._prefixed = re.compile(f":{name}")
        self._most = limits.line + limits.field
        self._line = 1
        self._held = ""
        """The end of the last chunk, where it may be the beginning of what we look for."""
        self._end = ""
        """What closes the comment, section or instruction we are in."""
        self._opened = 0
        """Where that begins in the text at hand, or how far before it."""
        self.size = self.marks = 0
        """Characters, and equals signs, since the last start."""
        self.sizes = self.all_marks = 0
        """The most from one start to the next, in the last text or up to it."""

    def lines(self, text: str) -> list[int]:
        """
        Give the line of each start tag in the text; one that is cut off comes with the next.

        Raises `DataError` if one text, tag or comment goes on for longer than any may.
        """
        text = self._held + text
        newlines = _lines if "\r" in text else str.count
        found = []
        counted = 0
        self.sizes = self.all_marks = 0
        for place in self._places(text):
            self._line += newlines(text, "\n", counted, place)
            self._measure(text, counted, place)
            self.size = self.marks = 0
            counted = place
            found.append(self._line)
        stop = len(text) - len(self._held)
        self._line += newlines(text, "\n", counted, stop)
        self._measure(text, counted, stop)
        self._refuse_endless(text)
        self._opened -= stop
        return found

    def _measure(self, text: str, start: int, stop: int) -> None:
        self.size += stop - start
        self.marks += text.count("=", start, stop)
        if self.size > self.sizes:
            self.sizes = self.size
        if self.marks > self.all_marks:
            self.all_marks = self.marks

    def _places(self, text: str) -> Iterator[int]:
        odd = self._end or "<!" in text or "<?" in text or self._prefixed.search(text)
        token = self._token if odd else self._quick
        at = 0
        while True:
            if self._end:
                closed = text.find(self._end, at)
                if closed < 0:
                    self._held = _beginning(text, self._end, at)
                    return
                at = closed + len(self._end)
                self._end = ""
            for start in token.finditer(text, at):
                if start[1] is None:
                    self._opened, at = start.span()
                    self._end = _ENDS[start[0]]
                    break
                yield start.start()
            else:
                last = text.rfind("<", at)
                self._opened = last if last >= 0 else at or self._opened
                self._held = "" if last < 0 or _TOLD.search(text, last) else text[last:]
                return

    def _refuse_endless(self, text: str) -> None:
        if len(text) - self._opened > self._most:
            what = f"a text, tag or comment has more than {self._most} characters"
            raise DataError(Code.VALUE_TOO_LONG, what, line=self._line)


def _lines(text: str, _newline: str, start: int, stop: int) -> int:
    """Pure: as `str.count` for text that has ends of lines other than newlines."""
    return encoding.lines(text[start:stop])


def _beginning(text: str, mark: str, start: int) -> str:
    """Pure: as much of the text's end as may be the beginning of `mark`."""
    for size in range(min(len(mark) - 1, len(text) - start), 0, -1):
        if text.endswith(mark[:size]):
            return mark[:size]
    return ""
