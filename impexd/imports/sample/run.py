"""
Make the templates of a group: which files, what stands in them, their bytes.

Pure.  Takes the configuration of the group; gives names and bytes.  The example records know each
other (the price is of the SKU, the SKU of the product), so that a zip of all files loads whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from impexd.imports import cell
from impexd.imports.sample import pattern, sheets, solve, write
from impexd.imports.sample.sheets import Template
from impexd.imports.sample.solve import Answer, Cell, Use
from impexd.model import picture
from impexd.model.descriptor import Column, Descriptor, Mode
from impexd.model.entity import NUMBERS, Catalogue
from impexd.model.faults.descriptor import Part, parts
from impexd.model.group import ImportGroup


@dataclass(frozen=True, slots=True)
class Made:
    """The templates of a group."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...]
    """What keeps them from loading as they are, or has no template."""


def make(group: ImportGroup, descriptors: Mapping[str, Descriptor], catalogue: Catalogue) -> Made:
    """Pure: a template for each file that the group reads."""
    mine = {name: descriptors[name] for name in group.descriptors}
    found = sheets.of(mine)
    uses = [
        use
        for n, template in enumerate(found.files)
        for name in template.descriptors
        for part in parts(mine[name])
        for use in solve.uses(n, catalogue[part.entity], _read(part), catalogue)
    ]
    brought = frozenset(part.entity for part in _all(mine) if _brings(part))
    answer = solve.solve(uses, brought, _given(found.files, mine))
    notes = [*found.notes, *answer.notes, *_modes(mine, brought), *_guard(group)]
    files: dict[str, bytes] = {}
    for n, template in enumerate(found.files):
        try:
            name, data = _written(n, template, mine, uses, answer)
        except ValueError as error:
            notes.append(f"{template.name}: {error}")
            continue
        files[name] = data
    return Made(files, tuple(dict.fromkeys(notes)))


def _all(descriptors: Mapping[str, Descriptor]) -> list[Part]:
    return [part for one in descriptors.values() for part in parts(one)]


def _read(part: Part) -> list[Column]:
    """The columns that read something we write; what a picture is like, it says itself."""
    return [one for one in part.columns if one.source not in picture.CELLS]


def _brings(part: Part) -> bool:
    return part.mode in (Mode.MERGE, Mode.INSERT, Mode.REPLACE)


def _given(files: tuple[Template, ...], descriptors: Mapping[str, Descriptor]) -> dict[Cell, str]:
    """Pure: cells that decide about their row, with what they say."""
    found: dict[Cell, str] = {}
    for n, template in enumerate(files):
        for name in template.descriptors:
            one = descriptors[name]
            for record in one.record:
                if record.when is not None:
                    found[n, record.when] = "1"
            if one.mode_column is not None:
                found[n, one.mode_column] = Mode.MERGE.value
    return found


def _modes(descriptors: Mapping[str, Descriptor], brought: frozenset[str]) -> Iterator[str]:
    for name, one in descriptors.items():
        for part in parts(one):
            there = part.mode is Mode.UPDATE and part.entity in brought
            if not _brings(part) and not there and one.mode_column is None:
                yield f'{name}: mode = "{part.mode}" is for records that are there already'


def _guard(group: ImportGroup) -> Iterator[str]:
    least = group.guard.min_rows
    if isinstance(least, int) and least > 1:
        yield f"the group holds files of less than {least:,} rows (min_rows) for a person"


def _written(
    n: int,
    template: Template,
    descriptors: Mapping[str, Descriptor],
    uses: list[Use],
    answer: Answer,
) -> tuple[str, bytes]:
    """Pure: the name and the bytes of a template; ValueError if there can be none."""
    layout = descriptors[template.descriptors[0]].file
    cells: dict[str | int, str] = {}
    numbers: set[str | int] = set()
    for use in uses:
        if use.file != n:
            continue
        for source in cell.sources(use.column):
            cells[source] = answer.texts.get((n, source), "")
            if use.column.source == source and (use.column.type or use.field.type) in NUMBERS:
                numbers.add(source)
    for file, source in answer.texts:
        if file == n:
            cells.setdefault(source, answer.texts[file, source])
    if not sheets.pictures(descriptors, template):
        return template.name, write.template(layout, cells, numbers=frozenset(numbers))
    named = {str(source): text for source, text in cells.items() if text}
    texts = pattern.texts(layout.match or "", filler="picture", **named)
    name = next((text for text in texts if text.lower().endswith(".png")), template.name)
    return name, write.picture()
