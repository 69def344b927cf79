"""
Ask a courier what is new: page by page, each kept with the place it leads to in one transaction.

A poll costs at most `times.total` and the largest body for each page, and `pages.most` pages.  What
goes wrong is written down with the feed, which is then left alone for a while, longer each time; a
courier that says how long is believed, up to an hour.  A cursor that does not move, or goes round,
ends the poll and is told to a person.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import http
from impexd.core.backoff import Backoff, chance
from impexd.core.clock import stamp
from impexd.core.errors import Unreachable, UsageError
from impexd.core.text import shown
from impexd.feeds import intake, links, mapping, reading
from impexd.feeds.bench import Bench, NoSecret
from impexd.feeds.mapping import Unmapped
from impexd.feeds.reading import Unreadable
from impexd.model import outbound
from impexd.model.config import trusted
from impexd.model.feed import Pages, RestFeed
from impexd.store import feeds, messages
from impexd.store.again import again

TASK = "poll"
WAITS = Backoff(first=30.0, most=3600.0)
OPEN_AFTER = 5
"""Failures in a row after which the breaker is said to be open."""

log = structlog.get_logger(__name__)


class Failed(Exception):
    """The courier did not answer well."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait
        """Seconds for which it asks to be left alone."""


@dataclass(slots=True)
class Polled:
    """What a poll brought."""

    pages: int = 0
    fresh: int = 0
    repeated: int = 0
    conflicts: int = 0
    told: str = ""
    """What a person ought to know."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What was answered."""

    document: Any
    found: list[Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a feed the next page is."""

    cursor: str | None
    url: str
    number: int


async def poll(bench: Bench, name: str, *, times: http.Times = http.Times()) -> Polled:  # noqa: B008
    """
    Ask a feed for what is new and keep it; UsageError if there is no such feed.

    What the courier does wrong is no exception: it is written down, and given as `error`.
    """
    feed = bench.config().feeds.get(name)
    if not isinstance(feed, RestFeed):
        raise UsageError(
            f"there is no feed {shown(name)} that can be asked", hint="`impexd feeds` lists them"
        )
    polled = Polled()
    try:
        await _pages(bench, name, feed, polled, times)
    except (Failed, Unreachable, Unreadable, Unmapped, NoSecret) as error:
        wait = error.wait if isinstance(error, Failed) else None
        polled.error = shown(str(error))
        await _failed(bench, name, polled.error, wait)
        return polled
    now = bench.clock.now()
    await again(
        bench.store,
        lambda tx: feeds.succeeded(tx, name, now=now, told=polled.told or None),
        clock=bench.clock,
    )
    if polled.told:
        log.warning("feed", feed=name, told=polled.told)
    return polled


async def _pages(
    bench: Bench, name: str, feed: RestFeed, polled: Polled, times: http.Times
) -> None:
    async with bench.store.reading() as tx:
        state = await feeds.get(tx, name)
    place: Place | None = _start(feed, state["cursor"])
    etag = state["etag"]
    seen: set[str] = set()
    most = feed.pages.most if feed.pages else 1
    while place is not None:
        if polled.pages == most:
            polled.told = f"there is more than {most} pages; the next poll goes on where it can"
            return
        answer = await _asked(bench, feed, place, etag, times)
        if answer.status in (204, 304):  # no news
            return
        document = await anyio.to_thread.run_sync(reading.read, answer.body)
        found = mapping.items(document, feed.items)
        polled.pages += 1
        seen.add(_name(place))
        following, told = _next(feed, place, Page(document, found, answer.headers), seen)
        mark = answer.headers.get("etag", "")[:1000] or None
        etag = None
        kept = await _kept(
            bench, name, feed, found, following or place, mark if not following else None
        )
        polled.fresh += len(kept.fresh)
        polled.repeated += len(kept.repeated)
        polled.conflicts += len(kept.conflicts)
        if feed.pages and feed.pages.by == "since" and not kept.fresh:
            return  # nothing that was not known: heard to the end
        if told:
            polled.told = told
        place = following


async def _kept(
    bench: Bench, name: str, feed: RestFeed, found: list[Any], place: Place, etag: str | None
) -> messages.Kept:
    """Keep a page and the place it leads to, both or neither."""
    now = bench.clock.now()
    used = bench.config().maps[feed.map]
    coming = [intake.fresh(item, used, name, "rest", stamp(now)) for item in found]
    lasting = feed.pages is not None and feed.pages.by in ("cursor", "since")

    async def work(tx: AsyncConnection) -> messages.Kept:
        kept = await messages.put(tx, coming)
        said: dict[str, Any] = {"etag": etag} | ({"cursor": place.cursor} if lasting else {})
        if kept.fresh:
            said["received"] = stamp(now)
            await bench.ring(tx)
        await feeds.note(tx, name, **said)
        return kept

    kept = await again(bench.store, work, clock=bench.clock)
    if kept.conflicts:
        log.error("messages conflict", feed=name, count=len(kept.conflicts))
    return kept


async def _asked(
    bench: Bench, feed: RestFeed, place: Place, etag: str | None, times: http.Times
) -> http.Answer:
    config = bench.config()
    headers = {"Accept": "application/json", **feed.headers}
    if etag is not None:
        headers["If-None-Match"] = etag
    if feed.auth is not None:
        secret = await bench.secret(feed.auth.secret)
        if feed.auth.user is not None:
            pair = f"{feed.auth.user}:{secret}".encode()
            secret, prefix = base64.b64encode(pair).decode(), "Basic "
        else:
            prefix = feed.auth.prefix
        headers[feed.auth.header] = prefix + secret
    answer = await http.send(
        http.Request(place.url, headers=headers),
        outbound.allowed(config.instance.outbound, [feed.url]),
        times=times,
        most=feed.body,
        ca=trusted(config),
    )
    if answer.good or (answer.status == 304 and etag is not None):
        return answer
    told = f"it answered {answer.status}"
    if 300 <= answer.status < 400:
        told += ": redirects are not followed"
    raise Failed(told, answer.wait(bench.clock.now()))


def _start(feed: RestFeed, cursor: str | None) -> Place:
    """Pure: the first page to be asked for."""
    pages = feed.pages
    if pages is None or pages.by == "link":
        return Place(None, address(feed, {}), 0)
    if pages.by == "page":
        return Place(None, address(feed, {pages.parameter or "": str(pages.first)}), pages.first)
    return _at(feed, pages, cursor if cursor is not None else pages.start)


def _at(feed: RestFeed, pages: Pages, cursor: str | None) -> Place:
    given = {} if cursor is None else {pages.parameter or "": cursor}
    return Place(cursor, address(feed, given), 0)


def _next(feed: RestFeed, place: Place, page: Page, seen: set[str]) -> tuple[Place | None, str]:
    """Pure: the page after this one, None if there is none; and what is wrong with it."""
    pages = feed.pages
    if pages is None:
        return None, ""
    found, said = page.found, mapping.value(page.document, pages.next) if pages.next else None
    if pages.by == "link" and pages.next is None:
        said = links.following(page.headers.get("link", ""))
    if pages.by == "page":
        more = bool(found) if pages.next is None else mapping.truth(page.document, pages.next)
        number = place.number + pages.step
        following = Place(None, address(feed, {pages.parameter or "": str(number)}), number)
        return (following if more and found else None), ""
    if said is None or len(said) > 4000:
        return None, "" if said is None else "the cursor is too long"
    if pages.by == "link":
        url = urljoin(place.url, said)
        if urlsplit(url)[:2] != urlsplit(feed.url)[:2]:
            here, there = (shown(one, limit=200) for one in (feed.url, url))
            raise Failed(f"the next page is on another host: {there}, and the feed at {here}")
        following = Place(None, url, 0)
    else:
        following = _at(feed, pages, said)
    if _name(following) in seen:
        # A feed that is at its end may well repeat where it stands; it is odd with messages.
        odd = bool(found) and pages.by != "since"
        return None, "the cursor does not advance" if odd else ""
    return following, ""


def _name(place: Place) -> str:
    return place.url


def address(feed: RestFeed, more: dict[str, str]) -> str:
    """Pure: the URL of a feed with parameters added to its query."""
    parts = urlsplit(feed.url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *feed.params.items(), *more.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))


async def _failed(bench: Bench, name: str, error: str, wait: float | None) -> None:
    now, luck = bench.clock.now(), chance(bench.clock)

    async def work(tx: AsyncConnection) -> int:
        failures: int = (await feeds.get(tx, name))["failures"] + 1
        pause = max(WAITS.delay(failures, chance=luck), wait or 0.0)
        until = stamp(now + timedelta(seconds=pause))
        await feeds.failed(tx, name, error, now=now, until=until)
        return failures

    failures = await again(bench.store, work, clock=bench.clock)
    log.warning("feed failed", feed=name, why=error, times=failures)
