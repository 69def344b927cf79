"""How couriers and partners are, for people: what is wrong, and what to type."""

from collections.abc import Iterator, Mapping
from typing import Any


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Pure: lines of `impexd status` about feeds and partners."""
    for name, one in found.get("feeds", {}).items():
        yield from _feed(name, one)
    for name, one in found.get("partners", {}).items():
        yield from _partner(name, one)


def _feed(name: str, one: Mapping[str, Any]) -> Iterator[str]:
    heard = "" if one["lag"] is None else f", answered {_span(one['lag'])} ago"
    yield f"feed {name}{heard}{_said(one, ('waiting', 'parked', 'conflict', 'dead'))}"
    if one["error"]:
        yield f"  failed {one['failures']} times in a row: {one['error']}"
        yield f"    impexd feeds poll {name}"
    for state in ("dead", "conflict"):
        if one[state]:
            yield f"  {one[state]:,} {state} messages"
            yield f"    impexd messages --state {state} --feed {name}"


def _partner(name: str, one: Mapping[str, Any]) -> Iterator[str]:
    yield f"exporter {name}{_said(one, ('waiting', 'held', 'dead'))}"
    if one["resting"] is not None:
        yield f"  its partner is left alone until {one['until']}: {one['resting']}"
    for state, word, verb in (("held", "held", "wait for a person"), ("dead", "failed", "failed")):
        if one[state]:
            yield f"  {one[state]:,} tasks {verb}"
            yield f"    impexd tasks --state {word} --exporter {name}; impexd release TASK --note WHY"


def _said(one: Mapping[str, Any], states: tuple[str, ...]) -> str:
    return "".join(f", {one[state]:,} {state}" for state in states if one[state])


def _span(seconds: float) -> str:
    """Pure: how long, for people."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
