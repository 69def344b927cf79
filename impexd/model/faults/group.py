"""What is wrong with groups: their descriptors, names, guards, and modes that cannot live together."""

from collections.abc import Collection, Iterator, Mapping

from impexd.model import patterns
from impexd.model.descriptor import Descriptor, Mode
from impexd.model.entity import NUMBERS, Catalogue
from impexd.model.faults import Fault, layout, near, notify, quoted, schedule
from impexd.model.faults.descriptor import parts
from impexd.model.group import ImportGroup

ORDERS = "orders"
"""The service of descriptors that bring orders."""


def faults(
    group: ImportGroup,
    descriptors: Mapping[str, Descriptor],
    catalogue: Catalogue,
    *,
    names: Collection[str],
    unsure: Collection[str] = (),
) -> Iterator[Fault]:
    """Pure: all that is wrong with one group.  `names` are all descriptors there are, right or wrong."""
    for position, name in enumerate(group.descriptors):
        at = ("descriptors", position)
        if name not in names:
            what = f"there is no descriptors/{name}.toml" if names else "there are no descriptors"
            yield Fault(at, what + near(name, names))
        elif name in group.descriptors[:position]:
            yield Fault(at, f"{quoted(name)} stands here twice")
    yield from _inbox(group)
    if group.expect is not None:
        yield from notify.expect(group.expect)
    if not layout.encoding(group.zip_names):
        yield Fault(("zip_names",), f"Python knows no text encoding {quoted(group.zip_names)}")
    yield from _guard(group, catalogue, unsure)
    yield from _replace(group, descriptors)
    yield from _orders(group, descriptors)


def _orders(group: ImportGroup, descriptors: Mapping[str, Descriptor]) -> Iterator[Fault]:
    """A chunk may end between two lines of an order, which is placed whole or not at all."""
    brings = [n for n in group.descriptors if n in descriptors and descriptors[n].service == ORDERS]
    if group.atomic == "chunk" and brings:
        what = f'{quoted(brings[0])} brings orders, and a chunk could hold half of one; say "file" or "archive"'
        yield Fault(("atomic",), what)


def _inbox(group: ImportGroup) -> Iterator[Fault]:
    inbox = group.inbox
    if inbox.match is not None and (reason := patterns.faults(inbox.match)):
        yield Fault(("inbox", "match"), f"{quoted(inbox.match)} {reason}")
    end = inbox.companion
    if end is not None and (len(end) < 2 or end[0] != "." or "/" in end or not end.isprintable()):
        yield Fault(
            ("inbox", "companion"),
            f'the end of a file name is wanted here, like ".ready", not {quoted(end)}',
        )
    yield from schedule.faults(inbox.schedule, inbox.every, inbox.zone, below=("inbox",))


def _guard(group: ImportGroup, catalogue: Catalogue, unsure: Collection[str]) -> Iterator[Fault]:
    for written in group.guard.max_change:
        at = ("guard", "max_change", written)
        entity, _, name = written.partition(".")
        kind = catalogue.get(entity)
        if not name:
            yield Fault(at, 'a field is named with its entity here, like "price.list"')
        elif kind is None:
            if entity not in unsure:
                yield Fault(at, f"there is no entity {quoted(entity)}" + near(entity, catalogue))
        elif name not in kind.fields:
            yield Fault(at, f"{entity} has no field {quoted(name)}" + near(name, kind.fields))
        elif kind.fields[name].type not in NUMBERS:
            yield Fault(
                at, f"is of type {kind.fields[name].type}; only a number can move by a share"
            )


def _replace(group: ImportGroup, descriptors: Mapping[str, Descriptor]) -> Iterator[Fault]:
    """`replace` takes one file for all there is; a second one for the same entity would delete the first's rows."""
    fills: dict[str, list[tuple[int, str, Mode]]] = {}
    for position, name in enumerate(group.descriptors):
        if name in descriptors and name not in group.descriptors[:position]:
            for part in parts(descriptors[name]):
                fills.setdefault(part.entity, []).append((position, name, part.mode))
    for entity, all_of in fills.items():
        if len(all_of) > 1 and Mode.REPLACE in {mode for _, _, mode in all_of}:
            names = " and ".join(dict.fromkeys(quoted(name) for _, name, _ in all_of))
            what = f'{entity} is filled by {len(all_of)} parts ({names}), and mode = "replace" stands only alone'
            yield Fault(("descriptors", all_of[1][0]), what)
