"""
A file name for a descriptor: simple, and one that its `match` takes.

Pure.
"""

from collections.abc import Iterator, Mapping

from impexd.imports import match
from impexd.imports.sample import pattern
from impexd.model.descriptor import Descriptor, Format

SUFFIX: Mapping[Format, str] = {one: suffixes[0] for one, suffixes in match.SUFFIXES.items()}

MARKS = frozenset("._ -()+,&@#=~'!")
"""What a name may hold besides letters and digits, also as a member of a zip."""


def name(descriptor: Descriptor, own: str) -> str | None:
    """Pure: the name of a template for the descriptor called `own`; None if none can be thought of."""
    fitting = [
        one for one in _tried(descriptor, own) if _right(one) and match.takes(descriptor, one)
    ]
    suffix = SUFFIX[descriptor.file.format]
    typical = [one for one in fitting if one.lower().endswith(suffix)]
    return next(iter([*typical, *fitting]), None)


def _tried(descriptor: Descriptor, own: str) -> Iterator[str]:
    suffix = SUFFIX[descriptor.file.format]
    expression = descriptor.file.match
    if expression is not None:
        yield from pattern.texts(expression, filler=own)
        for text in pattern.texts(expression, filler=own):
            yield f"{text}{suffix}"
    yield f"{own}{suffix}"


def _right(text: str) -> bool:
    """Pure: may a dropped file be called this?"""
    stem = text.partition(".")[0].strip()
    return bool(stem) and len(text) <= 120 and all(char.isalnum() or char in MARKS for char in text)
