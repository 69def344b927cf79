"""
Who hears a flag: pure.

Takes a flag, the order, and the exporters; gives the tasks it makes, who is passed over and why, and
what a later flag overtakes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from impexd.model import conditions
from impexd.model.exporter import Exporter, Per
from impexd.model.faults.exporter import BOTH
from impexd.model.order import Delivery, Order
from impexd.model.task import FlagRow, TaskState
from impexd.orders.chain import document

SUPERSEDES: Mapping[str, frozenset[str]] = {"CANCELLED": frozenset({"INITPAID"})}
"""What a flag overtakes: unsent tasks of chains that began with these."""


@dataclass(frozen=True, slots=True)
class Call:
    """An exporter is called."""

    exporter: str
    about: int
    """The delivery; 0: the order."""
    priority: int
    state: TaskState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An exporter listens, and is not called."""

    exporter: str
    about: int
    reason: str


def called(
    flag: FlagRow,
    root: str,
    order: Order,
    exporters: Mapping[str, Exporter],
    manual: Collection[str],
    overtaken: str = "",
) -> Iterator[Call | PassedOver]:
    """
    Pure: what each exporter that listens has to do with a flag, the higher priority first.

    `manual` are the types that only wait for a person; `overtaken` names the flag that has come
    after and makes this one void.
    """
    shown = document.order(order)
    for name, exporter in sorted(exporters.items(), key=lambda one: (-one[1].priority, one[0])):
        if not exporter.enabled or flag.flag not in exporter.flags:
            continue
        wanted = subjects(flag, exporter, order)
        if not wanted:
            yield PassedOver(name, flag.delivery_id or 0, _elsewhere(flag, exporter))
        for delivery in wanted:
            about = delivery.id if delivery else 0
            if reason := deaf(exporter, order, delivery, shown):
                yield PassedOver(name, about, reason)
            elif overtaken:
                told = f"overtaken by {overtaken} before it was sent"
                yield Call(name, about, exporter.priority, TaskState.SUPERSEDED, told)
            elif exporter.type in manual or exporter.hold:
                yield Call(name, about, exporter.priority, TaskState.HELD, "waits for a release")
            else:
                yield Call(name, about, exporter.priority, TaskState.READY)


def subjects(flag: FlagRow, exporter: Exporter, order: Order) -> Sequence[Delivery | None]:
    """Pure: what an exporter's tasks are about: None for the order, or some of its deliveries."""
    if flag.delivery_id is not None:
        own = [one for one in order.deliveries if one.id == flag.delivery_id]
        return own if exporter.per is Per.DELIVERY else ()
    if exporter.per is Per.ORDER:
        return (None,)
    return () if flag.flag in BOTH else order.deliveries


def deaf(
    exporter: Exporter,
    order: Order,
    delivery: Delivery | None,
    shown: Mapping[str, object],
) -> str:
    """Pure: say why an exporter does not listen to this one; "" if it does."""
    if exporter.shops and order.shop not in exporter.shops:
        return f"shop {order.shop or '(none)'} is none of its shops"
    among = order.deliveries if delivery is None else (delivery,)
    for word, wanted, found in (
        ("warehouse", exporter.warehouses, {one.warehouse for one in among}),
        ("carrier", exporter.carriers, {one.carrier for one in among}),
    ):
        if wanted and not found & set(wanted):
            names = ", ".join(sorted(filter(None, found))) or "(none)"
            return f"{word} {names} is none of its {word}s"
    about = {"order": shown}
    if delivery is not None:
        about["delivery"] = document.delivery(delivery, order)
    return conditions.failing(exporter.when, about)


def overtaking(raised: Collection[tuple[int, int | None, str]], flag: FlagRow, root: str) -> str:
    """Pure: of the flags raised on orders, the one that makes this flag void; "" if none does."""
    for by, roots in SUPERSEDES.items():
        if root in roots and (
            (flag.order_id, None, by) in raised
            or (flag.delivery_id is not None and (flag.order_id, flag.delivery_id, by) in raised)
        ):
            return by
    return ""


def unheard(flag: str, exporters: Mapping[str, Exporter], passed: Sequence[PassedOver]) -> str:
    """Pure: why nobody was told of a flag."""
    if passed:
        return "; ".join(f"{one.exporter}: {one.reason}" for one in passed)
    idle = [n for n, one in exporters.items() if flag in one.flags and not one.enabled]
    if idle:
        return f"only {', '.join(idle)} would listen, and is not enabled"
    return f"no exporter listens to {flag}"


def _elsewhere(flag: FlagRow, exporter: Exporter) -> str:
    if flag.delivery_id is not None:
        return "it is told of orders, and this flag is a delivery's"
    if flag.flag in BOTH:
        return "it is told of deliveries, each of which has this flag of its own"
    return "it is told of deliveries, and the order has none"
