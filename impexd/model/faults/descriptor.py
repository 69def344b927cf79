"""What is wrong with a descriptor: its entity, its targets, its key, its columns."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from impexd.model.descriptor import Column, Descriptor, Mode
from impexd.model.entity import Catalogue, Kind
from impexd.model.faults import Fault, Judge, column, layout, near, quoted
from impexd.model.toml import Path


class Part(NamedTuple):
    """What one part of a row fills: the nameless first one, or a `[[record]]`."""

    at: Path
    entity: str
    mode: Mode
    columns: Sequence[Column]


def parts(descriptor: Descriptor) -> list[Part]:
    """Pure: the parts of a descriptor, with the place of each."""
    found = []
    if descriptor.entity is not None:
        found.append(Part((), descriptor.entity, descriptor.mode, descriptor.column))
    for position, record in enumerate(descriptor.record):
        mode = record.mode or descriptor.mode
        found.append(Part(("record", position), record.entity, mode, record.column))
    return found


def faults(
    descriptor: Descriptor,
    catalogue: Catalogue,
    *,
    unsure: Collection[str] = (),
    whole: bool = True,
    judge: Judge,
) -> Iterator[Fault]:
    """
    Pure: all that is wrong with one descriptor.

    `unsure` are entities that are declared but wrong themselves.  Not `whole`: what had the wrong
    form was left out, so nothing is said about what seems to be missing.
    """
    for fault in layout.faults(descriptor.file, whole=whole):
        yield Fault(("file", *fault.path), fault.what)
    if whole:
        yield from _shape(descriptor)
    yield from _cells(descriptor)
    yield from _replace(descriptor, catalogue, judge)
    for part in parts(descriptor):
        kind = catalogue.get(part.entity)
        if kind is None and part.entity not in unsure:
            what = f"there is no entity {quoted(part.entity)}" + near(part.entity, catalogue)
            yield Fault((*part.at, "entity"), what)
        yield from _columns(part, kind, descriptor, catalogue, judge)
        if kind is not None:
            yield from _targets(part, kind, whole=whole)


def _shape(descriptor: Descriptor) -> Iterator[Fault]:
    if descriptor.entity is None and descriptor.column:
        yield Fault(("column",), "which entity do these columns fill?  Say `entity` at the top")
    elif descriptor.entity is None and not descriptor.record:
        yield Fault((), "fills nothing; it needs an `entity` and its [[column]]s")
    elif descriptor.entity is not None and not descriptor.column:
        yield Fault(
            ("entity",),
            f"nothing fills {quoted(descriptor.entity)}; it needs at least one [[column]]",
        )
    for position, record in enumerate(descriptor.record):
        if not record.column:
            yield Fault(("record", position), "needs at least one [[record.column]]")


def _cells(descriptor: Descriptor) -> Iterator[Fault]:
    named: dict[Path, str | int | None] = {("mode_column",): descriptor.mode_column}
    for position, record in enumerate(descriptor.record):
        named["record", position, "when"] = record.when
    for at, cell in named.items():
        if cell is not None and (reason := column.cell(cell, descriptor.file)):
            yield Fault(at, reason)


def _replace(descriptor: Descriptor, catalogue: Catalogue, judge: Judge) -> Iterator[Fault]:
    if Mode.REPLACE not in {part.mode for part in parts(descriptor)} | {descriptor.mode}:
        for key in ("missing_rows", "scope"):
            if key in descriptor.model_fields_set:
                yield Fault((key,), 'means nothing unless mode = "replace"')
        return
    kind = catalogue.get(descriptor.entity or "")
    if kind is None:
        return
    for position, name in enumerate(descriptor.scope):
        if name not in kind.fields:
            yield Fault(("scope", position), _no_field(name, kind))
    for name, text in (descriptor.missing_rows or {}).items():
        field = kind.fields.get(name)
        if field is None:
            yield Fault(("missing_rows", name), _no_field(name, kind))
        elif name in kind.key:
            yield Fault(("missing_rows", name), "is part of the key, which does not change")
        elif reason := judge(text, field, Column(target="x")):
            yield Fault(("missing_rows", name), reason)


def _columns(
    part: Part, kind: Kind | None, descriptor: Descriptor, catalogue: Catalogue, judge: Judge
) -> Iterator[Fault]:
    for position, one in enumerate(part.columns):
        field = kind.fields.get(one.target.partition("@")[0]) if kind else None
        found = list(column.faults(one, field, descriptor.file))
        if field is not None:
            found += [] if found else column.values(one, field, judge)
            found += column.creatable(one, field, catalogue)
        for fault in found:
            yield Fault((*part.at, "column", position, *fault.path), fault.what)


def _targets(part: Part, kind: Kind, *, whole: bool) -> Iterator[Fault]:
    filled: dict[str, set[str | None]] = {}
    splits = [position for position, one in enumerate(part.columns) if one.split is not None]
    for position in splits[1:]:
        yield Fault((*part.at, "column", position, "split"), "only one column can split a row")
    for position, one in enumerate(part.columns):
        at: Path = (*part.at, "column", position)
        name, _, language = one.target.partition("@")
        field = kind.fields.get(name)
        if field is None:
            yield Fault((*at, "to"), _no_field(name, kind))
        elif field.localized and not language:
            yield Fault(
                (*at, "to"), f"`{name}` is in several languages; say which, like `{name}@en`"
            )
        elif language and not field.localized:
            yield Fault(
                (*at, "to"),
                f"`{name}` has no languages; write `{name}`, or declare it localized = true",
            )
        before = filled.setdefault(one.target.casefold(), set())
        if one.only in before or (before and (one.only is None or None in before)):
            yield Fault((*at, "to"), f"{quoted(one.target)} is filled by a column above already")
        before.add(one.only)
        if one.only and name in kind.key:
            yield Fault((*at, "only"), f"`{name}` is part of the key, which every row needs")
    if whole:
        yield from _key(part, kind)


def _key(part: Part, kind: Kind) -> Iterator[Fault]:
    filled = {one.target for one in part.columns}
    lacking = [name for name in kind.key if name not in filled and name in kind.fields]
    if lacking and part.columns:
        names = ", ".join(f"`{name}`" for name in lacking)
        what = f"no column fills {names} of the key of {kind.name}; a fixed value is a [[column]] with `const`"
        yield Fault((*part.at, "entity"), what)


def _no_field(name: str, kind: Kind) -> str:
    return f"{kind.name} has no field {quoted(name)}" + near(name, kind.fields)
