"""
The table drawn: as text for the manual, as Mermaid, as an SVG picture that needs no program.

Everything comes out of `table`, so no drawing tells another story.  `standing` marks where an
order and its deliveries are now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Any, Literal

from impexd.model.order import DeliveryState, OrderState
from impexd.orders import table
from impexd.orders.table import Rule

Rules = Sequence[Rule[Any, Any]]
Drawing = Literal["text", "mermaid", "svg"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order is, and its deliveries."""

    order: str
    deliveries: Mapping[str, str]
    """Number -> state."""


def standing(order: Mapping[str, Any]) -> Standing:
    """Pure: where an order stands, of what the API tells of it."""
    states = {one["number"]: str(one["state"]) for one in order["deliveries"]}
    return Standing(str(order["state"]), states)


def drawn(as_: Drawing, at: Standing | None) -> str:
    """Pure: the tables in one of the ways they can be drawn."""
    return {"text": text, "mermaid": mermaid, "svg": svg}[as_](at)


# --- text ---


def text(at: Standing | None = None) -> str:
    """Pure: both tables in columns; a star marks lines that lead on from where an order is."""
    now = {at.order} if at else set()
    there = set(at.deliveries.values()) if at else set()
    head = (
        ""
        if at is None
        else f"The order is {at.order}.\n"
        + "".join(f"Delivery {number} is {state}.\n" for number, state in at.deliveries.items())
    )
    return "\n".join(
        [
            *([head] if head else []),
            "Orders",
            *_columns(table.ORDER, now),
            "",
            "Deliveries",
            *_columns(table.DELIVERY, there),
            "",
        ]
    )


def _columns(rules: Rules, now: Iterable[str]) -> Iterator[str]:
    rows = [("", "from", "on", "to", "effects")]
    for rule in rules:
        mark = "*" if set(map(str, rule.sources)) & set(now) else ""
        rows.append((mark, _from(rule), str(rule.event), _to(rule), "; ".join(_says(rule))))
    wide = [max(len(row[n]) for row in rows) for n in range(4)]
    for row in rows:
        cells = [cell.ljust(wide[n]) for n, cell in enumerate(row[:4])]
        yield "  ".join([*cells, row[4]]).rstrip()


def _from(rule: Rule[Any, Any]) -> str:
    everywhere = len(rule.sources) == len(DeliveryState)
    return "any" if everywhere else ", ".join(rule.sources) or "(none)"


def _to(rule: Rule[Any, Any]) -> str:
    if rule.target is None:
        return "(stays)" if rule.effects or rule.unless is table.never else "refused"
    return str(rule.target)


def _says(rule: Rule[Any, Any]) -> Iterator[str]:
    if rule.case is not None:
        yield f"if {rule.case.says}"
    if rule.unless is not table.never:
        yield (rule.unless.__doc__ or "").strip().rstrip(".").lower()
    if rule.through:
        yield "by " + ", ".join(rule.through)
    yield from (effect.value for effect in rule.effects)
    yield from (f"flag {flag}" for flag in rule.flags)


# --- Mermaid ---


def mermaid(at: Standing | None = None) -> str:
    """Pure: two state diagrams."""
    now = {at.order} if at else set()
    there = set(at.deliveries.values()) if at else set()
    return "\n".join([*_diagram(table.ORDER, now), "", *_diagram(table.DELIVERY, there), ""])


def _diagram(rules: Rules, now: Iterable[str]) -> Iterator[str]:
    yield "stateDiagram-v2"
    first = next((r.target for r in rules if not r.sources), DeliveryState.NEW)
    yield f"    [*] --> {first}"
    for (source, target), words in _edges(rules).items():
        yield f"    {source} --> {target}: {', '.join(words)}"
    yield "    classDef now fill:#fc6,stroke:#630"
    for state in sorted(now):
        yield f"    class {state} now"


def _edges(rules: Rules) -> dict[tuple[str, str], list[str]]:
    """Pure: (from, to) -> the events that lead there; those that stay, or are refused, left out."""
    edges: dict[tuple[str, str], list[str]] = {}
    for rule in rules:
        if rule.target is None:
            continue
        for source in rule.sources:
            words = edges.setdefault((str(source), str(rule.target)), [])
            if str(rule.event) not in words:
                words.append(str(rule.event))
    return edges


# --- SVG ---

WIDE, HIGH, GAP_X, GAP_Y = 170, 34, 90, 46
_STYLE = (
    "text{font:12px sans-serif;fill:#222}.l{font-size:10px;fill:#555}"
    "rect{fill:#f4f6f8;stroke:#456;rx:6}.now rect{fill:#fc6;stroke:#630;stroke-width:2}"
    "path{fill:none;stroke:#789}"
    ".l{paint-order:stroke;stroke:#fff;stroke-width:3px}.far{opacity:.3}.far .l{display:none}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.l{fill:#bbb;stroke:#1e2226}path{stroke:#678}"
    "rect{fill:#2b3138;stroke:#789}.now text{fill:#222}}"
)


def svg(at: Standing | None = None) -> str:
    """Pure: both diagrams, one below the other."""
    orders = _picture(table.ORDER, OrderState, {at.order: ""} if at else {}, 40)
    numbers: dict[str, str] = {}
    for number, state in (at.deliveries if at else {}).items():
        numbers[state] = f"{numbers[state]}, {number}" if state in numbers else number
    below = orders.bottom + 70
    parts = _picture(table.DELIVERY, DeliveryState, numbers, below + 30)
    width, height = max(orders.right, parts.right) + 30, parts.bottom + 30
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>How orders and deliveries go</title>",
            f"<style>{_STYLE}</style><defs><marker id='a' viewBox='0 0 8 8' refX='8' refY='4'"
            " markerWidth='7' markerHeight='7' orient='auto'>"
            "<path d='M0 0L8 4L0 8z' style='fill:#789;stroke:none'/></marker></defs>",
            '<text x="20" y="22" font-weight="bold">Orders</text>',
            *orders.drawn,
            f'<text x="20" y="{below + 10}" font-weight="bold">Deliveries</text>',
            *parts.drawn,
            "</svg>",
        ]
    )


@dataclass(frozen=True, slots=True)
class _Picture:
    drawn: list[str]
    right: int
    bottom: int


def _picture(rules: Rules, states: type[StrEnum], now: Mapping[str, str], top: int) -> _Picture:
    edges = _edges(rules)
    column = _columns_of(edges, [str(state) for state in states])
    rows: dict[int, int] = {}
    place: dict[str, tuple[int, int]] = {}
    for state in column:
        n = rows.get(column[state], 0)
        rows[column[state]] = n + 1
        place[state] = (20 + column[state] * (WIDE + GAP_X), top + n * (HIGH + GAP_Y))
    drawn = [
        f'<g class="far">{line}</g>' if now and edge[0] not in now else line
        for edge, words in edges.items()
        for line in [_line(place, edge, words)]
    ]
    drawn.sort(key=lambda line: not line.startswith("<g"))
    drawn += [_box(state, at, now) for state, at in place.items()]
    right = max(x for x, _ in place.values()) + WIDE
    return _Picture(drawn, right, max(y for _, y in place.values()) + HIGH + 30)


def _columns_of(edges: Mapping[tuple[str, str], Any], states: Sequence[str]) -> dict[str, int]:
    """Pure: how many steps each state is from the beginning."""
    column = {states[0]: 0}
    todo = [states[0]]
    for state in todo:
        for source, target in edges:
            if source == state and target not in column:
                column[target] = column[state] + 1
                todo.append(target)
    return column


def _box(state: str, at: tuple[int, int], now: Mapping[str, str]) -> str:
    x, y = at
    which = f" ({escape(now[state])})" if now.get(state) else ""
    mark = ' class="now"' if state in now else ""
    label = escape(state.replace("_", " ")) + which
    return (
        f'<g{mark}><rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}"/>'
        f'<text x="{x + WIDE // 2}" y="{y + 21}" text-anchor="middle">{label}</text></g>'
    )


def _line(place: Mapping[str, tuple[int, int]], edge: tuple[str, str], words: Sequence[str]) -> str:
    (x, y), (to_x, to_y) = place[edge[0]], place[edge[1]]
    if to_x > x:
        start, end, bend = (x + WIDE, y + HIGH // 2), (to_x, to_y + HIGH // 2), GAP_X // 2
    elif to_x == x:
        down = to_y > y
        start = (x + WIDE // 2, y + (HIGH if down else 0))
        end = (to_x + WIDE // 2, to_y + (0 if down else HIGH))
        bend = 0
    else:
        start, end, bend = (x + 20, y + HIGH), (to_x + WIDE - 20, to_y + HIGH), 0
    sag = 0 if to_x >= x else 40
    middle = ((start[0] + end[0]) // 2, (start[1] + end[1]) // 2 + sag * 3 // 4 - 4)
    curve = (
        f"M{start[0]} {start[1]}C{start[0] + bend} {start[1] + sag}"
        f" {end[0] - bend} {end[1] + sag} {end[0]} {end[1]}"
    )
    told = escape(", ".join(words))
    return (
        f'<path d="{curve}" marker-end="url(#a)"><title>{escape(edge[0])} → {escape(edge[1])}:'
        f' {told}</title></path><text class="l" x="{middle[0]}" y="{middle[1]}"'
        f' text-anchor="middle">{told}</text>'
    )
