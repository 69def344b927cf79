"""
What stands in the cells of the templates of a group, so that all of it loads as it is.

Pure.  A cell may feed several columns, a record is named by its key wherever others point at it,
and constants, maps and templates leave little choice; so cells are filled in the order of how
little choice there is, and a key, once chosen, is the same everywhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from impexd.imports import cell
from impexd.imports.cell import Value
from impexd.imports.sample import example
from impexd.imports.sample.example import Convert
from impexd.imports.values import Bad
from impexd.model.descriptor import Column, Missing
from impexd.model.entity import Catalogue, Field, Kind, Type

Cell = tuple[int, str | int]
"""(number of the file, `from`)."""

_HOLE = re.compile(r"\{([^{}]+)\}")

Slot = str
"""An entity of one key field: the key of its example record."""


@dataclass(frozen=True, slots=True)
class Use:
    """One column of one file, and what it fills."""

    file: int
    column: Column
    name: str
    field: Field
    kind: Kind
    slot: Slot
    """Whose key it is, or points at; "" for no such thing."""
    convert: Convert

    @property
    def cells(self) -> list[Cell]:
        """The cells it reads."""
        return [(self.file, source) for source in cell.sources(self.column)]

    @property
    def pointing(self) -> bool:
        """Is it a reference?"""
        return bool(self.field.ref)


@dataclass(slots=True)
class Answer:
    """Texts of cells, and what could not be had."""

    texts: dict[Cell, str] = field(default_factory=dict)
    keys: dict[Slot, Value] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def uses(file: int, kind: Kind, columns: Iterable[Column], catalogue: Catalogue) -> Iterator[Use]:
    """Pure: the columns of one part of a descriptor in one file."""
    for column in columns:
        name = column.target.partition("@")[0]
        into = kind.fields[name]
        slot = into.ref or (kind.name if kind.key == (name,) else "")
        slot = slot if slot in catalogue and len(catalogue[slot].key) == 1 else ""
        yield Use(file, column, name, into, kind, slot, example.converting(column, into))


def solve(found: Sequence[Use], brought: frozenset[str], given: Mapping[Cell, str]) -> Answer:
    """
    Pure: fill the cells.

    `brought` are the entities of which a file has a record; `given` are cells that are not to be
    empty, with what stands there if no column says.
    """
    answer = Answer()
    for use in found:
        if use.column.const is not None:
            _fixed(answer, use)
    by_cell: dict[Cell, list[Use]] = {}
    for use in found:
        for place in use.cells:
            by_cell.setdefault(place, []).append(use)
    joined = [use for use in found if _joins(use)]
    for place in sorted(by_cell, key=lambda one: _freedom(by_cell[one])):
        _fill(answer, place, by_cell[place], brought, must=place in given)
        for use in [use for use in joined if answer.texts.keys() >= set(use.cells)]:
            _together(answer, use)
            joined.remove(use)
    for place, text in given.items():
        answer.texts.setdefault(place, text)
    return answer


def _joins(use: Use) -> bool:
    """Pure: does it put cells together?"""
    return use.column.template is not None and use.column.source is None


def _freedom(of: Sequence[Use]) -> int:
    """Pure: how much choice there is; the least comes first."""
    return min(_choice(use) for use in of)


def _choice(use: Use) -> int:
    column, into = use.column, use.field
    if column.template is not None:
        return 1 if column.source is None else 0
    if column.map or column.regex:
        return 2
    if (column.type or into.type) is not Type.TEXT or into.pattern or into.values:
        return 3
    return 6 if not use.slot else 5 if use.pointing else 4


def _fixed(answer: Answer, use: Use) -> None:
    """A constant decides a key, or points at one."""
    value = use.convert(use.column.const or "")
    if not use.slot:
        return
    if answer.keys.setdefault(use.slot, value) != value and _needed(use):
        answer.notes.append(_lacking(use, value))


def _needed(use: Use) -> bool:
    """Pure: would a row be lost, or wait, without its parent?"""
    return use.pointing and use.column.missing in (Missing.REJECT, Missing.PARK)


def _lacking(use: Use, value: object) -> str:
    return f'`{use.kind.name}` needs the {use.field.ref} "{value}" to be there already'


def _fill(
    answer: Answer,
    place: Cell,
    of: Sequence[Use],
    brought: frozenset[str],
    *,
    must: bool,
) -> None:
    """Choose the text of one cell."""
    whole = [use for use in of if use.column.source is not None]
    empty = whole == list(of) and all(_may_be_empty(use, brought) for use in whole)
    if empty and not must:
        answer.texts[place] = ""
        return
    for text in _candidates(answer, place, whole or of, of):
        values = _values(whole, text)
        if values is not None and _agree(answer, whole, values):
            answer.texts[place] = text
            for use, value in zip(whole, values, strict=True):
                if use.slot:
                    answer.keys[use.slot] = value
                if _needed(use) and use.field.ref not in brought:
                    answer.notes.append(_lacking(use, value))
            return
    answer.texts[place] = ""
    if _values(whole, "") is not None and not must:
        return
    targets = ", ".join(f"{use.kind.name}.{use.column.target}" for use in of)
    answer.notes.append(f"no text could be thought of for `{place[1]}`, which fills {targets}")


def _may_be_empty(use: Use, brought: frozenset[str]) -> bool:
    """Pure: a reference that nothing resolves is left empty, if that is allowed."""
    alone = use.field.ref not in brought or use.field.ref == use.kind.name
    free = use.field.null and not use.column.required and use.column.default is None
    return _needed(use) and alone and free and use.name not in use.kind.key


def _candidates(
    answer: Answer, place: Cell, whole: Sequence[Use], of: Sequence[Use]
) -> Iterator[str]:
    """Pure: texts to be tried; those that are a key already come first."""
    for use in of:
        if use.slot in answer.keys:
            key = str(answer.keys[use.slot])
            yield _hole(use.column.template or "", place[1], key) if _joins(use) else key
    for use in whole:
        if use.slot and _choice(use) > 3:
            yield f"{use.slot}-1"
            yield "A1"
    for use in whole:
        yield from example.texts(use.column, use.field, use.name)
    for use in of:
        yield use.name


def _hole(template: str, source: str | int, value: str) -> str:
    """Pure: what stands for a cell in a template that has become this value; "" if it cannot have."""
    names = _HOLE.findall(template)
    pieces = [re.escape(piece) for piece in _HOLE.split(template)[::2]]
    found = re.fullmatch("(.*?)".join(pieces), value, re.DOTALL)
    return dict(zip(names, found.groups(), strict=True)).get(str(source), "") if found else ""


def _values(whole: Sequence[Use], text: str) -> list[Value] | None:
    try:
        return [use.convert(text) for use in whole]
    except Bad:
        return None


def _agree(answer: Answer, whole: Sequence[Use], values: Sequence[Value]) -> bool:
    """Pure: is this the key that was chosen before, for all who know one?"""
    return all(
        not use.slot or answer.keys.get(use.slot, value) == value
        for use, value in zip(whole, values, strict=True)
    )


def _together(answer: Answer, use: Use) -> None:
    """A template puts cells together: see whether that does."""
    positions = {source: n for n, (_, source) in enumerate(use.cells)}
    cells = [answer.texts.get(place, "") for place in use.cells]
    try:
        value = cell.reading(use.column, use.field, positions)
        made = value.finish(value.raw(cells))
    except Bad as bad:
        target = f"{use.kind.name}.{use.column.target}"
        answer.notes.append(f"no texts could be thought of for the template of {target}: {bad}")
        return
    if use.slot and answer.keys.setdefault(use.slot, made) != made:
        answer.notes.append(_lacking(use, made))
