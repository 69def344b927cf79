"""
How a file is laid out, as far as it is known: the keys of `[file]`, each with its evidence.

`Form` is what the modules that look at one format give (`grid`, `tree`, `workbook`), and what the
descriptor is written from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from impexd.model.descriptor import Format, Layout
from impexd.ports import Opener


@dataclass(frozen=True, slots=True)
class File:
    """A file of the sample."""

    name: str
    """Its own name, without `.gz`."""
    size: int
    open: Opener


@dataclass(frozen=True, slots=True)
class Form:
    """The layout of a file, guessed."""

    format: Format
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `[file]` that are not the default."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Key of `[file]` -> why; also for keys that keep their default."""
    notes: tuple[str, ...] = ()
    """What a person should know of this file."""
    paths: Sequence[str] | None = None
    """The cells, where the format has paths; None: they come from the header."""
    titles: Sequence[str] = ()
    """What each path would be called in a header."""
    joined: frozenset[str] = frozenset()
    """The paths that lead to several elements, whose texts are joined."""

    def layout(self) -> Layout:
        """Give the layout as the readers take it."""
        tree = {"format": self.format, **self.keys}
        return Layout.model_validate(tree, strict=False)

    def saying(self, key: str, value: object, why: str) -> "Form":
        """Give the form with one more key said."""
        return replace(self, keys={**self.keys, key: value}, evidence={**self.evidence, key: why})

    def because(self, key: str, why: str) -> "Form":
        """Give the form with the evidence of a key that keeps its default."""
        return replace(self, evidence={**self.evidence, key: why})

    def noting(self, note: str) -> "Form":
        """Give the form with one more note."""
        return replace(self, notes=(*self.notes, note))

    def reading(self, paths: Sequence[str], titles: Sequence[str]) -> "Form":
        """Give the form of a format that has paths."""
        return replace(self, paths=paths, titles=titles)
