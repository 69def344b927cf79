r"""
Cut CSV text at the ends of its records, and prove that each record is well-formed.

Takes chunks of text; gives `Segment`s of whole, proven records for the parser, and a `Problem`
for each record that is malformed.  It is done before the parser because a parser in the midst of
a file cannot go on after a malformed record, and takes an unclosed quote for one endless cell.

A quote is right in two places only: at the start of a cell, and doubled or at the end of a cell
that began with one.  One expression with possessive quantifiers runs over all text that keeps to
this, as fast as memory allows; text without any quote needs no look at all.

After a malformed record reading goes on at its second physical line: if a quote is missing, its
cell has run on into rows that are good, and those are still to be read.

Backslashes (`escape = "backslash"`): `\"` and `\\` become marks before anything else looks at the
text, and are turned back in the cells; any other backslash stands for itself, as partners mean it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from impexd.core.errors import DataError
from impexd.core.text import SAMPLE
from impexd.formats.encoding import lines
from impexd.formats.page import NULS, Malformed
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.model.problem import Code, about

QUOTE, BACKSLASH = "\udc22", "\udc5c"
"""Marks of an escaped quote and backslash: lone surrogates, which no strict decoder gives."""

_END = re.compile(r"\r\n?|\n")
_LINE = re.compile(r"[^\r\n]++")


@dataclass(frozen=True, slots=True)
class Segment:
    """Whole records that a strict parser takes."""

    line: int
    """The physical line it starts on."""
    text: str
    """Ends with LF."""
    lines: int


class _Shape(NamedTuple):
    """What a well-formed quote looks like in this layout."""

    quote: str
    border: str
    """What may stand before and behind a quoted cell."""
    proven: re.Pattern[str]
    """Text up to the end of its last well-formed quoted cell."""
    quoted: re.Pattern[str]


class _Found(NamedTuple):
    stop: int
    """Up to here all records are whole and well-formed."""
    fault: str = ""
    """What is wrong with the record that starts there; "" if it is only not all here yet."""
    opened: int | None = None
    """Where a quote opens that is not closed yet."""


def pieces(texts: Iterator[str], layout: Layout, limits: Limits) -> Iterator[Segment | Malformed]:
    """
    Cut a file into proven segments; malformed records come as problems in between.

    Raises `DataError` for a quote that is never closed and for what is longer than the limits:
    a physical line than `line`, a row of many lines than `line` and `field` together.  Hardly
    more text than that is ever held.
    """
    texts = _past(texts, layout.skip)
    if layout.escape == "backslash":
        texts = _marked(texts, layout.quote)
    shape = _shape(layout)
    line, pending, ended = 1 + layout.skip, "", False
    while not ended:
        text, ended = _grown(pending, texts, limits.line + limits.field)
        start, found = 0, _Found(0)
        while start < len(text):
            found = _look(text, start, shape, ended=ended)
            if found.stop > start:
                segment = _segment(text[start : found.stop], line, limits)
                yield segment
                start, line = found.stop, line + segment.lines
            end = _line_end(text, start, ended=ended) if found.fault else 0
            if not end:
                break
            _refuse_long_lines(text[start:end], None, line, limits)
            row = _plain(text[start:end].rstrip("\r\n"), layout)
            yield Malformed(about(Code.MALFORMED, found.fault, line=line, cell=row[:SAMPLE]), row)
            start, line = end, line + 1
        pending = text[start:]
        opened = None if found.opened is None else found.opened - start
        _refuse_endless(pending, opened, line, limits, ended=ended)


def _past(texts: Iterator[str], skip: int) -> Iterator[str]:
    """Pass over physical lines, whatever is in them."""
    for text in texts:
        for end in _END.finditer(text) if skip else ():
            skip -= 1
            if not skip:
                yield text[end.end() :]
                break
        else:
            if not skip:
                yield text


def _marked(texts: Iterator[str], quote: str) -> Iterator[str]:
    """Put marks for escaped quotes and backslashes; a lone backslash at the end waits for more."""
    pair = re.compile(rf"\\([{re.escape(quote)}\\])")
    marks = {"\\": BACKSLASH, quote: QUOTE}
    held = ""
    for chunk in texts:
        text = held + chunk
        odd = (len(text) - len(text.rstrip("\\"))) % 2
        held = "\\" * odd
        text = text[: len(text) - odd]
        yield pair.sub(lambda found: marks[found[1]], text) if "\\" in text else text
    yield held


def _plain(text: str, layout: Layout) -> str:
    """Pure: text as it stands in the file, before marks were put into it."""
    if layout.escape != "backslash":
        return text
    return text.replace(QUOTE, "\\" + layout.quote).replace(BACKSLASH, "\\\\")


def unmarked(text: str, quote: str) -> str:
    """Pure: turn marks back into what they stand for."""
    return text.replace(QUOTE, quote).replace(BACKSLASH, "\\")


def _shape(layout: Layout) -> _Shape:
    quote, border = re.escape(layout.quote), f"[^{re.escape(layout.delimiter)}\\r\\n]"
    quoted = f"{quote}[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+{quote}" if quote else ""
    proven = f"(?:[^{quote}]*+(?<!{border}){quoted}(?!{border}))*+" if quote else ""
    return _Shape(layout.quote, layout.delimiter + "\r\n", re.compile(proven), re.compile(quoted))


def _grown(pending: str, texts: Iterator[str], most: int) -> tuple[str, bool]:
    """
    Add text to what is pending, and say whether that was all.

    As much again as is pending, so that a record of many chunks is not looked at for each.
    """
    parts, size = [pending], len(pending)
    goal = min(2 * size, most)
    for text in texts:
        parts.append(text)
        size += len(text)
        if size > goal:
            return "".join(parts), False
    return "".join(parts), True


def _look(text: str, start: int, shape: _Shape, *, ended: bool) -> _Found:
    """Pure: how far is the text whole and well-formed, from the start of a record on?"""
    quote = shape.quote
    wrong = -1
    if quote and text.find(quote, start) >= 0:
        proven = shape.proven.match(text, start)
        wrong = text.find(quote, proven.end() if proven else start)
    if wrong < 0:
        # A quote that ends the text may be the first of two; but that is in the last record,
        # and the last record waits for more.
        return _Found(len(text) if ended else _boundary(text, start, len(text), quote))
    record = _boundary(text, start, wrong, quote)
    if wrong > start and text[wrong - 1] not in shape.border:
        return _Found(record, "there is a quote in a cell that does not begin with one")
    if shape.quoted.match(text, wrong):
        return _Found(record, "there is text behind the closing quote of a cell")
    return _Found(record, opened=wrong)


def _boundary(text: str, start: int, stop: int, quote: str) -> int:
    """
    Pure: where the last record before `stop` begins, `stop` being outside quotes.

    Goes backwards over text outside and inside of quotes in turn; a doubled quote is an empty
    turn.  Each character is looked at once, however many lines a cell has.
    """
    while True:
        closed = text.rfind(quote, start, stop) if quote else -1
        low = max(closed, start - 1) + 1
        found = max(text.rfind("\n", low, stop), text.rfind("\r", low, stop))
        if found >= 0 or closed < 0:
            return found + 1 if found >= 0 else start
        stop = text.rfind(quote, start, closed)


def _line_end(text: str, start: int, *, ended: bool) -> int:
    """Pure: where the next physical line begins; 0 if the text ends before."""
    found = _END.search(text, start)
    return found.end() if found else len(text) * ended


def _segment(text: str, line: int, limits: Limits) -> Segment:
    _refuse_long_lines(text, None, line, limits)
    if not text.endswith("\n"):  # the parser loses a last row that ends with CR or with nothing
        text += "\n"
    return Segment(line, text, lines(text))


def _refuse_endless(
    pending: str, opened: int | None, line: int, limits: Limits, *, ended: bool
) -> None:
    """Refuse what grows and does not become a record."""
    _refuse_long_lines(pending, opened, line, limits)
    too_long = len(pending) > limits.line + limits.field
    if opened is not None and (ended or (too_long and _END.search(pending, opened))):
        at = line + lines(pending[:opened])
        what = f"the quote opened on line {at} is never closed"
        raise DataError(Code.MALFORMED, what, line=at)
    if too_long:
        what = f"a row has more than {limits.line + limits.field} characters"
        raise DataError(Code.LINE_TOO_LONG, what, line=line)


def _refuse_long_lines(text: str, opened: int | None, line: int, limits: Limits) -> None:
    if len(text) <= limits.line:
        return
    short = re.match(rf"(?:[^\r\n]{{0,{limits.line}}}+(?:\r\n?|\n))*+", text)
    start = short.end() if short else 0
    found = _LINE.match(text, start)
    if not found or len(found[0]) <= limits.line:
        return
    at = line + lines(text[:start])
    if not found[0].strip("\0"):
        raise DataError(Code.BAD_DATA, NULS, line=at)
    if opened is not None and opened >= start and found.end() - opened > limits.field:
        what = f"a cell has more than {limits.field} characters"
        raise DataError(Code.VALUE_TOO_LONG, what, line=at)
    what = f"a line has more than {limits.line} characters"
    raise DataError(Code.LINE_TOO_LONG, what, line=at)
