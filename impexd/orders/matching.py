"""
Which of an order's lines does each line of a message mean?

By its reference; else by warehouse (or supplier) and SKU, a line of exactly the quantity that was
ordered preferred.  Each line is matched once.  What matches nothing is a problem of the message.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from impexd.core.text import shown
from impexd.model.message import Message, MessageLine
from impexd.model.order import Delivery, DeliveryLine, DeliveryState

Spot = tuple[int, int]
"""(index of the delivery, index of its line)."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What a message is about."""

    lines: dict[int, dict[int, MessageLine]]
    """Delivery -> its line -> the message's line, by index."""
    problems: tuple[str, ...]


def match(deliveries: Sequence[Delivery], message: Message) -> Matched:
    """Pure: match the lines of a message; `deliveries` are all of the order's."""
    found: dict[int, dict[int, MessageLine]] = {}
    problems: list[str] = []
    taken: set[Spot] = set()
    for told in message.lines:
        spots = [spot for spot in _spots(deliveries, message) if spot not in taken]
        spot = _by_ref(deliveries, spots, told) or _by_sku(deliveries, spots, told, message)
        if isinstance(spot, str):
            problems.append(spot)
            continue
        taken.add(spot)
        found.setdefault(spot[0], {})[spot[1]] = told
    return Matched(found, tuple(problems))


def _spots(deliveries: Sequence[Delivery], message: Message) -> Iterator[Spot]:
    for d, delivery in enumerate(deliveries):
        if message.delivery is not None and delivery.number != message.delivery:
            continue
        if delivery.state is not DeliveryState.CANCELLED:
            yield from ((d, n) for n in range(len(delivery.lines)))


def _line(deliveries: Sequence[Delivery], spot: Spot) -> DeliveryLine:
    return deliveries[spot[0]].lines[spot[1]]


def _by_ref(
    deliveries: Sequence[Delivery], spots: Sequence[Spot], told: MessageLine
) -> Spot | None:
    if told.ref is None:
        return None
    return next((spot for spot in spots if _line(deliveries, spot).ref == told.ref), None)


def _by_sku(
    deliveries: Sequence[Delivery], spots: Sequence[Spot], told: MessageLine, message: Message
) -> Spot | str:
    if told.ref is None and told.sku is None and len(spots) == 1:
        return spots[0]  # a quantity alone can only mean the one line there is
    if told.sku is None:
        what = shown(told.ref, limit=80) if told.ref else "a line without reference and SKU"
        return f"no line {what}" if told.ref else what
    alike = [spot for spot in spots if _line(deliveries, spot).sku == told.sku]
    where = told.warehouse or message.warehouse
    if where is not None:
        alike = [spot for spot in alike if deliveries[spot[0]].warehouse == where]
    exact = [spot for spot in alike if _line(deliveries, spot).ordered == told.ordered]
    alike = exact or alike
    sku = shown(told.sku, limit=80)
    if not alike:
        return f"no line of SKU {sku}" + (f" from {shown(where, limit=80)}" if where else "")
    if len({deliveries[spot[0]].warehouse for spot in alike}) > 1:
        return f"SKU {sku} comes from several places, and the message does not say which it means"
    if message.quantities == "added":
        open_ = [spot for spot in alike if not _line(deliveries, spot).done]
        return (open_ or alike)[0]
    return alike[0]
