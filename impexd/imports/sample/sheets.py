"""
Which files a group needs, and which descriptors read each of them.

Pure.  A file is read by every descriptor whose `match` takes its name, so a template has the cells
of all of them; where a descriptor reads several templates, it has its record in the first one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from impexd.imports import match
from impexd.imports.sample import naming
from impexd.model.descriptor import Descriptor, Format


@dataclass(frozen=True, slots=True)
class Template:
    """A file to be written."""

    name: str
    descriptors: tuple[str, ...]
    """Those that read it, in the order of the group."""


@dataclass(frozen=True, slots=True)
class Templates:
    """The files of a group."""

    files: tuple[Template, ...]
    notes: tuple[str, ...]
    """Descriptors that have no file, and why."""


def of(descriptors: Mapping[str, Descriptor]) -> Templates:
    """Pure: the templates of the descriptors of a group."""
    notes: list[str] = []
    names: dict[str, str] = {}
    for own, descriptor in descriptors.items():
        name = naming.name(descriptor, own)
        if name is None:
            what = f'no file name could be thought of that "{descriptor.file.match}" takes'
            notes.append(f"{own}: {what}")
        else:
            names[own] = name
    found = [
        Template(name, tuple(one for one in descriptors if match.takes(descriptors[one], name)))
        for name in dict.fromkeys(names.values())
    ]
    files, covered = [], set[str]()
    for template in sorted(found, key=lambda one: -len(one.descriptors)):
        if not covered & set(template.descriptors):
            covered |= set(template.descriptors)
            notes += _clashes(template, descriptors)
            files.append(template)
    order = {name: n for n, name in enumerate(dict.fromkeys(names.values()))}
    for own in names.keys() - covered:
        notes.append(f"{own}: any file it reads is read by another descriptor, too")
    files.sort(key=lambda one: order[one.name])
    return Templates(tuple(files), tuple(notes))


def _clashes(template: Template, descriptors: Mapping[str, Descriptor]) -> Iterator[str]:
    """Pure: descriptors that read one file as differently as no file can be."""
    first, *rest = template.descriptors
    for other in rest:
        one, two = descriptors[first].file, descriptors[other].file
        if one.model_copy(update={"match": None}) != two.model_copy(update={"match": None}):
            yield f"{template.name}: {first} and {other} both read it, and differ in [file]"


def pictures(descriptors: Mapping[str, Descriptor], template: Template) -> bool:
    """Pure: is this a picture?"""
    return any(descriptors[one].file.format is Format.IMAGE for one in template.descriptors)


def sources(found: Sequence[str | int]) -> list[str | int | None]:
    """
    Pure: the cells of a header that has all of these, in order; None for one that nobody reads.

    A number has its place; of `EN#2` there are two, one after the other.
    """
    numbers = [one for one in found if isinstance(one, int)]
    width = max(numbers, default=0)
    places: list[str | int | None] = [None] * width
    for number in numbers:
        places[number - 1] = number
    for name in _spread([one for one in found if isinstance(one, str)]):
        free = next((n for n, one in enumerate(places) if one is None), None)
        if free is None:
            places.append(name)
        else:
            places[free] = name
    return places


def _spread(found: Sequence[str]) -> Iterator[str]:
    """Pure: every name, the counted ones (`EN#2`) with those before them."""
    most: dict[str, int] = {}
    for one in found:
        base, count = counted(one)
        most[base] = max(most.get(base, 0), count)
    given: dict[str, int] = {}
    for one in found:
        base, count = counted(one)
        while given.get(base, 0) < count:
            given[base] = given.get(base, 0) + 1
            yield f"{base}#{given[base]}" if most[base] > 1 else one


def counted(source: str) -> tuple[str, int]:
    """Pure: the name of a column, and the how manieth so named it is."""
    base, mark, number = source.rpartition("#")
    if mark and base and number.isdigit() and int(number):
        return base, int(number)
    return source, 1
