"""
Messages as values: what a feed said about an order or a delivery, in our words.

A feed keeps what it received as it came; its map makes a `Message` of it when it is applied, so
that a mended map helps a message that is tried again.  `orders.hear` says what a message does.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from impexd.model.order import Facts


class Said(StrEnum):
    """What a status word of a courier or partner means; maps in `etc/feeds/` give one for each."""

    NOTE = "note"
    """Kept, moves nothing: a label was made, an attempt failed."""
    SHIP = "ship"
    DELIVER = "deliver"
    FAIL = "fail"
    RETURNING = "returning"
    """On its way back: needs attention."""
    RETURN = "return"
    UNKNOWN = "unknown"
    """A word the map does not have: kept, counted, listed."""
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_CONFIRMED = "payment_confirmed"
    PAYMENT_FAILED = "payment_failed"
    REFUND_CONFIRMED = "refund_confirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class MessageLine:
    """What a message says of one line; `ref`, else `warehouse` and `sku`, name it."""

    ref: str | None = None
    sku: str | None = None
    warehouse: str | None = None
    """The warehouse or supplier it comes from."""
    ordered: Decimal | None = None
    """If said, a line of exactly this quantity is preferred."""
    shipped: Decimal | None = None
    rejected: Decimal | None = None
    invoice: str | None = None
    invoice_date: str | None = None
    remarks: str | None = None
    extra: Facts | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One thing a feed said."""

    source: str
    """The feed."""
    id: str
    """The feed's own id of it."""
    row: int | None = None
    """Where it is kept: goes into the audit."""
    order: str | None = None
    """The order's number."""
    delivery: str | None = None
    """The delivery's number."""
    warehouse: str | None = None
    """The warehouse or supplier that speaks: it may choose among deliveries."""
    status: str | None = None
    """The word as it came."""
    said: Said | None = None
    """What the word means; None if the message has no status."""
    at: str | None = None
    """When it happened, as the feed says (RFC 3339 in UTC)."""
    quantities: Literal["total", "added"] = "total"
    """Are the quantities of lines what there is by now, or what is new?"""
    lines: tuple[MessageLine, ...] = ()
    tracking: str | None = None
    tracking_url: str | None = None
    carrier: str | None = None
    estimated_from: str | None = None
    estimated_to: str | None = None
    guaranteed: bool | None = None
    confirmed: bool | None = None
    invoice: str | None = None
    """The supplier's invoice for all its lines."""
    invoice_date: str | None = None
    proof: str | None = None
    """Of delivery: who signed, where it was left."""
    remarks: str | None = None
    amount: Decimal | None = None
    """Of a payment."""
    extra: Facts | None = None


class Outcome(StrEnum):
    """What became of a message."""

    APPLIED = "applied"
    NOTED = "noted"
    """Its facts are kept; it moved nothing."""
    PARKED = "parked"
    """Its order is not there, or not that far: try again later."""
    CONFLICT = "conflict"
    DEAD = "dead"
    """It says nothing we could ever apply: for a person."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message did."""

    outcome: Outcome
    reason: str = ""
    order: int | None = None
    """The id of the order it is about."""
    problems: tuple[str, ...] = ()
    """What of it matched nothing; never dropped, shown with the message."""
