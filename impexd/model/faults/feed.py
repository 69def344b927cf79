"""What is wrong with feeds and maps: expressions, URLs, pages, schemes, what they name."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import jmespath
from jmespath.exceptions import JMESPathError

from impexd.model import outbound
from impexd.model.base import Model
from impexd.model.descriptor import Descriptor
from impexd.model.faults import Fault, column, near, quoted, schedule
from impexd.model.feed import Feed, FeedMap, FolderFeed, Pages, RestFeed, WebhookFeed
from impexd.model.group import ImportGroup
from impexd.model.instance import Instance
from impexd.model.toml import Path

SERVICE = "messages"
"""The service of descriptors that bring messages."""


class Around(Protocol):
    """What feeds are judged against."""

    @property
    def instance(self) -> Instance: ...
    @property
    def groups(self) -> Mapping[str, ImportGroup]: ...
    @property
    def names(self) -> frozenset[str]: ...
    @property
    def descriptors(self) -> Mapping[str, Descriptor]: ...


def faults(
    one: Feed, maps: Mapping[str, FeedMap], named: Collection[str], around: Around
) -> Iterator[Fault]:
    """Pure: all that is wrong with a feed beyond its types.  `named` are maps that may be wrong."""
    if one.map not in maps and one.map not in named:
        yield Fault(("map",), f"there is no map {quoted(one.map)}" + near(one.map, maps))
    used = maps.get(one.map)
    if one.quantities == "added" and one.kind != "folder" and used and used.message.id is None:
        what = "`added` needs messages with an id of their own, else a repeat adds twice; "
        yield Fault(("quantities",), what + f"the map {quoted(one.map)} has no `message.id`")
    match one:
        case RestFeed():
            yield from _rest(one, around.instance)
        case WebhookFeed():
            yield from _webhook(one, around.instance)
        case FolderFeed():
            yield from _folder(one, around)


def _rest(one: RestFeed, instance: Instance) -> Iterator[Fault]:
    if reason := outbound.fault(instance.outbound, one.url):
        yield Fault(("url",), reason)
    yield from schedule.faults(one.schedule, one.every, one.zone)
    yield from _expression(one.items, ("items",))
    if one.pages is not None:
        yield from _pages(one.pages, one.params)


def _pages(pages: Pages, params: Mapping[str, str]) -> Iterator[Fault]:
    if pages.next is not None:
        yield from _expression(pages.next, ("pages", "next"))
    elif pages.by not in ("page", "link"):
        yield Fault(
            ("pages",), f"`next` is missing: where an answer says what is next ({pages.by})"
        )
    if pages.by == "link":
        if pages.parameter is not None:
            yield Fault(("pages", "parameter"), "a link is followed as it is, without a parameter")
    elif pages.parameter is None:
        yield Fault(("pages",), "`parameter` is missing: what the query calls it")
    elif pages.parameter in params:
        yield Fault(("pages", "parameter"), "stands in `params`, too")


def _webhook(one: WebhookFeed, instance: Instance) -> Iterator[Fault]:
    if instance.webhooks.listen == "off":
        yield Fault(("kind",), "nobody listens: say `listen` in [webhooks] of impexd.toml")
    wanted = one.scheme in ("hmac", "token")
    if wanted and one.header is None:
        yield Fault(("scheme",), f"`{one.scheme}` needs a `header`: where the sender puts it")
    if not wanted and one.header is not None:
        yield Fault(("header",), f"the scheme {one.scheme} has headers of its own")
    yield from _expression(one.items, ("items",))


def _folder(one: FolderFeed, around: Around) -> Iterator[Fault]:
    if one.group not in around.names:
        what = f"there is no import group {quoted(one.group)}"
        yield Fault(("group",), what + near(one.group, around.groups))
        return
    group = around.groups.get(one.group)
    if group is None:
        return
    used = [around.descriptors[name] for name in group.descriptors if name in around.descriptors]
    if len(used) == len(group.descriptors) and all(d.service != SERVICE for d in used):
        what = f'no descriptor of the group {quoted(one.group)} has service = "{SERVICE}"'
        yield Fault(("group",), what)


def expressions(one: FeedMap) -> Iterator[Fault]:
    """Pure: the expressions of a map that are none, and what is wrong with words and moments."""
    yield from _table(one.message, ("message",))
    for at, pattern in enumerate(one.moments):
        if reason := column.moment(pattern):
            yield Fault(("moments", at), reason)
    if reason := column.zone(one.zone):
        yield Fault(("zone",), reason)
    yield from _table(one.line, ("line",))
    seen: dict[str, str] = {}
    for word in one.status:
        other = seen.setdefault(word.casefold(), word)
        if other != word:
            what = f"is the same word as {quoted(other)}: capitals do not count"
            yield Fault(("status", word), what)


def _table(table: Model, below: Path) -> Iterator[Fault]:
    for name, value in table:
        if isinstance(value, str):
            yield from _expression(value, (*below, name))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                yield from _expression(inner, (*below, name, key))


def _expression(text: str, at: Path) -> Iterator[Fault]:
    try:
        jmespath.compile(text)
    except (JMESPathError, RecursionError) as error:
        said = str(error).partition("\n")[0]
        yield Fault(at, f"{quoted(text)} is no JMESPath: {quoted(said)}")
