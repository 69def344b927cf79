r"""
Regular expressions of the configuration, on RE2: linear time whatever the text, so no partner's
file can make one run for ever.

RE2 lacks back-references and look-around, which is the price of that promise; `compiled` says so
in plain words.  Never use `re` for a pattern that somebody else has written.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol, cast

import re2


class Pattern(Protocol):
    """What we use of a compiled expression."""

    groups: int
    groupindex: Mapping[str, int]

    def search(self, text: str) -> Any:
        """Find it anywhere in the text; None if it is not there."""
        ...

    def fullmatch(self, text: str) -> Any:
        """Match the text as a whole; None if it does not."""
        ...


@lru_cache(maxsize=1024)
def compiled(pattern: str, *, case: bool = True) -> Pattern:
    """Compile under RE2 (`case=False`: capitals and small letters alike); ValueError says what is wrong."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case
    try:
        return cast(Pattern, re2.compile(pattern, options))
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(_reason(error)) from error


def faults(pattern: str) -> str:
    """Pure: say what is wrong with a pattern, "" if RE2 takes it."""
    try:
        compiled(pattern)
    except ValueError as error:
        return str(error)
    return ""


def _reason(error: Exception) -> str:
    what = error.args[0] if error.args else ""
    said = what.decode("utf-8", "replace") if isinstance(what, bytes) else str(error)
    intro = "is no regular expression that RE2 takes: "
    match said.partition(": "):
        case ("invalid perl operator", _, "(?=" | "(?!" | "(?<=" | "(?<!" | "(?<" as where):
            return f"{intro}it has no look-around, `{where}` must go"
        case ("invalid escape sequence", _, where) if where[1:].isdigit():
            return f"{intro}it has no back-references, `{where}` must go"
        case ("invalid escape sequence", _, "\\Z"):
            return rf"{intro}the end of the text is written `\z`, not `\Z`"
        case ("invalid perl operator", _, "(?P"):
            return f"{intro}it has no back-references by name; groups are named `(?P<name>...)`"
        case _:
            return intro + said
