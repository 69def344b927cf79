"""
Descriptors become sheets: which stage tables a drop needs.

Pure, and the same in the worker that fills them and in the daemon that applies them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from impexd.imports import cell, defaults
from impexd.model.descriptor import Column, Descriptor, Missing, Mode
from impexd.model.entity import Catalogue, Kind
from impexd.store.stage import Sheet, Target


@dataclass(frozen=True, slots=True)
class Form:
    """One part of a descriptor: its columns, and the sheet they fill."""

    descriptor: str
    record: int
    """0: the columns outside of any `[[record]]`; n: the nth `[[record]]`."""
    columns: tuple[Column, ...]
    when: str | int | None
    mode_column: str | int | None
    sheet: Sheet


def forms(
    names: Iterable[str], descriptors: Mapping[str, Descriptor], catalogue: Catalogue
) -> list[Form]:
    """Pure: the forms of some descriptors, in order, with their sheets numbered."""
    found: list[Form] = []
    for name in names:
        descriptor = descriptors[name]
        for record, entity, mode, columns, when in _parts(descriptor):
            kind = catalogue[entity]
            row_modes = descriptor.mode_column is not None
            kept = tuple(c for c in columns if mode is not Mode.DELETE or c.target in kind.key)
            sheet = Sheet(
                len(found),
                name,
                kind,
                mode,
                tuple(_target(column, kind) for column in kept),
                descriptor.duplicates,
                row_modes,
                defaults.fixed(kind, dict(descriptor.missing_rows or {})),
                descriptor.scope,
                together=descriptor.service == "orders",
                record=record,
            )
            found.append(Form(name, record, kept, when, descriptor.mode_column, sheet))
    return found + _created(found, catalogue)


CREATED = 1000
"""`Form.record` of forms for parents that rows ask to be created, and above."""


def _created(forms: list[Form], catalogue: Catalogue) -> list[Form]:
    """Pure: a form for each entity whose missing records are to be created, with their key alone."""
    wanted = {
        target.ref: form.descriptor
        for form in reversed(forms)
        for target in form.sheet.targets
        if target.missing is Missing.CREATE
    }
    made = []
    for n, (entity, descriptor) in enumerate(sorted(wanted.items())):
        kind = catalogue[entity]
        target = Target(kind.key[0], "", "", Missing.KEEP, "", kind.key[0])
        k = len(forms) + n
        sheet = Sheet(k, descriptor, kind, Mode.MERGE, (target,), "last", record=CREATED + n)
        made.append(Form(descriptor, CREATED + n, (), None, None, sheet))
    return made


def wanted(descriptor: Descriptor) -> list[str | int]:
    """Pure: every source a descriptor needs from its file, each once, in order."""
    found: dict[str | int, None] = {}
    for _, _, _, columns, when in _parts(descriptor):
        for column in columns:
            found |= dict.fromkeys(cell.sources(column))
        if when is not None:
            found[when] = None
    if descriptor.mode_column is not None:
        found[descriptor.mode_column] = None
    return list(found)


def _parts(
    descriptor: Descriptor,
) -> Iterable[tuple[int, str, Mode, tuple[Column, ...], str | int | None]]:
    if descriptor.entity is not None and descriptor.column:
        yield 0, descriptor.entity, descriptor.mode, descriptor.column, None
    for n, record in enumerate(descriptor.record, 1):
        yield n, record.entity, record.mode or descriptor.mode, record.column, record.when


def _target(column: Column, kind: Kind) -> Target:
    field, _, language = column.target.partition("@")
    source = str(column.source) if column.source is not None else column.target
    ref = kind.fields[field].ref or ""
    return Target(field, language, column.only or "", column.missing, ref, source)
