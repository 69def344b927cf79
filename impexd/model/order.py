"""
Orders as values: what the state machine walks over, and what `store.orders` reads and writes.

An `Order` holds its lines and its deliveries; a `Delivery` its own lines, which say how much of
an order's line goes with it.  All are frozen: a step of the machine gives new ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

NOTHING = Decimal(0)
Facts = Mapping[str, Any]
"""Named facts that impexd keeps and shows, and does not act on."""


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    AWAITING_PAYMENT = "awaiting_payment"
    AWAITING_APPROVAL = "awaiting_approval"
    IN_PROGRESS = "in_progress"
    PARTIALLY_SHIPPED = "partially_shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    CANCELLED_REFUND_PENDING = "cancelled_refund_pending"
    RETURNED = "returned"
    RETURNED_REFUND_PENDING = "returned_refund_pending"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    NEW = "new"
    RESERVED = "reserved"
    AWAITING_DATE = "awaiting_date"
    AWAITING_STOCK = "awaiting_stock"
    ALLOCATED = "allocated"
    PACKING = "packing"
    READY = "ready"
    RELEASED = "released"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    ATTENTION = "attention"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class OrderEvent(StrEnum):
    """What happens to an order."""

    PLACED = "placed"
    AMENDED = "amended"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_CONFIRMED = "payment_confirmed"
    PAYMENT_FAILED = "payment_failed"
    APPROVED = "approved"
    DECLINED = "declined"
    CASH_ON_DELIVERY = "cash_on_delivery"
    """Placed to be paid with the parcel."""
    CANCELLED = "cancelled"
    REFUND_CONFIRMED = "refund_confirmed"
    RETURNED = "returned"
    PROGRESS = "progress"
    """Derived from its deliveries; nobody sends it."""


class DeliveryEvent(StrEnum):
    """What happens to a delivery."""

    RESERVE = "reserve"
    START = "start"
    ALLOCATE = "allocate"
    DATE_REACHED = "date_reached"
    STOCK_ARRIVED = "stock_arrived"
    PACK = "pack"
    PACKED = "packed"
    RELEASE = "release"
    SHIP = "ship"
    DELIVER = "deliver"
    FAIL = "fail"
    RETURN = "return"
    RESTOCK = "restock"
    CANCEL = "cancel"
    LINE_UPDATE = "line_update"


class Kind(StrEnum):
    """What kind of delivery."""

    STANDARD = "standard"
    PREORDER = "preorder"
    BACKORDER = "backorder"
    ELECTRONIC = "electronic"


class Payment(StrEnum):
    """What is known of the payment."""

    OPEN = "open"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    REFUNDED = "refunded"


class Flag(StrEnum):
    """The eligibility flags that the machine raises; a user's own are any other word."""

    INITPAID = "INITPAID"
    DELIVERY = "DELIVERY"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


@dataclass(frozen=True)
class Line:
    """What was ordered of one article."""

    id: int
    ref: str
    """Its name in its order."""
    sku: str
    quantity: Decimal
    name: str | None = None
    price: Decimal | None = None
    total: Decimal | None = None
    custom: Facts | None = None


@dataclass(frozen=True)
class DeliveryLine:
    """How much of an order's line goes with one delivery, and what became of it."""

    id: int
    line: int
    """The id of the order's line."""
    ref: str
    sku: str
    ordered: Decimal
    shipped: Decimal = NOTHING
    rejected: Decimal = NOTHING
    returned: Decimal = NOTHING
    """Come back and put into stock again."""
    reserved: Decimal = NOTHING
    """Held for it in stock."""
    debited: Decimal = NOTHING
    """Taken from stock for it."""
    short: Decimal = NOTHING
    """Shipped although stock did not have it: for a person to look into."""
    invoice: str | None = None
    """The supplier's."""
    invoice_date: str | None = None
    remarks: str | None = None
    extra: Facts | None = None
    heard: Facts | None = None
    """Fact -> when what stands there happened, as the one who told it says."""

    @property
    def done(self) -> bool:
        """Pure: is everything of it either shipped or rejected?"""
        return self.shipped + self.rejected >= self.ordered


@dataclass(frozen=True)
class Delivery:
    """What is sent together, from one place."""

    id: int
    number: str
    kind: Kind
    state: DeliveryState
    warehouse: str | None = None
    """Where it comes from; the supplier's, if the supplier sends."""
    carrier: str | None = None
    method: str | None = None
    available: str | None = None
    """Of a pre-order: the day (`2026-01-31`) it waits for."""
    tracking: str | None = None
    tracking_url: str | None = None
    estimated_from: str | None = None
    estimated_to: str | None = None
    guaranteed: bool = False
    confirmed: bool = False
    status: str | None = None
    """The courier's own word, the latest by when it happened."""
    status_at: str | None = None
    reason: str | None = None
    """Why it waits, or needs attention."""
    released: str | None = None
    shipped: str | None = None
    delivered: str | None = None
    proof: str | None = None
    remarks: str | None = None
    extra: Facts | None = None
    heard: Facts | None = None
    """Fact -> when what stands there happened: an older message changes nothing of it."""
    lines: tuple[DeliveryLine, ...] = ()


@dataclass(frozen=True)
class Order:
    """An order, whole."""

    id: int
    number: str
    state: OrderState
    shop: str | None = None
    customer_key: str | None = None
    customer: Facts | None = None
    billing: Facts | None = None
    shipping: Facts | None = None
    currency: str | None = None
    total: Decimal | None = None
    totals: Facts | None = None
    payment_method: str | None = None
    cash_on_delivery: bool = False
    payment_state: Payment = Payment.OPEN
    paid_at: str | None = None
    payment: Facts | None = None
    custom: Facts | None = None
    remarks: str | None = None
    digest: str = ""
    source: str = ""
    placed: str = ""
    created: str = ""
    changed: str = ""
    revision: int = 0
    lines: tuple[Line, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
