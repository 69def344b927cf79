"""The table is whole, and the walker does what it says and nothing else."""

from dataclasses import replace
from decimal import Decimal
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.model.order import (
    Delivery,
    DeliveryEvent,
    DeliveryLine,
    DeliveryState,
    Kind,
    Order,
    OrderEvent,
    OrderState,
    Payment,
)
from impexd.orders import check, draw, machine, progress, steps, table
from impexd.orders.steps import Facts, Refused, Walked
from impexd.orders.stock import Level
from impexd.orders.table import Rule

NOW = "2026-01-31T08:00:00.000Z"


def delivery(n: int, state: DeliveryState, kind: Kind = Kind.STANDARD) -> Delivery:
    line = DeliveryLine(id=n, line=n, ref=str(n), sku="A1", ordered=Decimal(2))
    left = state in (DeliveryState.SHIPPED, DeliveryState.DELIVERED)
    return Delivery(
        id=n, number=f"D{n}", kind=kind, state=state, warehouse="W1", available="2026-02-01",
        lines=(line,), shipped=NOW if left else None,
    )  # fmt: skip


def order(state: OrderState, *deliveries: Delivery, **more: object) -> Order:
    return replace(Order(id=1, number="1", state=state, deliveries=deliveries), **more)  # type: ignore[arg-type]


def test_both_tables_are_whole() -> None:
    assert check.faults() == []


def test_two_lines_for_one_case_dead_ends_and_places_nobody_reaches_are_found() -> None:
    d, v = DeliveryState, DeliveryEvent
    rules = [
        Rule((d.NEW,), v.RESERVE, d.RESERVED),
        Rule((d.NEW,), v.RESERVE, d.CANCELLED),
    ]
    found = list(
        check.of(rules, (d.NEW, d.RESERVED, d.CANCELLED, d.READY), (d.NEW,), (d.CANCELLED,))
    )
    assert found == [
        "two lines for new on reserve",
        "reserved is a dead end",
        "nothing leads to ready",
        "ready is a dead end",
    ]


def test_every_order_event_in_every_state_goes_by_a_line_or_is_refused_with_what_is_legal() -> None:
    for state, event in product(OrderState, OrderEvent):
        for paid in (Payment.OPEN, Payment.CONFIRMED):
            one = order(state, delivery(1, DeliveryState.RESERVED), payment_state=paid)
            done = machine.walk(one, event, Facts(now=NOW))
            rules = [r for r in table.ORDER if r.event is event and state in r.sources]
            if isinstance(done, Refused):
                assert done.reason
                assert event.value not in done.legal
            elif event is not OrderEvent.PLACED:
                assert rules
                assert done.steps[0].target in {r.target or state for r in rules}


@given(
    st.lists(
        st.tuples(st.sampled_from(DeliveryState), st.sampled_from(Kind)), min_size=1, max_size=3
    ),
    st.sampled_from(OrderState),
    st.sampled_from([*OrderEvent, *DeliveryEvent]),
    st.integers(0, 5),
)
@settings(max_examples=400, deadline=None)
def test_each_step_of_a_walk_is_a_line_of_the_table_and_stock_is_never_below_nothing(
    parts: list[tuple[DeliveryState, Kind]], state: OrderState, event: steps.Event, there: int
) -> None:
    one = order(state, *(delivery(n, *part) for n, part in enumerate(parts, 1)))
    levels = {("A1", "W1"): Level(Decimal(there), Decimal(0))}
    done = machine.walk(one, event, Facts(now=NOW, levels=levels), delivery="D1")
    if isinstance(done, Refused):
        return
    for step in done.steps:
        rules = table.ORDER if step.delivery is None else table.DELIVERY
        assert any(
            rule.event is step.event
            and (step.source in rule.sources or (step.source is None and not rule.sources))
            and (rule.target or step.source) == step.target
            for rule in rules
        ), step
    assert done.levels is not None
    assert all(level.on_hand >= 0 for level in done.levels.values())
    assert done.order.state is progress.of(done.order, "shipped")
    assert machine.walk(one, event, Facts(now=NOW, levels=levels), delivery="D1") == done


def test_nothing_moves_deliveries_of_an_order_that_is_not_under_way() -> None:
    for state, event in product(OrderState, DeliveryEvent):
        one = order(state, delivery(1, DeliveryState.ALLOCATED))
        done = machine.walk(one, event, Facts(now=NOW))
        moved = isinstance(done, Walked) and done.order.deliveries[0].state != "allocated"
        assert not moved or state in steps.LIVE


def test_a_courier_who_speaks_first_walks_every_step_between() -> None:
    one = order(OrderState.IN_PROGRESS, delivery(1, DeliveryState.RESERVED))
    done = machine.walk(one, DeliveryEvent.SHIP, Facts(now=NOW))
    assert isinstance(done, Walked)
    assert [step.target for step in done.steps] == [
        "allocated", "packing", "ready", "released", "shipped", "completed",
    ]  # fmt: skip


def test_the_drawings_hold_every_state_and_show_where_an_order_is() -> None:
    at = draw.Standing("in_progress", {"D1": "shipped"})
    for drawn in (draw.text(at), draw.mermaid(at), draw.svg(at)):
        for state in (*OrderState, *DeliveryState):
            assert str(state) in drawn.replace(" ", "_") or str(state) in drawn
    assert "class in_progress now" in draw.mermaid(at)
    assert "shipped (D1)" in draw.svg(at)
    assert "\n*" in draw.text(at)
