"""What is wrong with exporters: each by itself, and the chain that they make together."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from impexd.model import conditions
from impexd.model.base import Model
from impexd.model.export import Op
from impexd.model.exporter import Common, Exporter, OnUnknown, Per, span
from impexd.model.faults import Fault, near, quoted
from impexd.model.order import Flag
from impexd.model.outbound import Outbound
from impexd.model.toml import Path

OURS = frozenset(str(one) for one in Flag)
BOTH = frozenset({"INITPAID", "CANCELLED", "RETURNED"})
"""Flags that are raised on the order and on each of its deliveries."""
OF_DELIVERIES = frozenset({"DELIVERY", "SHIPPED"})


class Kind(Protocol):
    """What has to be known of a type of exporters."""

    settings: type[Model]
    on_unknown: OnUnknown
    asks: bool
    manual: bool

    def faults(self, settings: Any, outbound: Outbound, /) -> Iterator[Fault]:
        """Say what is wrong with its table."""
        ...


def faults(
    name: str, said: Common, others: Mapping[str, Common], kind: Kind | None
) -> Iterator[Fault]:
    """
    Pure: all that is wrong with one exporter among the others; `kind` is None if nobody knows its type.

    `others` has this one, too.
    """
    yield from _flags(said, others)
    yield from _next(name, said, others)
    yield from _when(said)
    if span(said.retry.first) > span(said.retry.most):
        yield Fault(("retry", "first"), "is longer than `most`")
    if span(said.breaker.pause) > span(said.breaker.most):
        yield Fault(("breaker", "pause"), "is longer than `most`")
    if kind is None:
        return
    if said.on_unknown is OnUnknown.ASK and not kind.asks:
        yield Fault(("on_unknown",), f"an exporter of type {said.type} cannot ask its partner")
    if kind.manual and said.next is None:
        yield Fault((), "a hold without `next` holds nothing up: say which flag its release raises")
    if kind.manual and said.hold:
        yield Fault(("hold",), "means nothing here: an exporter of this type always waits")


def _flags(said: Common, others: Mapping[str, Common]) -> Iterator[Fault]:
    known = OURS | {one.next for one in others.values() if one.next} | set(said.by_hand)
    for position, flag in enumerate(said.flags):
        at: Path = ("flags", position)
        if flag in said.flags[:position]:
            yield Fault(at, f"{quoted(flag)} stands here twice")
        elif flag not in known:
            what = f"nobody raises {quoted(flag)}: no exporter has it as `next`"
            hint = _near(flag, known) or ", and `by_hand` does not say that a person does"
            yield Fault(at, what + hint)
        elif (raisers := _on_deliveries(flag, others)) and said.per is Per.ORDER:
            what = f'{quoted(flag)} is raised on deliveries{raisers}: say per = "delivery"'
            yield Fault(at, what)
    for position, flag in enumerate(said.by_hand):
        if flag in OURS:
            yield Fault(
                ("by_hand", position), f"{quoted(flag)} is raised by impexd, by nobody else"
            )
        elif flag not in said.flags:
            yield Fault(("by_hand", position), f"{quoted(flag)} is not among `flags`")


def _near(flag: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(flag, known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def _on_deliveries(flag: str, others: Mapping[str, Common]) -> str:
    """Pure: say who raises a flag on deliveries only; "" if it comes on orders, too."""
    if flag in OURS:
        return " alone" if flag in OF_DELIVERIES else ""
    raisers = [name for name, one in others.items() if one.next == flag and one.per is Per.DELIVERY]
    return f" by {', '.join(raisers)}" if raisers else ""


def _next(name: str, said: Common, others: Mapping[str, Common]) -> Iterator[Fault]:
    if said.next is None:
        return
    if said.next in OURS:
        yield Fault(("next",), f"{quoted(said.next)} is raised by impexd, by nobody else")
    elif trail := circle(name, others):
        yield Fault(("next",), f"this chain comes back to where it began: {' -> '.join(trail)}")


def circle(name: str, others: Mapping[str, Common]) -> Sequence[str]:
    """Pure: the way that leads from an exporter back to itself; empty if there is none."""
    seen: set[str] = set()
    stack: list[tuple[str, tuple[str, ...]]] = [(name, (name,))]
    while stack:
        here, trail = stack.pop()
        flag = others[here].next
        for follower, one in others.items():
            if flag is None or flag not in one.flags:
                continue
            if follower == name:
                return (*trail, name)
            if follower not in seen:
                seen.add(follower)
                stack.append((follower, (*trail, follower)))
    return ()


def _when(said: Common) -> Iterator[Fault]:
    for position, one in enumerate(said.when):
        at: Path = ("when", position)
        if reason := conditions.field(one.field):
            root, _, rest = one.field.partition(".")
            yield Fault((*at, "field"), reason + near(rest, conditions.known(root)))
        elif one.field.startswith("delivery.") and said.per is Per.ORDER:
            yield Fault((*at, "field"), 'tasks about orders know no delivery: say per = "delivery"')
        if reason := _value(one.op, one.value):
            yield Fault((*at, "value"), reason)


def _value(op: Op, value: str | int | bool | tuple[str | int, ...] | None) -> str:
    if op in (Op.NULL, Op.NOT_NULL):
        return "" if value is None else f'means nothing to op = "{op}"'
    if value is None or (op is Op.IN) != isinstance(value, tuple):
        return "a list of values is wanted here" if op is Op.IN else "a value is wanted here"
    if op is Op.PREFIX and not isinstance(value, str):
        return "a text is wanted here"
    if op in (Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST):
        try:
            Decimal(str(value))
        except InvalidOperation:
            # Moments compare as text, because all are written alike.
            return "" if str(value)[:4].isdigit() else "a number or a moment is wanted here"
    return ""


def whole(said: Common, settings: Mapping[str, Any]) -> Exporter:
    """Pure: an exporter with the table of its type."""
    return Exporter.model_construct(**dict(said), settings=settings)
