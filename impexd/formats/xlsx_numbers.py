"""
What a number in a sheet stands for: its text, as a partner sees it.

A sheet keeps dates as numbers of days, and only the style of the cell says so.  Other numbers are
kept in binary with noise in their last digits, of which no spreadsheet shows more than 15.
"""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum


class Style(Enum):
    """What a number format makes of a number."""

    NUMBER = "number"
    MOMENT = "moment"
    TIME = "time"
    DURATION = "duration"


_TIMES = frozenset({18, 19, 20, 21, 45, 47})
_MOMENTS = frozenset({14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)})
_DURATIONS = frozenset({46})
"""Formats that every spreadsheet knows by number (ECMA-376 part 1, 18.8.30)."""

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_WHOLE = re.compile(r"-?[0-9]+")
_DAY = 86_400_000
"""Milliseconds of a day; no spreadsheet is more exact."""


def style(number: int, code: str | None) -> Style:
    """Pure: tell a number format by its code, or by its number if it has none."""
    if code is None:
        for kind, known in (
            (Style.MOMENT, _MOMENTS),
            (Style.TIME, _TIMES),
            (Style.DURATION, _DURATIONS),
        ):
            if number in known:
                return kind
        return Style.NUMBER
    code = _LITERAL.sub("", code)
    if _ELAPSED.search(code):
        return Style.DURATION
    letters = set(_BRACKETS.sub("", code).lower().partition(";")[0].replace("general", ""))
    if letters & set("yd"):
        return Style.MOMENT
    if letters & set("hs"):
        return Style.TIME
    return Style.MOMENT if "m" in letters else Style.NUMBER


def text(literal: str, kind: Style, *, since_1904: bool) -> str:
    """Pure: the text of a number; ValueError if it is none, or no day there ever was."""
    if kind is Style.NUMBER:
        if _WHOLE.fullmatch(literal):
            return literal
        return plain(float(literal))
    span = round(float(literal) * _DAY)
    if kind is Style.DURATION:
        return _clock(abs(span), "-" if span < 0 else "")
    if kind is Style.TIME and 0 <= span < _DAY:
        return _clock(span)
    return _moment(span, since_1904=since_1904)


def plain(number: float) -> str:
    """Pure: a number in up to 15 digits, without an exponent."""
    if number - number:  # infinite, or no number
        raise ValueError("this is no number")
    written = format(Decimal(f"{number:.15g}"), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def _moment(span: int, *, since_1904: bool) -> str:
    """Pure: count days as spreadsheets do, to which 1900 had a 29th of February."""
    day = span // _DAY
    if since_1904:
        first = datetime(1904, 1, 1)
    elif day < 60:
        first = datetime(1899, 12, 31)
    else:
        first = datetime(1899, 12, 30)
    if span < 0 or (not since_1904 and day in (0, 60)):
        raise ValueError("there is no such day")
    try:
        moment = first + timedelta(milliseconds=span)
    except OverflowError:
        raise ValueError("there is no such day") from None
    return moment.date().isoformat() if span % _DAY == 0 else moment.isoformat()


def _clock(span: int, sign: str = "") -> str:
    seconds, rest = divmod(span, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest:03}" if rest else ""
    return f"{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}"
