"""
What a message says of a delivery, put into it: quantities, dates, tracking, invoices.

Made so that the order in which messages come does not matter: totals only grow, additions add
up, and of every other fact the one stays that happened last, whenever it is heard.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from impexd.model.message import Message, MessageLine
from impexd.model.order import NOTHING, Delivery, DeliveryLine
from impexd.model.values import replace
from impexd.store.order_rows import canonical

FACTS = (
    "status",
    "tracking",
    "tracking_url",
    "carrier",
    "estimated_from",
    "estimated_to",
    "guaranteed",
    "confirmed",
    "proof",
    "remarks",
)
LINE_FACTS = ("invoice", "invoice_date", "remarks")


def heard(
    delivery: Delivery, message: Message, matched: Mapping[int, MessageLine], *, quantities: bool
) -> Delivery:
    """
    Pure: a delivery with what a message says of it; the same one if it says nothing new.

    `matched`: which of its lines, by index, each line of the message is.  `quantities` are left
    out of a message whose quantities have been added before.
    """
    told = {name: getattr(message, name) for name in FACTS}
    facts, when = _latest(delivery, told, message.at, message.extra)
    if "status" in facts:
        facts["status_at"] = message.at
    lines = tuple(
        _line(line, matched[at], message, quantities=quantities) if at in matched else line
        for at, line in enumerate(delivery.lines)
    )
    after = replace(delivery, **facts, heard=when, lines=lines)
    return delivery if after == delivery else after


def _line(
    line: DeliveryLine, told: MessageLine, message: Message, *, quantities: bool
) -> DeliveryLine:
    said = {
        "invoice": told.invoice or message.invoice,
        "invoice_date": told.invoice_date or message.invoice_date,
        "remarks": told.remarks,
    }
    facts, when = _latest(line, said, message.at, told.extra)
    if quantities:
        facts["shipped"] = _quantity(line.shipped, told.shipped, message)
        facts["rejected"] = _quantity(line.rejected, told.rejected, message)
    return replace(line, **facts, heard=when)


def _quantity(old: Decimal, said: Decimal | None, message: Message) -> Decimal:
    if said is None:
        return old
    return old + max(said, NOTHING) if message.quantities == "added" else max(old, said)


def _latest(
    thing: Delivery | DeliveryLine,
    told: Mapping[str, Any],
    at: str | None,
    extra: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], Mapping[str, str] | None]:
    """Pure: the facts that are newer than those that stand there, and when each happened."""
    when: dict[str, str] = dict(thing.heard or {})
    facts: dict[str, Any] = {}
    for name, value in told.items():
        if value is not None and _newer(when.get(name), at, getattr(thing, name), value):
            facts[name], when[name] = value, at or ""
    more = dict(thing.extra or {})
    for name, value in (extra or {}).items():
        if _newer(when.get(f"extra.{name}"), at, more.get(name), value):
            more[name], when[f"extra.{name}"] = value, at or ""
    facts["extra"] = more or None
    return facts, when or None


def _newer(since: str | None, at: str | None, old: Any, new: Any) -> bool:
    """Pure: does a fact replace another?  Of two of the same moment the greater, to be one-minded."""
    if since is None or (at or "") > since:
        return True
    return (at or "") == since and str(new) > str(old)


def partly(delivery: Delivery, matched: Mapping[int, MessageLine]) -> bool:
    """Pure: does a message with these lines speak of a part of a delivery alone, with more to come?"""
    counted = any(
        told.shipped is not None or told.rejected is not None for told in matched.values()
    )
    return counted and not all(line.done for line in delivery.lines)


def left(delivery: Delivery) -> str:
    """Pure: what of a delivery is still to come: "1: 2 of 3"."""
    todo = [line for line in delivery.lines if not line.done]
    shares = (
        f"{line.ref}: {canonical(line.ordered - line.shipped - line.rejected)} of {canonical(line.ordered)}"
        for line in todo
    )
    return ", ".join(shares)


def exactly(
    delivery: Delivery, quantities: Sequence[tuple[str, Decimal | None, Decimal | None]]
) -> Delivery:
    """
    Pure: a delivery with quantities set by a person: (ref, shipped, rejected), None to leave one.

    Raises KeyError for a line it does not have.
    """
    lines = list(delivery.lines)
    place = {line.ref: n for n, line in enumerate(lines)}
    for ref, shipped, rejected in quantities:
        n = place[ref]
        lines[n] = replace(
            lines[n],
            shipped=lines[n].shipped if shipped is None else shipped,
            rejected=lines[n].rejected if rejected is None else rejected,
        )
    return replace(delivery, lines=tuple(lines))
