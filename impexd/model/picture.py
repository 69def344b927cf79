"""
Pictures as descriptors and records know them.

A picture field holds a reference, `<sha256>.<suffix>`: what the bytes are, whatever the file was
called.  A file of `format = "image"` is one row, whose cells are the named groups of `match` and
the ones named here.
"""

import re

from impexd.model import patterns

PICTURE = "@picture"
"""The picture itself: it is stored, and the cell is its reference."""

CELLS: dict[str, str] = {
    PICTURE: "the picture itself, for a field with picture = true",
    "@name": "the name of the file",
    "@type": "image/png, image/jpeg, image/gif, image/webp",
    "@width": "in pixels",
    "@height": "in pixels",
    "@bytes": "how many there are",
    "@sha256": "their hash",
}
"""The cells that every picture has."""

REFERENCE = re.compile(r"[0-9a-f]{64}\.(?:png|jpg|gif|webp)")
"""A reference, also within other text (the languages of a localized field)."""

LONGEST = 69
"""Most characters of a reference."""


def reference(sha256: str, suffix: str) -> str:
    """Pure: what a record holds of a picture."""
    return f"{sha256}.{suffix}"


def groups(match: str | None) -> list[str]:
    """Pure: the named groups of an expression, in its order; none if it is no expression."""
    if match is None or patterns.faults(match):
        return []
    places = patterns.compiled(match).groupindex
    return sorted(places, key=lambda name: places[name])
