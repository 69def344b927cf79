"""What is wrong with `[orders]`: a stock entity that is none, or lacks a field."""

from collections.abc import Collection, Iterator

from impexd.model.entity import NUMBERS, Catalogue
from impexd.model.faults import Fault, near, quoted
from impexd.model.ordering import Orders

OFF = "off"


def faults(orders: Orders, catalogue: Catalogue, unsure: Collection[str]) -> Iterator[Fault]:
    """Pure: all that is wrong with it.  `unsure` are entities whose declaration is wrong itself."""
    if orders.stock == OFF or orders.stock in unsure:
        return
    kind = catalogue.get(orders.stock)
    if kind is None:
        what = f"there is no entity {quoted(orders.stock)}" + near(orders.stock, [OFF, *catalogue])
        yield Fault(("orders", "stock"), what)
        return
    fields = orders.stock_fields
    for role in ("sku", "warehouse", "on_hand", "reserved"):
        name = getattr(fields, role)
        at = ("orders", "stock_fields", role)
        if name not in kind.fields:
            what = f"entity {kind.name} has no field {quoted(name)}" + near(name, kind.fields)
            yield Fault(at, what)
        elif role in ("on_hand", "reserved") and kind.fields[name].type not in NUMBERS:
            yield Fault(at, f"{quoted(name)} is no number")
    if set(kind.key) != {fields.sku, fields.warehouse}:
        what = f"the key of entity {kind.name} is {', '.join(kind.key)}; it has to be the SKU and the warehouse"
        yield Fault(("orders", "stock"), what)
