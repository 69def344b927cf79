"""
What is to become of one file: the entity it fills, the columns, the key; a proposal to be proven.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from impexd.imports.describe.fit import Filled, Fixed, Left
from impexd.imports.describe.sheet import Sheet
from impexd.model.entity import Kind


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of rows whose reference nobody brings."""

    missing: str
    """A value of `missing`; "" where the default will do."""
    why: str


@dataclass(frozen=True, slots=True)
class Design:
    """A descriptor in the making."""

    sheet: Sheet
    name: str
    """Of the descriptor."""
    kind: Kind
    own: bool
    """Is the entity declared for this file?"""
    why: str
    key: tuple[int, ...]
    """The columns of the key, by position in the sheet."""
    key_why: str
    filled: tuple[Filled, ...]
    fixed: tuple[Fixed, ...] = ()
    left: Mapping[int, Left] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """By field; only references have one."""
    duplicates: bool = False
    """Does the last of several rows with one key win?"""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Field of an own entity -> why it is as it is."""
    later: Mapping[int, str] = field(default_factory=dict)
    """Column -> what only the whole file has shown of it."""

    def source(self, column: int) -> str | int:
        """The `from` of a column."""
        return self.sheet.columns[column].source

    def named(self) -> list[str | int]:
        """The `from` of the columns of the key."""
        return [self.source(column) for column in self.key]

    def without(self, column: int, why: str) -> "Design":
        """Leave a column out."""
        gone = next(one for one in self.filled if one.column == column)
        filled = tuple(one for one in self.filled if one is not gone)
        return replace(self, filled=filled, left={**self.left, column: Left(why, gone.target)})
