"""What is on a schedule: exports, feeds, inboxes that are taken at a time, and the housekeeping."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from impexd.model import schedule
from impexd.model.config import Config
from impexd.model.feed import RestFeed
from impexd.model.group import CatchUp
from impexd.model.schedule import Interval, Schedule

Kind = Literal["export", "inbox", "feed", "keep"]

HOUSEKEEPING: Mapping[str, int] = {
    "undo": 3600,
    "parked": 3600,
    "archive": 3600,
    "outbox": 3600,
    "messages": 3600,
    "occurrences": 3600,
    "log": 3600,
    "notices": 86_400,
    "audit": 86_400,
    "pictures": 86_400,
}
"""What is kept in order, and after how many seconds again; see `work`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timetable."""

    kind: Kind
    subject: str
    """The group, or the part of the housekeeping."""
    schedule: Schedule
    catch_up: CatchUp = "one"

    @property
    def name(self) -> str:
        """What it is called: `export:prices-out`."""
        return f"{self.kind}:{self.subject}"


def of(config: Config) -> dict[str, Entry]:
    """Pure: all that a configuration has on a schedule, by name."""
    return {entry.name: entry for entry in _all(config)}


def _all(config: Config) -> Iterator[Entry]:
    yield from _exports(config)
    yield from _inboxes(config)
    yield from _feeds(config)
    yield from _kept()


def _exports(config: Config) -> Iterator[Entry]:
    for name, group in sorted(config.exports.items()):
        when = schedule.made(group.schedule, group.every, group.zone)
        if when is not None:
            yield Entry("export", name, when, group.catch_up)


def _inboxes(config: Config) -> Iterator[Entry]:
    for name, group in sorted(config.groups.items()):
        inbox = group.inbox
        when = schedule.made(inbox.schedule, inbox.every, inbox.zone)
        if when is not None:
            yield Entry("inbox", name, when, inbox.catch_up)


def _feeds(config: Config) -> Iterator[Entry]:
    for name, feed in sorted(config.feeds.items()):
        if isinstance(feed, RestFeed):
            when = schedule.made(feed.schedule, feed.every, feed.zone)
            if when is not None:
                yield Entry("feed", name, when)


def _kept() -> Iterator[Entry]:
    return (Entry("keep", part, Interval(every)) for part, every in HOUSEKEEPING.items())


def timed(config: Config) -> frozenset[str]:
    """Pure: the import groups whose inbox is taken on a schedule, and not all the time."""
    return frozenset(entry.subject for entry in _inboxes(config))
