"""
The documents of `etc/` against each other: entities, descriptors, groups, and all that is wrong.

Takes parsed files, gives an `Etc`.  A file or a table that is wrong in itself still counts as
being there, so that one mistake is told once and not again by all who name it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from impexd.model import chain, hearing, toml
from impexd.model.base import Model
from impexd.model.descriptor import Descriptor
from impexd.model.document import Checked, Document, Mistake, check
from impexd.model.entity import Catalogue, Entity, kind
from impexd.model.export import ExportDescriptor, ExportGroup
from impexd.model.exporter import Exporter
from impexd.model.faults import Fault, Judge, place, quoted
from impexd.model.faults import after as after_faults
from impexd.model.faults import descriptor as descriptor_faults
from impexd.model.faults import entity as entity_faults
from impexd.model.faults import export as export_faults
from impexd.model.faults import group as group_faults
from impexd.model.faults import notify as notify_faults
from impexd.model.faults import ordering as ordering_faults
from impexd.model.faults import output as output_faults
from impexd.model.faults.exporter import Kind
from impexd.model.feed import Feed, FeedMap
from impexd.model.group import ImportGroup
from impexd.model.instance import Instance

M = TypeVar("M", bound=Model)
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Files:
    """What stands in `etc/`: for each folder, file stem -> document, None where it could not be parsed."""

    main: Document | None
    entities: Mapping[str, Document | None]
    descriptors: Mapping[str, Document | None]
    groups: Mapping[str, Document | None]
    exporters: Mapping[str, Document | None] = field(default_factory=dict)
    feeds: Mapping[str, Document | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Etc:
    """What the files say; only if there are no mistakes is it all they say."""

    instance: Instance
    entities: Mapping[str, Entity]
    descriptors: Mapping[str, Descriptor]
    groups: Mapping[str, ImportGroup]
    queries: Mapping[str, ExportDescriptor]
    """Descriptors of exports."""
    exports: Mapping[str, ExportGroup]
    """Groups of exports."""
    feeds: Mapping[str, Feed]
    maps: Mapping[str, FeedMap]
    """What the words of feeds mean."""
    mistakes: Sequence[Mistake]
    exporters: Mapping[str, Exporter] = field(default_factory=dict)
    """Who is told of what becomes of orders."""


@dataclass(slots=True)
class _Declared:
    """The entities of all files, while they are gathered."""

    entities: dict[str, Entity] = field(default_factory=dict)
    homes: dict[str, Document] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    """Declared, but wrong in itself; or, if a file cannot be read, whatever is named and not found."""


def read(files: Files, *, judge: Judge, kinds: Mapping[str, Kind] | None = None) -> Etc:
    """Pure: check every document, then all of them against each other; `kinds` of exporters there are."""
    mistakes: list[Mistake] = []
    instance = _instance(files.main, mistakes)
    declared = _entities(files.entities, mistakes)
    coming, going = _sorted(files.descriptors, lambda tree: "query" in tree)
    taking, making = _sorted(files.groups, lambda tree: tree.get("kind") == "export")
    descriptors = _tables(Descriptor, coming, mistakes)
    queries = _tables(ExportDescriptor, going, mistakes)
    groups = _tables(ImportGroup, taking, mistakes)
    exports = _tables(ExportGroup, making, mistakes)
    made = _made(descriptors)
    if None in files.entities.values():
        named = _named(declared.entities, made.values())
        declared.unsure |= named - declared.entities.keys()
    catalogue = {name: kind(name, one) for name, one in declared.entities.items()}
    mistakes += _of_entities(declared, catalogue, judge)
    mistakes += _of_orders(files.main, instance, catalogue, declared.unsure)
    for document, descriptor in descriptors.values():
        mistakes += _of_descriptor(document, descriptor, catalogue, declared.unsure, judge)
    for document, group in groups.values():
        mistakes += _of_group(document, group, made, catalogue, declared.unsure, coming.keys())
        mistakes += _of_after(document, group, making.keys(), instance)
    for document, query in queries.values():
        mistakes += _of_query(document, query, catalogue, declared.unsure)
    asked = _made(queries)
    for document, export in exports.values():
        mistakes += _of_export(document, export, asked, going.keys())
    if files.main is not None:
        told = notify_faults.faults(instance.notify, {*taking, *making})
        mistakes += map(files.main.mistake, told)
    exporters, wrong = chain.read(files.exporters, kinds or {}, instance.outbound)
    mistakes += wrong
    taken = _made(groups)
    around = hearing.Around(instance, taken, frozenset(taking), made)
    heard = hearing.read(files.feeds, around)
    mistakes += heard.mistakes
    return Etc(
        instance,
        declared.entities,
        made,
        taken,
        asked,
        _made(exports),
        heard.feeds,
        heard.maps,
        mistakes,
        exporters=exporters,
    )


def _sorted(
    files: Mapping[str, Document | None], going: Callable[[Mapping[str, Any]], bool]
) -> tuple[dict[str, Document | None], dict[str, Document | None]]:
    """Pure: tell the files of imports from those of exports; what cannot be parsed may be either."""
    coming: dict[str, Document | None] = {}
    out: dict[str, Document | None] = {}
    for name, document in files.items():
        if document is None or not going(document.tree):
            coming[name] = document
        if document is None or going(document.tree):
            out[name] = document
    return coming, out


def _made(tables: Mapping[str, tuple[Document, Checked[M]]]) -> dict[str, M]:
    return {name: checked.value for name, (_, checked) in tables.items() if checked.value}


def _instance(main: Document | None, mistakes: list[Mistake]) -> Instance:
    if main is None:
        return Instance()
    checked = check(Instance, main.tree)
    instance = checked.value or Instance()
    mistakes += map(main.mistake, [*checked.faults, *place.faults(instance)])
    return instance


def _entities(files: Mapping[str, Document | None], mistakes: list[Mistake]) -> _Declared:
    declared = _Declared()
    for document in filter(None, files.values()):
        for key, tables in document.tree.items():
            if key != "entity" or not isinstance(tables, dict):
                what = "only tables [entity.NAME] are known here"
                mistakes.append(document.mistake(Fault((key,), what)))
                continue
            for name, table in tables.items():
                mistakes += _declare(declared, document, name, table)
    return declared


def _declare(
    declared: _Declared, document: Document, name: str, table: object
) -> Iterator[Mistake]:
    at: toml.Path = ("entity", name)
    if name in declared.homes:
        there = declared.homes[name].mistake(Fault((), ""), below=at)
        what = f"is declared in {there.name}:{there.line} already"
        yield document.mistake(Fault((), what), below=at)
        return
    declared.homes[name] = document
    if not NAME.fullmatch(name):
        what = f"the name of an entity is small letters, digits and _, a letter first, not {quoted(name)}"
        yield document.mistake(Fault((), what), below=at)
        return
    checked = check(Entity, table)
    for fault in checked.faults:
        yield document.mistake(fault, below=at)
    if checked.value is not None and checked.whole:
        declared.entities[name] = checked.value
    else:
        declared.unsure.add(name)


def _tables(
    model: type[M], files: Mapping[str, Document | None], mistakes: list[Mistake]
) -> dict[str, tuple[Document, Checked[M]]]:
    found: dict[str, tuple[Document, Checked[M]]] = {}
    for name, document in files.items():
        if document is None:
            continue
        if not SLUG.fullmatch(name):
            what = f"the name of the file is wrong: small letters, digits, - and _ only, not {quoted(name)}"
            mistakes.append(document.mistake(Fault((), what)))
        checked = check(model, document.tree)
        mistakes += map(document.mistake, checked.faults)
        found[name] = (document, checked)
    return found


def _of_entities(declared: _Declared, catalogue: Catalogue, judge: Judge) -> Iterator[Mistake]:
    tables: dict[str, str] = {}
    for name, one in catalogue.items():
        document, at = declared.homes[name], ("entity", name)
        other = tables.setdefault(one.table, name)
        if other != name:
            what = f"the table {quoted(one.table)} is that of entity {other} already"
            yield document.mistake(Fault(("table",), what), below=at)
        for fault in entity_faults.faults(one, catalogue, unsure=declared.unsure, judge=judge):
            yield document.mistake(fault, below=at)


def _of_orders(
    main: Document | None, instance: Instance, catalogue: Catalogue, unsure: Collection[str]
) -> Iterator[Mistake]:
    if main is not None:
        yield from map(main.mistake, ordering_faults.faults(instance.orders, catalogue, unsure))


def _of_descriptor(
    document: Document,
    checked: Checked[Descriptor],
    catalogue: Catalogue,
    unsure: Collection[str],
    judge: Judge,
) -> Iterator[Mistake]:
    if checked.value is None:
        return
    for fault in descriptor_faults.faults(
        checked.value, catalogue, unsure=unsure, whole=checked.whole, judge=judge
    ):
        yield document.mistake(Fault(checked.original(fault.path), fault.what))


def _of_group(
    document: Document,
    checked: Checked[ImportGroup],
    descriptors: Mapping[str, Descriptor],
    catalogue: Catalogue,
    unsure: Collection[str],
    names: Collection[str],
) -> Iterator[Mistake]:
    if checked.value is None:
        return
    for fault in group_faults.faults(
        checked.value, descriptors, catalogue, names=names, unsure=unsure
    ):
        yield document.mistake(Fault(checked.original(fault.path), fault.what))


def _of_after(
    document: Document,
    checked: Checked[ImportGroup],
    exports: Collection[str],
    instance: Instance,
) -> Iterator[Mistake]:
    targets = checked.value.after if checked.value else ()
    for fault in after_faults.faults(targets, exports, instance.outbound):
        yield document.mistake(Fault(checked.original(fault.path), fault.what))


def _of_query(
    document: Document,
    checked: Checked[ExportDescriptor],
    catalogue: Catalogue,
    unsure: Collection[str],
) -> Iterator[Mistake]:
    if checked.value is None:
        return
    for fault in export_faults.faults(checked.value, catalogue, unsure=unsure, whole=checked.whole):
        yield document.mistake(Fault(checked.original(fault.path), fault.what))


def _of_export(
    document: Document,
    checked: Checked[ExportGroup],
    queries: Mapping[str, ExportDescriptor],
    names: Collection[str],
) -> Iterator[Mistake]:
    if checked.value is None:
        return
    for fault in output_faults.group(checked.value, queries, names, whole=checked.whole):
        yield document.mistake(Fault(checked.original(fault.path), fault.what))


def _named(entities: Mapping[str, Entity], descriptors: Iterable[Descriptor]) -> set[str]:
    """Collect the entities that are pointed at or filled."""
    refs = {one.ref for entity in entities.values() for one in entity.field.values() if one.ref}
    filled = {part.entity for one in descriptors for part in descriptor_faults.parts(one)}
    return refs | filled
