"""
Split an order into deliveries: what leaves one place at one time goes together.

Lines that name a delivery go with it; the others go together by warehouse, kind, day, carrier
and method, in the order in which they stand.
"""

from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

from impexd.model.order import Delivery, DeliveryLine, DeliveryState, Kind
from impexd.model.placing import PlacedLine

Group = tuple[str | None, ...]


def deliveries(
    number: str, lines: Sequence[PlacedLine], *, warehouse: str | None
) -> tuple[Delivery, ...]:
    """Pure: the deliveries of an order, all `new`; `warehouse` is that of lines which name none."""
    groups: dict[Group, list[tuple[int, PlacedLine]]] = {}
    for n, line in enumerate(lines):
        groups.setdefault(_group(line, warehouse), []).append((n, line))
    taken = {line.delivery for line in lines if line.delivery}
    names = _names(number, taken)
    return tuple(
        _delivery(members, group[0] or next(names), warehouse) for group, members in groups.items()
    )


def _group(line: PlacedLine, warehouse: str | None) -> Group:
    if line.delivery:
        return (line.delivery,)
    kind = line.kind or Kind.STANDARD
    day = line.available if kind is Kind.PREORDER else None
    return (None, line.warehouse or warehouse, kind.value, day, line.carrier, line.method)


def _names(number: str, taken: Collection[str]) -> Iterator[str]:
    n = 0
    while True:
        n += 1
        if (name := f"{number}-{n}") not in taken:
            yield name


def _delivery(
    members: Sequence[tuple[int, PlacedLine]], number: str, warehouse: str | None
) -> Delivery:
    first = members[0][1]
    kind = first.kind or Kind.STANDARD
    days = [line.available for _, line in members if line.available]
    return Delivery(
        id=0,
        number=number,
        kind=kind,
        state=DeliveryState.NEW,
        warehouse=None if kind is Kind.ELECTRONIC else first.warehouse or warehouse,
        carrier=first.carrier,
        method=first.method,
        available=max(days) if days and kind is Kind.PREORDER else None,
        lines=tuple(
            DeliveryLine(
                id=0,
                line=n,
                ref=line.ref or str(n + 1),
                sku=line.sku,
                ordered=Decimal(line.quantity),
            )
            for n, line in members
        ),
    )
