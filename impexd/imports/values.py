"""
From text to a value of a field's type, strictly.

Every function takes trimmed, non-empty text and gives the value in the form all stores
share: text, int (booleans are 0 and 1), decimals as canonical text (`-12.5`, no exponent, no
trailing zeros), dates as `2026-01-31`, moments as `2026-01-31T08:00:00Z` in UTC, JSON as
canonical text.  What does not fit raises `Bad` with a code and words for the sender.
Python's own int() and float() are not asked: they take "1_000", Arabic digits, NaN.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from impexd.model.descriptor import Column
from impexd.model.entity import Field, Type
from impexd.model.problem import Code

Parse = Callable[[str], str | int]
"""Trimmed, non-empty text -> value, or `Bad`."""

DIGITS = 38
"""Most significant digits of a decimal: what every SQL database can hold exactly."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}").fullmatch
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?").fullmatch


class Bad(ValueError):
    """A cell that does not fit: `code` for programs, the text for people."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def parser(column: Column, field: Field) -> Parse:
    """Pure: choose the parser of a column, its file's conventions bound in."""
    match column.type or field.type:
        case Type.INTEGER:
            return _bounded(_unpointed(column, integer), field)
        case Type.DECIMAL:
            scale = field.scale
            return _bounded(_unpointed(column, lambda text: decimal(text, scale)), field)
        case Type.BOOLEAN:
            return _boolean(column)
        case Type.DATE:
            return _date(column)
        case Type.DATETIME:
            return _datetime(column)
        case Type.JSON:
            return json_text
        case _:
            return str


def integer(text: str) -> int:
    """Pure: digits with an optional sign, within 64 bits."""
    if not _INTEGER(text):
        raise Bad(Code.BAD_VALUE, "a whole number is wanted here")
    value = int(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise Bad(Code.OUT_OF_RANGE, "a whole number of at most 64 bits is wanted here")
    return value


def decimal(text: str, scale: int | None) -> str:
    """Pure: digits with an optional point, to canonical text; never rounded."""
    found = _DECIMAL(text) if len(text) <= DIGITS * 2 else None
    if found is None or not (found[2] or found[3]):
        if len(text) > DIGITS * 2 and _DECIMAL(text):
            raise Bad(Code.OUT_OF_RANGE, f"a number of at most {DIGITS} digits is wanted here")
        raise Bad(Code.BAD_VALUE, "a number is wanted here, such as 1234.50")
    sign, whole, part = found[1], found[2].lstrip("0"), (found[3] or "").rstrip("0")
    if scale is not None and len(part) > scale:
        raise Bad(Code.BAD_VALUE, f"at most {scale} digits after the point are wanted here")
    if len(whole) + len(part) > DIGITS:
        raise Bad(Code.OUT_OF_RANGE, f"a number of at most {DIGITS} digits is wanted here")
    value = f"{whole or '0'}.{part}" if part else whole or "0"
    return f"-{value}" if sign == "-" and value != "0" else value


def json_text(text: str) -> str:
    """Pure: JSON, to canonical text (keys sorted, no blanks); duplicate keys and NaN are refused."""
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
        return canonical(value)
    except RecursionError:
        raise Bad(Code.BAD_VALUE, "this JSON is nested too deeply") from None
    except ValueError as error:
        raise Bad(Code.BAD_VALUE, f"JSON is wanted here: {str(error)[:80]}") from None


def canonical(value: object) -> str:
    """Pure: a JSON value as text, one way only."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not a JSON number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _unpointed(column: Column, parse: Parse) -> Parse:
    """Turn the file's decimal comma and thousands into a plain number first."""
    point, thousands = column.decimal, column.thousands
    if point == "." and not thousands:
        return parse
    grouped = None
    if thousands:
        sep = re.escape(thousands)
        if thousands == " ":  # number formats of ISO 31-0 use blanks of several widths
            sep = "[ \u00a0\u2009\u202f]"
        tail = rf"(?:{re.escape(point)}[0-9]*)?"
        grouped = re.compile(rf"([+-]?)([0-9]{{1,3}}(?:{sep}[0-9]{{3}})+){tail}").fullmatch
    strip = re.compile(r"[^0-9]").sub

    def plain(text: str) -> str | int:
        if grouped and (found := grouped(text)):
            text = found[1] + strip("", found[2]) + text[found.end(2) :]
        if point == ",":
            if "." in text:
                raise Bad(Code.BAD_VALUE, "the decimal sign of this column is a comma")
            text = text.replace(",", ".")
        return parse(text)

    return plain


def _bounded(parse: Parse, field: Field) -> Parse:
    least = None if field.min is None else Decimal(str(field.min))
    most = None if field.most is None else Decimal(str(field.most))
    if least is None and most is None:
        return parse

    def within(text: str) -> str | int:
        value = parse(text)
        number = Decimal(value)
        if least is not None and number < least:
            raise Bad(Code.OUT_OF_RANGE, f"the least allowed here is {least}")
        if most is not None and number > most:
            raise Bad(Code.OUT_OF_RANGE, f"the most allowed here is {most}")
        return value

    return within


def _boolean(column: Column) -> Parse:
    words = {word.casefold(): 0 for word in column.false}
    words |= {word.casefold(): 1 for word in column.true}
    said = "/".join((column.true or ("?",))[:1] + (column.false or ("?",))[:1])

    def boolean(text: str) -> int:
        try:
            return words[text.casefold()]
        except KeyError:
            raise Bad(Code.BAD_VALUE, f"{said} is wanted here") from None

    return boolean


def _date(column: Column) -> Parse:
    pattern = column.format

    @lru_cache(maxsize=4096)
    def day(text: str) -> str:
        if pattern:
            return _strptime(text, pattern).date().isoformat()
        if len(text) != 10 or not text.isascii():
            raise Bad(Code.BAD_VALUE, "a date is wanted here, such as 2026-01-31")
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise Bad(Code.BAD_VALUE, "a date is wanted here, such as 2026-01-31") from None

    return day


def _datetime(column: Column) -> Parse:
    pattern = column.format
    zone: tzinfo = ZoneInfo(column.zone) if column.zone else UTC

    def moment(text: str) -> str:
        value = _strptime(text, pattern) if pattern else _iso(text)
        return utc(value if value.tzinfo else _placed(value, zone))

    return moment


def utc(moment: datetime) -> str:
    """Pure: an aware moment in UTC as `2026-01-31T08:00:00Z`, microseconds only if there are any."""
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError):
        raise Bad(Code.OUT_OF_RANGE, "this moment is outside of the years 1 to 9999") from None


def _placed(value: datetime, zone: tzinfo) -> datetime:
    """Put a wall-clock time into its zone; one that the clocks skip is no time at all."""
    placed = value.replace(tzinfo=zone)
    try:
        back = placed.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise Bad(Code.OUT_OF_RANGE, "this moment is outside of the years 1 to 9999") from None
    if back != value:
        raise Bad(Code.BAD_VALUE, f"the clocks of {zone} skip this time")
    return placed


def _iso(text: str) -> datetime:
    wanted = "a date and time is wanted here, such as 2026-01-31T08:00:00Z"
    if len(text) < 10 or not text.isascii() or not text[:4].isdigit() or text[4] != "-":
        raise Bad(Code.BAD_VALUE, wanted)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Bad(Code.BAD_VALUE, wanted) from None


def _strptime(text: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(text, pattern)
    except (ValueError, OverflowError):
        raise Bad(Code.BAD_VALUE, f"a date written as {pattern} is wanted here") from None
