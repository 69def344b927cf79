"""How orders are dealt with: `[orders]` in `etc/impexd.toml`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from impexd.model.base import Model, Name

Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$")]
"""An amount, written as text: "500" or "99.90"."""


class Approval(Model):
    """When a person has to approve an order before its deliveries start: `[orders.approval]`."""

    amount: Money | None = None
    """A total of at least this, in whatever currency."""
    new_customer: bool = False
    """The customer has had no order that went through."""
    flag: str | None = None
    """The order has this custom value, and it is not empty, "0", "no" or "false"."""


class StockFields(Model):
    """What the fields of the stock's entity are called: `[orders.stock_fields]`."""

    sku: Name = "sku"
    warehouse: Name = "warehouse"
    on_hand: Name = "quantity"
    reserved: Name = "reserved"


class Orders(Model):
    """`[orders]`."""

    stock: str = "off"
    """The entity that holds stock, or "off" where it is kept elsewhere."""
    stock_fields: StockFields = StockFields()
    on_shortage: Literal["wait", "refuse"] = "wait"
    """What becomes of a new order that wants more than is free: its delivery waits, or it is refused."""
    complete_on: Literal["shipped", "delivered"] = "shipped"
    """When a delivery counts as done."""
    changed: Literal["refuse", "amend"] = "refuse"
    """What becomes of an order that comes again with other content."""
    warehouse: str | None = None
    """Where lines come from that name no warehouse."""
    approval: Approval = Approval()
    wake: float = Field(default=60, ge=1, le=86_400)
    """Seconds between two looks at deliveries whose day has come or whose goods have."""
