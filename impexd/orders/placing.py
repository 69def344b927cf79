"""
Place orders: what was handed in becomes orders that go their way, a batch in one transaction.

A repeated placement is the same order and changes nothing; another content under the same number
is refused, or (`changed = "amend"`) takes the order's place as long as nothing has begun.  Look-ups
and inserts are made for the whole batch at once; each order then walks by the table like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.order import Line, Order, OrderEvent, OrderState, Payment
from impexd.model.placing import Placement
from impexd.orders import machine, run, split, stock
from impexd.orders.bench import Bench
from impexd.orders.run import By
from impexd.orders.steps import Refused
from impexd.orders.stock import Level
from impexd.store import order_index
from impexd.store import orders as store
from impexd.store import stock as shelf


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one placement."""

    number: str
    outcome: Literal["placed", "amended", "unchanged", "refused"]
    order: int | None = None
    """The id of the order of this number, if there is one."""
    reason: str = ""


async def place(
    tx: AsyncConnection, bench: Bench, placements: Sequence[Placement], by: By
) -> list[Placed]:
    """Place orders in the caller's transaction; gives what became of each, in their order."""
    there = await order_index.numbered(tx, [one.number for one in placements])
    named = {one.number: _named(one, bench) for one in placements}
    taken = await order_index.delivery_numbers(tx, [n for names in named.values() for n in names])
    found: list[Placed | None] = []
    fresh: list[tuple[int, Placement]] = []
    for at, one in enumerate(placements):
        known = there.get(one.number)
        if known is None:
            double = _double(one, fresh) or _stolen(one, named[one.number], taken)
            found.append(double)
            if double is None:
                fresh.append((at, one))
        elif known[1] == one.content:
            found.append(Placed(one.number, "unchanged", known[0]))
        else:
            found.append(
                await _changed(tx, bench, one, known[0], by, _stolen(one, named[one.number], taken))
            )
    for (at, _), placed in zip(
        fresh, await _new(tx, bench, [one for _, one in fresh], by), strict=True
    ):
        found[at] = placed
    return [one for one in found if one is not None]


def _double(one: Placement, fresh: Sequence[tuple[int, Placement]]) -> Placed | None:
    """Pure: is there an order of this number in the same batch already?"""
    twin = next((other for _, other in fresh if other.number == one.number), None)
    if twin is None:
        return None
    if twin.content == one.content:
        return Placed(one.number, "unchanged")
    return Placed(one.number, "refused", None, "another order has the same number")


def _named(one: Placement, bench: Bench) -> list[str]:
    """Pure: the numbers of its deliveries."""
    parts = split.deliveries(one.number, one.lines, warehouse=bench.settings.warehouse)
    return [delivery.number for delivery in parts]


def _stolen(one: Placement, names: Sequence[str], taken: dict[str, str]) -> Placed | None:
    """Pure: is one of its deliveries that of another order?  If not, they are its own from now on."""
    for name in names:
        owner = taken.get(name, one.number)
        if owner != one.number:
            what = f"delivery {name} is one of order {owner}"
            return Placed(one.number, "refused", None, what)
    taken.update(dict.fromkeys(names, one.number))
    return None


async def _new(
    tx: AsyncConnection, bench: Bench, placements: Sequence[Placement], by: By
) -> list[Placed]:
    """Place orders of numbers that are not there yet."""
    drafts = [draft(one, bench, by) for one in placements]
    levels = await _levels(tx, bench, drafts)
    refused = _short(bench, drafts, levels)
    going = [one for one in drafts if one.number not in refused]
    ids = {}
    for order, placement in zip(
        await store.insert_new(tx, going),
        [one for one in placements if one.number not in refused],
        strict=True,
    ):
        await _begin(tx, bench, order, placement, by)
        ids[order.number] = order.id
    if ids:
        bench.placed(tx)
    return [
        Placed(one.number, "refused", None, refused[one.number])
        if one.number in refused
        else Placed(one.number, "placed", ids[one.number])
        for one in placements
    ]


async def _levels(
    tx: AsyncConnection, bench: Bench, drafts: Sequence[Order]
) -> dict[stock.Place, Level]:
    if bench.shelf is None or bench.settings.on_shortage == "wait":
        return {}
    places = {place for one in drafts for place in stock.places(one)}
    found = await shelf.levels(tx, bench.shelf, places)
    return {place: Level(*held) for place, held in found.items()}


def _short(
    bench: Bench, drafts: Sequence[Order], levels: dict[stock.Place, Level]
) -> dict[str, str]:
    """Pure: the orders for which there is too little, each after those before it: number -> why."""
    if bench.shelf is None or bench.settings.on_shortage == "wait":
        return {}
    refused: dict[str, str] = {}
    for one in drafts:
        lacks = stock.free(one, levels)
        if lacks:
            told = ", ".join(f"{sku} lacks {much}" for sku, much in lacks.items())
            refused[one.number] = f"too little in stock: {told}"
            continue
        for delivery in one.deliveries:
            levels.update(stock.reserved(delivery, levels).levels)
    return refused


async def _begin(
    tx: AsyncConnection, bench: Bench, order: Order, placement: Placement, by: By
) -> None:
    """Take a new order into the table, and on as far as what is known of its payment leads."""
    order = await _must(tx, bench, order, OrderEvent.PLACED, by)
    following = {
        "pending": OrderEvent.PAYMENT_PENDING,
        "confirmed": OrderEvent.PAYMENT_CONFIRMED,
        "cash_on_delivery": OrderEvent.CASH_ON_DELIVERY,
    }
    event = following.get(placement.payment.state)
    if event is not None:
        await _must(tx, bench, order, event, replace(by, detail=None))


async def _must(
    tx: AsyncConnection, bench: Bench, order: Order, event: OrderEvent, by: By
) -> Order:
    done = await run.happen(tx, bench, order, order, event, by)
    if isinstance(done, Refused):
        raise RuntimeError(f"a new order is refused {event}: {done.reason}")
    return done


async def _changed(
    tx: AsyncConnection,
    bench: Bench,
    placement: Placement,
    id: int,
    by: By,
    stolen: Placed | None,
) -> Placed:
    """An order of this number is there, with other content."""
    number = placement.number
    if bench.settings.changed == "refuse":
        told = "there is an order of this number already, with other content"
        return Placed(number, "refused", id, told)
    if stolen is not None:
        return replace(stolen, order=id)
    before = await store.one(tx, id, lock=True)
    if before is None or before.state not in _AMENDABLE:
        state = before.state if before else "gone"
        told = f"it cannot be amended any more: the order is {state}"
        return Placed(number, "refused", id, told)
    await _amend(tx, bench, before, placement, by)
    return Placed(number, "amended", id)


_AMENDABLE = (OrderState.PENDING, OrderState.AWAITING_PAYMENT)


async def _amend(
    tx: AsyncConnection, bench: Bench, before: Order, placement: Placement, by: By
) -> None:
    """Give up what the order had reserved, and put the new content in its place."""
    facts = await run.known(tx, bench, before, OrderEvent.CANCELLED, by, None)
    levels = facts.levels or {}
    for delivery in before.deliveries:
        levels = stock.released(delivery, levels).levels
    await run.levelled(tx, bench, facts.levels or {}, levels)
    await store.replace_parts(tx, before.id)
    fresh = replace(
        draft(placement, bench, by),
        id=before.id,
        state=before.state,
        payment_state=before.payment_state,
        paid_at=before.paid_at,
        created=before.created,
        revision=before.revision,
    )
    order = await store.insert_parts(tx, fresh)
    order = await store.save(
        tx, replace(before, lines=order.lines, deliveries=order.deliveries), order, now=facts.now
    )
    facts = await run.known(tx, bench, order, OrderEvent.CANCELLED, by, None)
    walked = machine.amended(order, facts)
    await run.write(tx, bench, order, walked, facts, by)


def draft(placement: Placement, bench: Bench, by: By) -> Order:
    """Pure but for the clock: the order that a placement describes, not placed yet."""
    now = stamp(bench.clock.now())
    lines = tuple(
        Line(
            id=n,
            ref=line.ref or str(n + 1),
            sku=line.sku,
            quantity=line.quantity,
            name=line.name,
            price=line.price,
            total=line.total,
            custom=line.custom,
        )
        for n, line in enumerate(placement.lines)
    )
    return Order(
        id=0,
        number=placement.number,
        state=OrderState.PENDING,
        shop=placement.shop,
        customer_key=_key(placement),
        customer=_facts(placement.customer),
        billing=_facts(placement.billing),
        shipping=_facts(placement.shipping),
        currency=placement.currency,
        total=placement.total,
        totals=_facts(placement.totals),
        payment_method=placement.payment.method,
        cash_on_delivery=placement.payment.state == "cash_on_delivery",
        payment_state=Payment.OPEN,
        payment=_facts(placement.payment, without={"state", "method"}),
        custom=placement.custom,
        remarks=placement.remarks,
        digest=placement.content,
        source=by.actor,
        placed=placement.placed or now,
        created=now,
        changed=now,
        lines=lines,
        deliveries=split.deliveries(
            placement.number, placement.lines, warehouse=bench.settings.warehouse
        ),
    )


def _key(placement: Placement) -> str | None:
    who = placement.customer
    if who is None:
        return None
    return who.code or (who.email.lower() if who.email else None)


def _facts(model: Any, without: set[str] | None = None) -> dict[str, Any] | None:
    if model is None:
        return None
    return model.model_dump(mode="json", exclude_none=True, exclude=without) or None
