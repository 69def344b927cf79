"""What is wrong with a descriptor of pictures, and with a field that holds them."""

import re
from collections.abc import Iterator

from impexd.model.descriptor import Column, Layout
from impexd.model.entity import Field
from impexd.model.faults import Fault, near, quoted
from impexd.model.picture import CELLS, LONGEST, PICTURE, groups

HOLE = re.compile(r"\{([^{}]+)\}")
UNTOUCHED = ("type", "format", "map", "regex", "default", "max", "split")
"""Keys of a column that mean nothing to the picture itself."""


def layout(layout: Layout) -> Iterator[Fault]:
    """Pure: is there a name by which a picture's record can be found?"""
    example = r"""match = '(?P<code>.+)\.(jpe?g|png)'"""
    if layout.match is None:
        yield Fault((), f"pictures need `match` with a named group, like {example}")
    elif not groups(layout.match):
        yield Fault(
            ("match",), f"needs a named group that says whose picture it is, like {example}"
        )


def cell(named: str | int, layout: Layout) -> str:
    """Pure: say why no picture has a cell so named; "" if it has one."""
    known = [*groups(layout.match), *CELLS]
    if not groups(layout.match) or named in known:
        return ""
    if isinstance(named, int):
        return "a picture's cells have no numbers; write a named group of `match`, or @picture"
    if named.startswith("@"):
        return f"pictures have no {quoted(named)}" + near(named, CELLS)
    return f"`match` has no group {quoted(named)}" + near(named, known)


def column(column: Column, field: Field | None, layout: Layout) -> Iterator[Fault]:
    """Pure: is the picture stored as it is, in a field for it?"""
    if column.template is not None and column.regex is None:
        for hole in HOLE.findall(column.template):
            if hole == PICTURE:
                yield Fault(("template",), "the picture itself cannot be part of a text")
            elif reason := cell(hole, layout):
                yield Fault(("template",), reason)
    if column.source == PICTURE:
        for key in UNTOUCHED:
            if key in column.model_fields_set:
                yield Fault((key,), "means nothing to the picture itself")
        if field is not None and not field.picture:
            yield Fault(("to",), "this field holds no pictures; declare it with picture = true")
    elif field is not None and field.picture and column.source is not None:
        yield Fault(("from",), f'this field holds pictures; write from = "{PICTURE}"')


def field(field: Field) -> Iterator[Fault]:
    """Pure: can the field hold what is stored for a picture?  Paths start below it."""
    if not field.picture:
        return
    if field.max is not None and field.max < LONGEST:
        yield Fault(("max",), f"a picture takes {LONGEST} characters; leave this away")
    for key in ("ref", "pattern", "values"):
        if getattr(field, key) is not None:
            yield Fault((key,), "means nothing to a field that holds pictures")
