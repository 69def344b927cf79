"""
The walker: applies an event to an order by the lines of the table, and by nothing else.

Pure: values in, values out.  What it cannot know from the order (is there enough in stock, does a
rule ask for approval) comes as `Facts`; what is to be written comes out as `Walked`.  A refusal
is a value: it says why, and which events are legal now.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from impexd.model.order import (
    Delivery,
    DeliveryEvent,
    DeliveryState,
    Flag,
    Kind,
    Order,
    OrderEvent,
    OrderState,
    Payment,
)
from impexd.orders import progress, stock, table
from impexd.orders.progress import CompleteOn
from impexd.orders.stock import Level, Move, Movement, Place
from impexd.orders.table import Case, Effect, Rule

Event = OrderEvent | DeliveryEvent
LIVE = (OrderState.IN_PROGRESS, OrderState.PARTIALLY_SHIPPED, OrderState.COMPLETED)
"""Orders whose deliveries move; of a completed one, what is under way is still delivered or lost."""
GOODS = frozenset(
    {
        Effect.RESERVE,
        Effect.DEBIT,
        Effect.RELEASE,
        Effect.CREDIT,
        Effect.RESTOCK,
        Effect.SETTLE,
    }
)
DERIVED = frozenset({OrderEvent.PLACED, OrderEvent.PROGRESS, DeliveryEvent.RESERVE})
"""What nobody may send."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a walk has to know beside the order."""

    now: str
    """The moment, as the tables keep it."""
    complete_on: CompleteOn = "shipped"
    levels: Mapping[Place, Level] | None = None
    """What lies where; None where stock is kept elsewhere."""
    approval: str = ""
    """Why a person has to approve; "" if nobody has to."""
    note: str | None = None
    said: str | None = None
    """When it happened, if that is known and is not now."""
    payment: Mapping[str, Any] | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One transition, as the audit keeps it."""

    event: Event
    source: str | None
    target: str
    delivery: int | None = None
    """The id of the delivery it is about; None: the order itself."""
    flags: tuple[Flag, ...] = ()
    moves: tuple[Move, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """What an event leads to."""

    order: Order
    steps: tuple[Step, ...]
    levels: Mapping[Place, Level] | None

    @property
    def flags(self) -> Iterator[tuple[Flag, int | None, Step]]:
        """Every flag raised: (flag, delivery or None, by which step)."""
        for step in self.steps:
            for flag in step.flags:
                if step.delivery is not None:
                    yield flag, step.delivery, step
                    continue
                yield flag, None, step
                if flag is not Flag.COMPLETED:
                    for delivery in self.order.deliveries:
                        yield flag, delivery.id, step


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing happened, and what could."""

    reason: str
    legal: tuple[str, ...] = ()


def walk(
    order: Order, event: Event, facts: Facts, *, delivery: str | None = None
) -> Walked | Refused:
    """Pure: apply one event to an order, or to the delivery of this number."""
    going = _Walk(order, facts)
    try:
        if isinstance(event, OrderEvent):
            going.order_event(event)
        else:
            at = _index(order, delivery)
            _refuse_still(order, event)
            going.delivery_event(at, event, forced=False)
        going.follow()
    except _No as no:
        return Refused(str(no), tuple(legal(order)))
    return Walked(going.order, tuple(going.steps), going.levels)


def amended(order: Order, facts: Facts) -> Walked:
    """Pure: an order whose content has been replaced reserves anew."""
    going = _Walk(order, facts)
    going.order_event(OrderEvent.AMENDED)
    return Walked(going.order, tuple(going.steps), going.levels)


def legal(order: Order) -> Iterator[str]:
    """Pure: the events that may be sent now: `cancelled`, `ship D-1`."""
    for event in dict.fromkeys(rule.event for rule in table.ORDER):
        if event in DERIVED or event is OrderEvent.AMENDED:
            continue
        if any(not rule.unless(order, None) for rule in _lines(table.ORDER, order.state, event)):
            yield event.value
    for delivery in order.deliveries:
        for verb in dict.fromkeys(rule.event for rule in table.DELIVERY):
            if verb in DERIVED or verb is DeliveryEvent.LINE_UPDATE or _still(order, verb):
                continue
            rules = _lines(table.DELIVERY, delivery.state, verb)
            if any(_open(rule, order, delivery) for rule in rules):
                yield f"{verb.value} {delivery.number}"


def wants_stock(order: Order, event: Event, delivery: str | None) -> bool:
    """Pure: may this event move goods, so that what lies where has to be known?"""
    if isinstance(event, OrderEvent):
        rules = _order_lines(order.state, event)
        spread = {Effect.RESERVE_ALL, Effect.START, Effect.CANCEL_ALL, Effect.RETURN_ALL}
        return any(spread & set(rule.effects) for rule in rules)
    found = [one for one in order.deliveries if delivery is None or one.number == delivery]
    if event is DeliveryEvent.LINE_UPDATE:
        stuck = (*_BEFORE, DeliveryState.ATTENTION)
        moving = order.state in LIVE and any(one.state in stuck for one in found)
        return moving or any(stock.over(line) for one in found for line in one.lines)
    return any(
        GOODS & set(rule.effects) or rule.through or rule.case in (Case.ENOUGH, Case.SHORT)
        for one in found
        for rule in _lines(table.DELIVERY, one.state, event)
    )


_BEFORE = (
    DeliveryState.RESERVED,
    DeliveryState.AWAITING_DATE,
    DeliveryState.AWAITING_STOCK,
    DeliveryState.ALLOCATED,
    DeliveryState.PACKING,
    DeliveryState.READY,
    DeliveryState.RELEASED,
)
"""Deliveries that are not with the courier yet."""


_CANCELLABLE = (DeliveryState.NEW, *_BEFORE[:-1])


class _No(Exception):
    """The table has no line for this, or it refuses."""


def _lines(rules: tuple[Rule[Any, Any], ...], state: Any, event: Event) -> list[Rule[Any, Any]]:
    return [rule for rule in rules if rule.event is event and state in rule.sources]


def _order_lines(state: OrderState, event: OrderEvent) -> list[Rule[Any, Any]]:
    if event is OrderEvent.PLACED:
        return [rule for rule in table.ORDER if rule.event is event]
    return _lines(table.ORDER, state, event)


def _open(rule: Rule[Any, Any], order: Order, delivery: Delivery) -> bool:
    if rule.case is not None and rule.case.question == "kind" and not _is(rule.case, delivery):
        return False
    return not rule.unless(order, delivery)


def _is(case: Case, delivery: Delivery) -> bool:
    return _KINDS[delivery.kind] is case


_KINDS = {
    Kind.STANDARD: Case.STANDARD,
    Kind.PREORDER: Case.PREORDER,
    Kind.BACKORDER: Case.BACKORDER,
    Kind.ELECTRONIC: Case.ELECTRONIC,
}


def _still(order: Order, event: DeliveryEvent) -> bool:
    """Pure: do deliveries of this order keep still?"""
    if event is DeliveryEvent.LINE_UPDATE or order.state in LIVE:
        return False
    ended = (OrderState.RETURNED, OrderState.RETURNED_REFUND_PENDING)
    return not (event is DeliveryEvent.RESTOCK and order.state in ended)


def _refuse_still(order: Order, event: DeliveryEvent) -> None:
    if event in DERIVED:
        raise _No(f"{event} comes by itself")
    if _still(order, event):
        raise _No(f"the order is {order.state}: its deliveries do not move")


def _index(order: Order, number: str | None) -> int:
    numbers = [one.number for one in order.deliveries]
    if number is None and len(numbers) == 1:
        return 0
    if number is None:
        raise _No(f"which delivery?  The order has {', '.join(numbers) or 'none'}")
    if number not in numbers:
        raise _No(f"the order has no delivery {number}; it has {', '.join(numbers) or 'none'}")
    return numbers.index(number)


@dataclass(slots=True)
class _Walk:
    """An order on its way through an event."""

    order: Order
    facts: Facts
    steps: list[Step] = field(default_factory=list)
    levels: Mapping[Place, Level] | None = None

    def __post_init__(self) -> None:
        self.levels = self.facts.levels

    # --- the order ---

    def order_event(self, event: OrderEvent) -> None:
        was = self.order.state
        rules = _order_lines(was, event)
        if not rules or event is OrderEvent.PROGRESS:
            raise _No(f"{event} means nothing to an order that is {was}")
        self._take(rules, event, was)

    def _take(self, rules: list[Rule[Any, Any]], event: OrderEvent, was: OrderState) -> None:
        reasons = [rule.unless(self.order, None) for rule in rules]
        if all(reasons):
            raise _No(reasons[0])
        rule = next(rule for rule in rules if rule.case is None or self._holds(rule.case, None))
        target = rule.target or was
        why = self.facts.approval if rule.case is Case.APPROVAL_WANTED else None
        source = None if event is OrderEvent.PLACED else was
        self.order = replace(self.order, state=target)
        self.steps.append(Step(event, source, target, None, rule.flags, why=why))
        for effect in rule.effects:
            _ON_ORDER[effect](self)

    def follow(self) -> None:
        """Let the order follow its deliveries."""
        reached = progress.of(self.order, self.facts.complete_on)
        if reached is self.order.state:
            return
        case = Case.ALL_SHIPPED if reached is OrderState.COMPLETED else Case.SOME_SHIPPED
        rules = _lines(table.ORDER, self.order.state, OrderEvent.PROGRESS)
        found = [rule for rule in rules if rule.case is case]
        self._take(found, OrderEvent.PROGRESS, self.order.state)

    def paid(self, state: Payment) -> None:
        order = replace(self.order, payment_state=state)
        if state is Payment.CONFIRMED:
            order = replace(order, paid_at=self.facts.said or self.facts.now)
        if self.facts.payment:
            order = replace(order, payment={**(order.payment or {}), **self.facts.payment})
        self.order = order

    def every(self, event: DeliveryEvent, states: Iterable[DeliveryState]) -> None:
        for at, delivery in enumerate(self.order.deliveries):
            if delivery.state in states:
                self.delivery_event(at, event, forced=False)

    def start(self) -> None:
        for at, delivery in enumerate(self.order.deliveries):
            if delivery.state is DeliveryState.RESERVED:
                standard = delivery.kind is Kind.STANDARD
                verb = DeliveryEvent.ALLOCATE if standard else DeliveryEvent.START
                self.delivery_event(at, verb, forced=False)
                self._due(at)
                self.by_lines(at)

    def _due(self, at: int) -> None:
        """A day that has come already is not waited for."""
        delivery = self.order.deliveries[at]
        waits = delivery.state is DeliveryState.AWAITING_DATE
        if waits and (delivery.available or "") <= self.facts.now[:10]:
            self.delivery_event(at, DeliveryEvent.DATE_REACHED, forced=False)

    def return_all(self) -> None:
        out = (DeliveryState.CANCELLED, DeliveryState.RETURNED)
        for at, delivery in enumerate(self.order.deliveries):
            if delivery.state in table.AT_COURIER:
                self.delivery_event(at, DeliveryEvent.RETURN, forced=False)
            elif delivery.state not in out:
                self.delivery_event(at, DeliveryEvent.CANCEL, forced=False)

    # --- a delivery ---

    def delivery_event(self, at: int, event: DeliveryEvent, *, forced: bool) -> None:
        """`forced`: goods that are gone anyway are booked out, whether or not stock has them."""
        delivery = self.order.deliveries[at]
        rules = _lines(table.DELIVERY, delivery.state, event)
        if not rules:
            what = f"{event} means nothing to a delivery that is {delivery.state}"
            raise _No(what)
        reasons = [rule.unless(self.order, delivery) for rule in rules]
        if all(reasons):
            raise _No(reasons[0])
        rule = next((r for r in rules if r.case is None or self._holds(r.case, at, forced)), None)
        if rule is None:
            raise _No(self._why_not(delivery, event))
        if rule.through:
            for verb in rule.through:
                self.delivery_event(at, verb, forced=True)
            return
        self._move(at, event, rule)

    def _why_not(self, delivery: Delivery, event: DeliveryEvent) -> str:
        short = stock.lacking(delivery, self.levels or {}) if self.levels is not None else {}
        if short:
            return _lacks(short)
        return f"{event} means nothing to a delivery of kind {delivery.kind}"

    def _move(self, at: int, event: DeliveryEvent, rule: Rule[Any, Any]) -> None:
        was = self.order.deliveries[at]
        target: DeliveryState = rule.target or was.state
        moves: list[Move] = []
        for effect in rule.effects:
            if effect in GOODS:
                moves += self._goods(at, effect)
        why = self._reason(was, target, event)
        self._put(at, self._reached(self.order.deliveries[at], target, event, why))
        flags = rule.flags if self.order.state in LIVE else ()
        if was.shipped is not None:  # it is told once that a delivery has left
            flags = tuple(flag for flag in flags if flag is not Flag.SHIPPED)
        self.steps.append(Step(event, was.state, target, was.id, flags, tuple(moves), why))
        if event is DeliveryEvent.LINE_UPDATE and self.order.state in LIVE:
            self.by_lines(at)

    def _reason(self, was: Delivery, target: DeliveryState, event: DeliveryEvent) -> str | None:
        if target is DeliveryState.AWAITING_STOCK and target is not was.state:
            short = stock.lacking(was, self.levels or {}) if self.levels is not None else {}
            return _lacks(short) if short else "waits for stock to come"
        return self.facts.note if event is DeliveryEvent.FAIL else None

    def _reached(
        self, delivery: Delivery, target: DeliveryState, event: DeliveryEvent, why: str | None
    ) -> Delivery:
        if target is delivery.state and event is not DeliveryEvent.FAIL:
            return delivery
        when = self.facts.said or self.facts.now
        more: dict[str, Any] = {"state": target, "reason": why}
        if target is DeliveryState.RELEASED:
            more["released"] = delivery.released or when
        elif target is DeliveryState.SHIPPED:
            more["shipped"] = delivery.shipped or when
        elif target is DeliveryState.DELIVERED:
            more["delivered"] = delivery.delivered or when
            more["proof"] = self.facts.proof or delivery.proof
        return replace(delivery, **more)

    def by_lines(self, at: int) -> None:
        """What its lines say moves a delivery: all done and something shipped, or all rejected."""
        delivery = self.order.deliveries[at]
        if not delivery.lines or not all(line.done for line in delivery.lines):
            return
        if any(line.shipped > 0 for line in delivery.lines):
            stuck = delivery.state is DeliveryState.ATTENTION and delivery.shipped is None
            if delivery.state in _BEFORE or stuck:
                self.delivery_event(at, DeliveryEvent.SHIP, forced=True)
        elif delivery.state in (*_BEFORE, DeliveryState.SHIPPED):
            self.facts = replace(self.facts, note="every line was rejected")
            self.delivery_event(at, DeliveryEvent.FAIL, forced=False)

    def _goods(self, at: int, effect: Effect) -> tuple[Move, ...]:
        if self.levels is None:
            return ()
        delivery = self.order.deliveries[at]
        match effect:
            case Effect.RESERVE:
                moved = stock.reserved(delivery, self.levels)
            case Effect.RELEASE:
                moved = stock.released(delivery, self.levels)
            case Effect.DEBIT:
                moved = stock.debited(delivery, self.levels)
            case Effect.CREDIT:
                moved = stock.credited(delivery, self.levels, Movement.CREDIT)
            case Effect.SETTLE:
                moved = stock.settled(delivery, self.levels)
            case _:
                moved = stock.credited(delivery, self.levels, Movement.RESTOCK)
        self.levels = moved.levels
        self._put(at, moved.delivery)
        return moved.moves

    def _put(self, at: int, delivery: Delivery) -> None:
        deliveries = list(self.order.deliveries)
        deliveries[at] = delivery
        self.order = replace(self.order, deliveries=tuple(deliveries))

    def _holds(self, case: Case, at: int | None, forced: bool = False) -> bool:
        delivery = None if at is None else self.order.deliveries[at]
        match case.question:
            case "approval":
                return (case is Case.APPROVAL_WANTED) == bool(self.facts.approval)
            case "money":
                taken = self.order.payment_state is Payment.CONFIRMED
                return (case is Case.MONEY_TAKEN) == taken
            case "stock" if delivery is not None:
                enough = forced or self.levels is None or not stock.lacking(delivery, self.levels)
                return (case is Case.ENOUGH) == enough
            case "kind" if delivery is not None:
                return _is(case, delivery)
            case _:
                return True


def _lacks(short: Mapping[str, Any]) -> str:
    return "too little on hand: " + ", ".join(f"{sku} lacks {much}" for sku, much in short.items())


_ON_ORDER: Mapping[Effect, Callable[[_Walk], None]] = {
    Effect.RESERVE_ALL: lambda walk: walk.every(DeliveryEvent.RESERVE, (DeliveryState.NEW,)),
    Effect.START: _Walk.start,
    Effect.CANCEL_ALL: lambda walk: walk.every(DeliveryEvent.CANCEL, _CANCELLABLE),
    Effect.RETURN_ALL: _Walk.return_all,
    Effect.PAID: lambda walk: walk.paid(Payment.CONFIRMED),
    Effect.PAYING: lambda walk: walk.paid(Payment.PENDING),
    Effect.UNPAID: lambda walk: walk.paid(Payment.FAILED),
    Effect.REFUNDED: lambda walk: walk.paid(Payment.REFUNDED),
    Effect.PROGRESS: lambda _walk: None,  # every walk ends with it
}
