"""Is the table whole?  Looked at when an instance is opened, and by the tests."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from impexd.model.order import DeliveryEvent, DeliveryState, OrderState
from impexd.orders import table
from impexd.orders.table import ANSWERS, Rule


def faults() -> list[str]:
    """Pure: everything that is wrong with both tables; empty if they are whole."""
    return [
        *of(table.ORDER, OrderState, (OrderState.PENDING,), table.ORDER_ENDS),
        *of(table.DELIVERY, DeliveryState, (DeliveryState.NEW,), table.DELIVERY_ENDS),
    ]


def of(
    rules: Sequence[Rule[Any, Any]],
    states: Iterable[StrEnum],
    begins: Collection[StrEnum],
    ends: Collection[StrEnum],
) -> Iterator[str]:
    """Pure: two lines for one case, questions half answered, places nobody reaches, dead ends."""
    yield from _doubles(rules)
    reached = _reached(rules, begins)
    for state in states:
        if state not in reached:
            yield f"nothing leads to {state}"
        leads = any(state in rule.sources and _leads(rule) for rule in rules)
        if leads and state in ends:
            yield f"{state} is said to be an end, and something leads out of it"
        if not leads and state not in ends:
            yield f"{state} is a dead end"


def _leads(rule: Rule[Any, Any]) -> bool:
    """Does it change anything?  Facts are heard everywhere and are no way out."""
    if rule.event is DeliveryEvent.LINE_UPDATE:
        return False
    return bool(rule.effects) or rule.target is not None


def _doubles(rules: Sequence[Rule[Any, Any]]) -> Iterator[str]:
    cases: dict[tuple[Any, Any], list[Rule[Any, Any]]] = {}
    for rule in rules:
        for source in rule.sources or (None,):
            cases.setdefault((source, rule.event), []).append(rule)
    for (source, event), found in cases.items():
        asked = [rule.case for rule in found]
        if len(found) > len(set(asked)):
            yield f"two lines for {source} on {event}"
        elif len(found) > 1 and (None in asked or len({c.question for c in asked if c}) != 1):
            yield f"{source} on {event} asks no question, or two"
        elif len(found) > 1 and set(asked) > ANSWERS[asked[0].question if asked[0] else ""]:
            yield f"{source} on {event} has an answer that is none"


def _reached(rules: Sequence[Rule[Any, Any]], begins: Collection[StrEnum]) -> set[StrEnum]:
    seen: set[StrEnum] = set()
    todo = list(begins)
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        todo += [r.target for r in rules if state in r.sources and r.target is not None]
    return seen
