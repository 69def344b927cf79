"""
One walk: an order taken through an event, line by line of the table, with what that pulls along.

Pure, though it is written as steps: a walk holds an order value and replaces it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
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
from impexd.model.values import replace
from impexd.orders import progress, stock, table
from impexd.orders.steps import GOODS, LIVE, Facts, Step
from impexd.orders.stock import Level, Move, Movement, Place
from impexd.orders.table import Case, Effect, Rule

BEFORE = (
    DeliveryState.RESERVED,
    DeliveryState.AWAITING_DATE,
    DeliveryState.AWAITING_STOCK,
    DeliveryState.ALLOCATED,
    DeliveryState.PACKING,
    DeliveryState.READY,
    DeliveryState.RELEASED,
)
"""Deliveries that are not with the courier yet."""


CANCELLABLE = (DeliveryState.NEW, *BEFORE[:-1])


class No(Exception):
    """The table has no line for this, or it refuses."""


Lines = tuple[Rule[Any, Any], ...]


@cache
def order_lines(state: OrderState, event: OrderEvent) -> Lines:
    """Pure: the lines of the table for an event of an order in a state; a placement comes from nothing."""
    found = tuple(rule for rule in table.ORDER if rule.event is event)
    if event is OrderEvent.PLACED:
        return found
    return tuple(rule for rule in found if state in rule.sources)


@cache
def delivery_lines(state: DeliveryState, event: DeliveryEvent) -> Lines:
    """Pure: the lines of the table for an event of a delivery in a state."""
    return tuple(rule for rule in table.DELIVERY if rule.event is event and state in rule.sources)


def is_kind(case: Case, delivery: Delivery) -> bool:
    """Is a delivery of the kind a line is for?"""
    return _KINDS[delivery.kind] is case


_KINDS = {
    Kind.STANDARD: Case.STANDARD,
    Kind.PREORDER: Case.PREORDER,
    Kind.BACKORDER: Case.BACKORDER,
    Kind.ELECTRONIC: Case.ELECTRONIC,
}


@dataclass(slots=True)
class Walk:
    """An order on its way through an event; raises `No` where it ends."""

    order: Order
    facts: Facts
    steps: list[Step] = field(default_factory=list)
    levels: Mapping[Place, Level] | None = None

    def __post_init__(self) -> None:
        self.levels = self.facts.levels

    # --- the order ---

    def order_event(self, event: OrderEvent) -> None:
        was = self.order.state
        rules = order_lines(was, event)
        if not rules or event is OrderEvent.PROGRESS:
            raise No(f"{event} means nothing to an order that is {was}")
        self._take(rules, event, was)

    def _take(self, rules: Lines, event: OrderEvent, was: OrderState) -> None:
        reasons = [rule.unless(self.order, None) for rule in rules]
        if all(reasons):
            raise No(reasons[0])
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
        rules = order_lines(self.order.state, OrderEvent.PROGRESS)
        found = tuple(rule for rule in rules if rule.case is case)
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
        rules = delivery_lines(delivery.state, event)
        if not rules:
            what = f"{event} means nothing to a delivery that is {delivery.state}"
            raise No(what)
        reasons = [rule.unless(self.order, delivery) for rule in rules]
        if all(reasons):
            raise No(reasons[0])
        rule = next((r for r in rules if r.case is None or self._holds(r.case, at, forced)), None)
        if rule is None:
            raise No(self._why_not(delivery, event))
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
            if delivery.state in BEFORE or stuck:
                self.delivery_event(at, DeliveryEvent.SHIP, forced=True)
        elif delivery.state in (*BEFORE, DeliveryState.SHIPPED):
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
                return is_kind(case, delivery)
            case _:
                return True


def _lacks(short: Mapping[str, Any]) -> str:
    return "too little on hand: " + ", ".join(f"{sku} lacks {much}" for sku, much in short.items())


_ON_ORDER: Mapping[Effect, Callable[[Walk], None]] = {
    Effect.RESERVE_ALL: lambda walk: walk.every(DeliveryEvent.RESERVE, (DeliveryState.NEW,)),
    Effect.START: Walk.start,
    Effect.CANCEL_ALL: lambda walk: walk.every(DeliveryEvent.CANCEL, CANCELLABLE),
    Effect.RETURN_ALL: Walk.return_all,
    Effect.PAID: lambda walk: walk.paid(Payment.CONFIRMED),
    Effect.PAYING: lambda walk: walk.paid(Payment.PENDING),
    Effect.UNPAID: lambda walk: walk.paid(Payment.FAILED),
    Effect.REFUNDED: lambda walk: walk.paid(Payment.REFUNDED),
    Effect.PROGRESS: lambda _walk: None,  # every walk ends with it
}
