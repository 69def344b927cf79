"""
A map at work: what a courier sent becomes a `Message` in our words.

Pure.  Takes one item of the courier's JSON and a map of `etc/feeds/`; gives the message, or says
why it is none.  Done when a message is applied and not when it comes: a mended map then helps.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import JMESPathError

from impexd.core.clock import stamp
from impexd.core.text import shown
from impexd.feeds import moments
from impexd.feeds.moments import PLAIN, Layout
from impexd.model.feed import FeedMap, LineMeaning
from impexd.model.message import Message, MessageLine, Said
from impexd.model.order import Facts

LONGEST = 4000
"""Characters of one value."""
LINES = 10_000
"""Lines of one message."""
DIGITS = 30
"""A number of more is none: written out, 1e999999999 would fill the memory."""


class Unmapped(Exception):
    """The map makes no message of this."""


@dataclass(frozen=True, slots=True)
class About:
    """Where an item came from."""

    source: str
    id: str
    row: int | None = None
    quantities: Literal["total", "added"] = "total"


def message(item: Any, used: FeedMap, about: About) -> Message:
    """Pure: make the message that an item is; raises `Unmapped`."""
    said, at = used.message, _Reader(item, _layout(used))
    word = at.text(said.status)
    lines = at.elements(said.lines)
    if len(lines) > LINES:
        raise Unmapped(f"a message of more than {LINES} lines")
    return Message(
        source=about.source,
        id=about.id,
        row=about.row,
        order=at.text(said.order),
        delivery=at.text(said.delivery),
        warehouse=at.text(said.warehouse),
        status=word,
        said=None if word is None else meaning(used, word),
        at=at.moment(said.at, "at"),
        quantities=about.quantities,
        lines=tuple(_line(one, used.line, at.layout) for one in lines),
        tracking=at.text(said.tracking),
        tracking_url=_link(at.text(said.tracking_url)),
        carrier=at.text(said.carrier),
        estimated_from=at.day(said.estimated_from),
        estimated_to=at.day(said.estimated_to),
        guaranteed=at.yes(said.guaranteed),
        confirmed=at.yes(said.confirmed),
        invoice=at.text(said.invoice),
        invoice_date=at.day(said.invoice_date),
        proof=at.text(said.proof),
        remarks=at.text(said.remarks),
        amount=at.number(said.amount, "amount"),
        extra=at.facts(said.extra),
    )


def own_id(item: Any, used: FeedMap) -> str | None:
    """Pure: the id that an item has of its own; None if it has none."""
    return _Reader(item).loose(used.message.id)


def identity(item: Any, used: FeedMap, source: str) -> str:
    """
    Pure: an id for an item without one, made of what it is about and what it says of that.

    What cannot be read of it is not part of it; two items that say the same are one message.
    """
    said, at = used.message, _Reader(item)
    paths = (said.order, said.delivery, said.tracking, said.status, said.at)
    parts = [at.loose(path) for path in paths]
    if not any(parts):
        return "sha256:" + digest(canonical(item))
    made = json.dumps([source, *parts], ensure_ascii=False)
    if said.lines is not None:
        made += canonical(at.loosely(said.lines))
    return "sha256:" + digest(made)


def short(id: str) -> str:
    """Pure: an id as it is kept: itself, or its hash if it is long."""
    return id if len(id) <= 255 and id.isprintable() else "sha256:" + digest(id)


def canonical(item: Any) -> str:
    """Pure: an item as text; the same for items that are the same."""
    return json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(text: str) -> str:
    """Pure: SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def items(document: Any, path: str) -> list[Any]:
    """
    Pure: the items of a document; raises `Unmapped` if there is no list of them.

    One that is no object among others is given as it is: it is kept, is dead when it is heard,
    and keeps nobody waiting.
    """
    found, where = _searched(path, document), f"at {shown(path, limit=80)} (`items` of the feed)"
    if found is None:
        none = "`[]`"
        raise Unmapped(
            f"there is nothing {where}; if that means no news, write items = '{path} || {none}'"
        )
    if isinstance(found, dict):
        raise Unmapped(
            f"what is {where} is one object and no list; if it is a message, write '[@]'"
        )
    if not isinstance(found, list):
        raise Unmapped(f"what is {where} is no list")
    if found and not any(isinstance(one, dict) for one in found):
        many = isinstance(found[0], list)
        more = "; if the answer is the list of messages itself, write '@'" if many else ""
        raise Unmapped(f"what is {where} are no objects{more}")
    return found


def value(document: Any, path: str) -> str | None:
    """Pure: a single value of a document as text; None if there is none."""
    return _Reader(document).loose(path)


def truth(document: Any, path: str) -> bool:
    """Pure: is there something at a place that is not false, zero or empty?"""
    return bool(_searched(path, document))


def meaning(used: FeedMap, word: str) -> Said:
    """Pure: what a status word means."""
    return _words(used).get(word.strip().casefold(), used.other)


def _words(used: FeedMap) -> Mapping[str, Said]:
    return {word.casefold(): said for word, said in used.status.items()}


def _layout(used: FeedMap) -> Layout:
    return Layout(used.moments, UTC if used.zone == "UTC" else ZoneInfo(used.zone))


def _line(item: Any, said: LineMeaning, layout: Layout) -> MessageLine:
    at = _Reader(item, layout)
    return MessageLine(
        ref=at.text(said.ref),
        sku=at.text(said.sku),
        warehouse=at.text(said.warehouse),
        ordered=at.quantity(said.ordered, "ordered"),
        shipped=at.quantity(said.shipped, "shipped"),
        rejected=at.quantity(said.rejected, "rejected"),
        invoice=at.text(said.invoice),
        invoice_date=at.day(said.invoice_date),
        remarks=at.text(said.remarks),
        extra=at.facts(said.extra),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads values of one item."""

    item: Any
    layout: Layout = PLAIN

    def value(self, path: str | None) -> Any:
        return None if path is None else _searched(path, self.item)

    def text(self, path: str | None) -> str | None:
        found = self.value(path)
        if found is None or (found is False and path is not None):
            return None
        if isinstance(found, dict | list):
            raise Unmapped(f"what is at {shown(path or '', limit=80)} is no single value")
        text = ("true" if found is True else str(found)).strip()
        if len(text) > LONGEST:
            raise Unmapped(f"what is at {shown(path or '', limit=80)} is too long")
        return text or None

    def loosely(self, path: str) -> Any:
        try:
            return self.value(path)
        except Unmapped:
            return None

    def loose(self, path: str | None) -> str | None:
        try:
            found = self.value(path)
        except Unmapped:
            return None
        if found is None or isinstance(found, bool | dict | list):
            return None
        return str(found).strip() or None

    def moment(self, path: str | None, name: str) -> str | None:
        text = self.text(path)
        if text is None:
            return None
        found = moments.moment(text, self.layout)
        if found is None:
            told = f"{name}: {shown(text, limit=80)} is no moment"
            raise Unmapped(f"{told}; `moments` in the map says how they are written")
        return stamp(found)

    def day(self, path: str | None) -> str | None:
        """A day or a moment, as far as it can be read; what a courier guesses decides nothing."""
        text = self.text(path)
        return moments.day(text, self.layout) if text else None

    def number(self, path: str | None, name: str) -> Decimal | None:
        text = self.text(path)
        if text is None:
            return None
        try:
            found = Decimal(text)
        except InvalidOperation:
            found = Decimal("NaN")
        odd = len(text) > 40 or not text.isascii() or "_" in text
        if odd or not found.is_finite() or abs(found.adjusted()) > DIGITS:
            raise Unmapped(f"{name}: {shown(text, limit=80)} is no number")
        return found

    def quantity(self, path: str | None, name: str) -> Decimal | None:
        found = self.number(path, name)
        if found is not None and found < 0:
            raise Unmapped(f"{name}: {found} is less than nothing")
        return found

    def elements(self, path: str | None) -> list[Any]:
        """A list; an object that stands where a list of one should is that list."""
        found = self.value(path)
        if isinstance(found, dict):
            return [found]
        if found is not None and not isinstance(found, list):
            raise Unmapped(f"what is at {shown(path or '', limit=80)} is no list")
        return found or []

    def yes(self, path: str | None) -> bool | None:
        found = self.value(path)
        if isinstance(found, str):
            return {
                "true": True,
                "yes": True,
                "1": True,
                "false": False,
                "no": False,
                "0": False,
            }.get(found.strip().casefold())
        return None if found is None else bool(found)

    def facts(self, paths: Mapping[str, str]) -> Facts | None:
        found = {name: self.text(path) for name, path in paths.items()}
        kept = {name: value for name, value in found.items() if value is not None}
        return kept or None


def _link(url: str | None) -> str | None:
    """A link that a page may show: nothing that a browser would run."""
    return url if url is not None and url.startswith(("https://", "http://")) else None


def _searched(path: str, item: Any) -> Any:
    try:
        return _compiled(path).search(item)
    except (JMESPathError, TypeError, ValueError, RecursionError, AttributeError) as error:
        raise Unmapped(f"{shown(path, limit=80)}: {shown(str(error), limit=120)}") from None


@lru_cache(maxsize=2000)
def _compiled(path: str) -> Any:
    return jmespath.compile(path)
