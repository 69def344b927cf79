"""
What is wrong with a configuration beyond what a type can say: pure checks, one module a thing.

Each gives `Fault` values, all of them at once; `config` knows the file and the line of their paths.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import NamedTuple

from impexd.core.text import shown
from impexd.model.descriptor import Column
from impexd.model.entity import Field
from impexd.model.toml import Path

Judge = Callable[[str | None, Field, Column], str]
"""
Say why a cell's text cannot become a value of the field by way of the column; "" if it can.

None stands for an empty cell, which the column's `default` fills.
"""


class Fault(NamedTuple):
    """One mistake: where (positions count from 0), and what would be right."""

    path: Path
    what: str


def near(word: str, choices: Iterable[str]) -> str:
    """Pure: name the choice that was probably meant, or all of few; "" if nothing helps."""
    known = sorted(set(choices))
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; there is {', '.join(f'`{name}`' for name in known)}" if 0 < len(known) <= 12 else ""


def quoted(text: str) -> str:
    """Pure: foreign text as it is named in a message."""
    return f"`{shown(text, limit=80)}`"
