"""Feeds and maps of `etc/feeds/`, each by its kind: models, and all that is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from impexd.model import feed, toml
from impexd.model.base import Model
from impexd.model.descriptor import Descriptor
from impexd.model.document import Document, Mistake, check
from impexd.model.faults import Fault, near, quoted
from impexd.model.faults import feed as faults
from impexd.model.feed import KINDS, Feed, FeedMap
from impexd.model.group import ImportGroup
from impexd.model.instance import Instance
from impexd.model.secret import Secret

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(slots=True)
class Hearing:
    """What `etc/feeds/` says."""

    feeds: dict[str, Feed] = field(default_factory=dict)
    maps: dict[str, FeedMap] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Around:
    """What feeds are judged against."""

    instance: Instance
    groups: Mapping[str, ImportGroup]
    """Import groups that are right in themselves."""
    names: frozenset[str]
    """All groups there are, right or wrong."""
    descriptors: Mapping[str, Descriptor]


def read(files: Mapping[str, Document | None], around: Around) -> Hearing:
    """Pure: check each file by its kind, then feeds against maps, groups and the instance."""
    said = Hearing()
    named = set[str]()
    found: list[tuple[Document, Feed]] = []
    for name, document in files.items():
        if document is None:
            named.add(name)
            continue
        model = feed.kind(document.tree)
        if model is None:
            said.mistakes.append(document.mistake(_unkind(document)))
            named.add(name)
            continue
        if not SLUG.fullmatch(name):
            what = f"the name of the file is wrong: small letters, digits, - and _ only, not {quoted(name)}"
            said.mistakes.append(document.mistake(Fault((), what)))
        _take(said, name, document, model, named, found)
    for document, one in found:
        for fault in faults.faults(one, said.maps, named, around):
            said.mistakes.append(document.mistake(fault))
    return said


def _take(
    said: Hearing,
    name: str,
    document: Document,
    model: type[Model],
    named: set[str],
    found: list[tuple[Document, Feed]],
) -> None:
    checked = check(model, document.tree)
    said.mistakes += map(document.mistake, checked.faults)
    value = checked.value
    if model is FeedMap:
        named.add(name)
    if isinstance(value, FeedMap):
        said.maps[name] = value
        said.mistakes += [document.mistake(one) for one in faults.expressions(value)]
    elif isinstance(value, Feed):
        said.feeds[name] = value
        found.append((document, value))


def _unkind(document: Document) -> Fault:
    said = document.tree.get("kind")
    if said is None:
        return Fault((), f"`kind` is missing; there is {', '.join(KINDS)}")
    return Fault(("kind",), f"there is no kind {quoted(str(said))}" + near(str(said), KINDS))


def secrets(one: Feed) -> Iterator[tuple[toml.Path, Secret]]:
    """Pure: each secret of a feed, and where it stands."""
    if one.kind == "webhook":
        for position, secret in enumerate(one.secrets):
            yield ("secrets", position), secret
    elif one.kind == "rest" and one.auth is not None:
        yield ("auth", "secret"), one.auth.secret
