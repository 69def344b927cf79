"""
Stock effects, worked out before anything is written.

Takes what lies where (`Levels`, as read and locked by the caller) and gives lines with what they
now hold, and the movements.  Stock never goes below nothing by our doing: what a courier has
taken although we never had it is `short`, for a person to look into.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from impexd.model.order import NOTHING, Delivery, DeliveryLine, Kind, Order
from impexd.model.values import replace

Place = tuple[str, str]
"""(SKU, warehouse)."""


class Movement(StrEnum):
    """What is done to stock."""

    RESERVE = "reserve"
    RELEASE = "release"
    DEBIT = "debit"
    CREDIT = "credit"
    SHORT = "short"
    RESTOCK = "restock"


@dataclass(frozen=True, slots=True)
class Level:
    """How much there is of one article in one warehouse."""

    on_hand: Decimal
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class Move:
    """One movement, for one line of a delivery."""

    line: int
    """The id of the delivery's line."""
    movement: Movement
    place: Place
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Moved:
    """What a movement leaves: the delivery, the levels, and what was moved."""

    delivery: Delivery
    levels: Mapping[Place, Level]
    moves: tuple[Move, ...]


def kept(delivery: Delivery) -> bool:
    """Pure: is there stock behind a delivery that we keep?"""
    return delivery.kind is not Kind.ELECTRONIC and delivery.warehouse is not None


def place(delivery: Delivery, line: DeliveryLine) -> Place:
    """Pure: where a line comes from."""
    return line.sku, delivery.warehouse or ""


def places(order: Order) -> set[Place]:
    """Pure: all places an order takes from."""
    return {place(one, line) for one in order.deliveries if kept(one) for line in one.lines}


def wanted(line: DeliveryLine) -> Decimal:
    """Pure: how much a line still has to get; what was rejected is not wanted any more."""
    return max(line.ordered - line.rejected - line.debited - line.short, NOTHING)


def lacking(delivery: Delivery, levels: Mapping[Place, Level]) -> dict[str, Decimal]:
    """Pure: SKU -> how much too little there is for all lines of a delivery; empty if enough."""
    if not kept(delivery):
        return {}
    needs: dict[Place, Decimal] = {}
    for line in delivery.lines:
        at = place(delivery, line)
        needs[at] = needs.get(at, NOTHING) + wanted(line)
    there = {at: max(levels[at].on_hand, NOTHING) if at in levels else NOTHING for at in needs}
    return {at[0]: need - there[at] for at, need in needs.items() if need > there[at]}


def free(order: Order, levels: Mapping[Place, Level]) -> dict[str, Decimal]:
    """Pure: SKU -> how much too little there is that nobody has reserved; empty if enough."""
    needs: dict[Place, Decimal] = {}
    for delivery in filter(kept, order.deliveries):
        if delivery.kind is Kind.STANDARD:
            for line in delivery.lines:
                at = place(delivery, line)
                needs[at] = needs.get(at, NOTHING) + line.ordered
    there = {
        at: levels[at].on_hand - levels[at].reserved if at in levels else NOTHING for at in needs
    }
    return {at[0]: need - there[at] for at, need in needs.items() if need > there[at]}


def reserved(delivery: Delivery, levels: Mapping[Place, Level]) -> Moved:
    """Pure: hold what a delivery wants, as far as stock knows the article at all."""

    def held(line: DeliveryLine, work: "_Work") -> DeliveryLine:
        more = line.ordered - line.reserved
        if not work.knows(line) or more <= 0:
            return line
        work.move(line, Movement.RESERVE, more, reserved=more)
        return replace(line, reserved=line.reserved + more)

    return _each(delivery, levels, held)


def released(delivery: Delivery, levels: Mapping[Place, Level]) -> Moved:
    """Pure: give up what is held for a delivery."""

    def let_go(line: DeliveryLine, work: "_Work") -> DeliveryLine:
        if line.reserved <= 0:
            return line
        work.move(line, Movement.RELEASE, line.reserved, reserved=-line.reserved)
        return replace(line, reserved=NOTHING)

    return _each(delivery, levels, let_go)


def debited(delivery: Delivery, levels: Mapping[Place, Level]) -> Moved:
    """Pure: take what a delivery wants, giving up what was held; what is not there is short."""

    def taken(line: DeliveryLine, work: "_Work") -> DeliveryLine:
        want = wanted(line)
        if line.reserved > 0:
            work.move(line, Movement.RELEASE, line.reserved, reserved=-line.reserved)
        take = min(want, work.there(line))
        if take > 0:
            work.move(line, Movement.DEBIT, take, on_hand=-take)
        if want > take:
            work.move(line, Movement.SHORT, want - take)
        return replace(
            line,
            reserved=NOTHING,
            debited=line.debited + take,
            short=line.short + want - take,
        )

    return _each(delivery, levels, taken)


def credited(delivery: Delivery, levels: Mapping[Place, Level], movement: Movement) -> Moved:
    """Pure: put back what was taken for a delivery."""

    def back(line: DeliveryLine, work: "_Work") -> DeliveryLine:
        if line.debited <= 0:
            return replace(line, short=NOTHING) if line.short else line
        work.move(line, movement, line.debited, on_hand=line.debited)
        back = line.debited if movement is Movement.RESTOCK else NOTHING
        return replace(line, debited=NOTHING, short=NOTHING, returned=line.returned + back)

    return _each(delivery, levels, back)


def over(line: DeliveryLine) -> Decimal:
    """Pure: how much more was taken for a line than can leave, since some of it was rejected."""
    return max(line.debited + line.short - max(line.ordered - line.rejected, NOTHING), NOTHING)


def settled(delivery: Delivery, levels: Mapping[Place, Level]) -> Moved:
    """Pure: put back what was taken and then rejected: it has not left."""

    def back(line: DeliveryLine, work: "_Work") -> DeliveryLine:
        much = over(line)
        if not much:
            return line
        never = min(much, line.short)
        back = min(much - never, line.debited)
        if back > 0:
            work.move(line, Movement.CREDIT, back, on_hand=back)
        return replace(line, short=line.short - never, debited=line.debited - back)

    return _each(delivery, levels, back)


class _Work:
    """Levels while one delivery is being moved."""

    def __init__(self, delivery: Delivery, levels: Mapping[Place, Level]) -> None:
        self.delivery = delivery
        self.levels = dict(levels)
        self.moves: list[Move] = []

    def knows(self, line: DeliveryLine) -> bool:
        return place(self.delivery, line) in self.levels

    def there(self, line: DeliveryLine) -> Decimal:
        level = self.levels.get(place(self.delivery, line))
        return max(level.on_hand, NOTHING) if level else NOTHING

    def move(
        self,
        line: DeliveryLine,
        movement: Movement,
        quantity: Decimal,
        *,
        on_hand: Decimal = NOTHING,
        reserved: Decimal = NOTHING,
    ) -> None:
        at = place(self.delivery, line)
        self.moves.append(Move(line.id, movement, at, quantity))
        level = self.levels.get(at)
        if level is not None and (on_hand or reserved):
            # Who lowers what is reserved by an import has said how much there is to be.
            rest = max(level.reserved + reserved, NOTHING)
            self.levels[at] = Level(level.on_hand + on_hand, rest)


_Change = Callable[[DeliveryLine, _Work], DeliveryLine]


def _each(delivery: Delivery, levels: Mapping[Place, Level], change: _Change) -> Moved:
    if not kept(delivery):
        return Moved(delivery, levels, ())
    work = _Work(delivery, levels)
    lines = tuple(change(line, work) for line in delivery.lines)
    return Moved(replace(delivery, lines=lines), work.levels, tuple(work.moves))
