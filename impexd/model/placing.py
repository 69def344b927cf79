"""
An order as it is handed in: by a shop's file, by the API, by a command.

Checked once, here; inside it is an `Order`.  `content` is what of it makes two placements the
same order.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from impexd.model.base import Model
from impexd.model.order import Kind


def _number(value: object) -> object:
    """Take "2.50", 2 and 2.5 alike, exactly as written."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted here")
    if isinstance(value, int | float):
        return Decimal(str(value))
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError as error:
            raise ValueError("a number is wanted here, such as 1234.50") from error
    return value


def _moment(text: str) -> str:
    """Take an RFC 3339 moment; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("a moment is wanted here, such as 2026-01-31T08:00:00Z") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError as error:
        raise ValueError("a day is wanted here, such as 2026-01-31") from error


def _clean(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


Text = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_clean)]
Long = Annotated[str, Field(max_length=10_000)]
Amount = Annotated[Decimal, BeforeValidator(_number), Field(max_digits=24, decimal_places=6)]
Quantity = Annotated[Amount, Field(gt=0)]
Moment = Annotated[str, AfterValidator(_moment)]
Day = Annotated[str, AfterValidator(_day)]
Values = Mapping[Annotated[str, Field(max_length=100)], Long | int | bool | None]


class Given(Model):
    """What comes from outside: JSON has no enumerations and no decimals of its own."""

    model_config = ConfigDict(strict=False, str_strip_whitespace=True)


class Customer(Given):
    """Who ordered."""

    code: Text | None = None
    email: Text | None = None
    salutation: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    phone: Text | None = None
    language: Text | None = None
    vat_id: Text | None = None


class Address(Given):
    """Where it goes, or who pays."""

    salutation: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    line1: Text | None = None
    line2: Text | None = None
    postcode: Text | None = None
    city: Text | None = None
    state: Text | None = None
    country: Text | None = None
    phone: Text | None = None
    email: Text | None = None


class Totals(Given):
    """What the total is made of."""

    net: Amount | None = None
    tax: Amount | None = None
    shipping: Amount | None = None
    discount: Amount | None = None


class PlacedPayment(Given):
    """What is known of the payment when the order is handed in."""

    method: Text | None = None
    state: Literal["open", "pending", "confirmed", "cash_on_delivery"] = "open"
    reference: Text | None = None
    amount: Amount | None = None


class PlacedLine(Given):
    """One article of an order."""

    sku: Text
    quantity: Quantity
    ref: Text | None = None
    """The line's name; its place in the order (1, 2 ...) if none is said."""
    name: Text | None = None
    price: Amount | None = None
    total: Amount | None = None
    warehouse: Text | None = None
    """Where it comes from: a warehouse, or the supplier who sends it."""
    kind: Kind | None = None
    available: Day | None = None
    """Of a pre-order: the day it waits for."""
    delivery: Text | None = None
    """The number of the delivery it goes with, if the shop has split the order."""
    carrier: Text | None = None
    method: Text | None = None
    custom: Values | None = None


class Placement(Given):
    """An order handed in."""

    number: Text
    lines: Annotated[tuple[PlacedLine, ...], Field(min_length=1, max_length=10_000)]
    shop: Text | None = None
    placed: Moment | None = None
    customer: Customer | None = None
    billing: Address | None = None
    shipping: Address | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    total: Amount | None = None
    totals: Totals | None = None
    payment: PlacedPayment = PlacedPayment()
    custom: Values | None = None
    remarks: Long | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        refs = [line.ref or str(n) for n, line in enumerate(self.lines, 1)]
        double = next((ref for n, ref in enumerate(refs) if ref in refs[:n]), None)
        if double is not None:
            raise ValueError(f"line {double} stands there twice")
        for line in self.lines:
            if line.kind is Kind.PREORDER and line.available is None:
                raise ValueError(f"SKU {line.sku}: a pre-order needs the day it is `available`")
        return self

    @property
    def content(self) -> str:
        """SHA-256 of what was ordered: two placements that share it are the same order."""
        tree: Any = self.model_dump(mode="json", exclude_none=True, exclude={"payment": {"state"}})
        text = json.dumps(_plain(tree), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


_NUMBERS = frozenset({"quantity", "price", "total", "net", "tax", "shipping", "discount", "amount"})


def _plain(tree: Any) -> Any:
    """Pure: numbers in one form, so that "2" and "2.00" are the same order."""
    if isinstance(tree, list):
        return [_plain(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        key: format(Decimal(value).normalize(), "f")
        if key in _NUMBERS and isinstance(value, str)
        else _plain(value)
        for key, value in tree.items()
    }
