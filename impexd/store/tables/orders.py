"""
Orders, deliveries, lines, their audit, the eligibility flags, and what they did to stock.

Quantities and amounts are canonical decimal text ("2", "0.5"), so that both engines hold them
exactly and alike; nothing is counted with in SQL.  `audit`, `flag` and `movement` rows are only
ever added: what happened stays.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from impexd.store.tables.base import DOCUMENT, METADATA, NEVER_REUSED, ROWID, flag, number, numbered

orders = Table(
    "orders",
    METADATA,
    numbered(),
    Column("number", Text, nullable=False, unique=True),
    Column("shop", Text),
    Column("state", Text, nullable=False),
    Column("customer_key", Text),  # the customer's code, else the address in small letters
    Column("customer", DOCUMENT),  # code, email, first_name, last_name, company, phone, language
    Column("billing", DOCUMENT),  # an address
    Column("shipping", DOCUMENT),
    Column("currency", Text),
    Column("total", Text),
    Column("totals", DOCUMENT),  # net, tax, shipping, discount
    Column("payment_method", Text),
    flag("cash_on_delivery"),
    Column("payment_state", Text, nullable=False, server_default=text("'open'")),
    Column("paid_at", Text),
    Column("payment", DOCUMENT),  # facts: amount, reference, provider ...
    Column("custom", DOCUMENT),  # name -> text
    Column("remarks", Text),
    Column(
        "digest", String(64), nullable=False
    ),  # of what was placed: tells a repeat from a change
    Column("source", Text, nullable=False),  # run:ID, api, command
    Column("placed", Text, nullable=False),  # when the customer ordered
    Column("created", Text, nullable=False),
    Column("changed", Text, nullable=False),
    number("revision"),  # counts the transactions that changed it
    Index(None, "state", "id"),
    Index(None, "shop", "id"),
    Index(None, "shop", "state", "id"),
    Index(None, "customer_key", "id"),
    Index(None, "placed"),
    **NEVER_REUSED,
)

order_line = Table(
    "order_line",
    METADATA,
    numbered(),
    Column("order_id", ROWID, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
    Column("ref", Text, nullable=False),  # the line's name in its order
    Column("sku", Text, nullable=False),
    Column("name", Text),
    Column("quantity", Text, nullable=False),
    Column("price", Text),
    Column("total", Text),
    Column("custom", DOCUMENT),
    UniqueConstraint("order_id", "ref"),
    Index(None, "sku"),
    **NEVER_REUSED,
)

delivery = Table(
    "delivery",
    METADATA,
    numbered(),
    Column("order_id", ROWID, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
    Column("number", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # standard, preorder, backorder, electronic
    Column("state", Text, nullable=False),
    Column("warehouse", Text),
    Column("carrier", Text),
    Column("method", Text),
    Column("available", Text),  # of a pre-order: the day it waits for
    Column("tracking", Text),
    Column("tracking_url", Text),
    Column("estimated_from", Text),
    Column("estimated_to", Text),
    flag("guaranteed"),
    flag("confirmed"),
    Column("status", Text),  # the courier's own word, the latest by occurrence
    Column("status_at", Text),
    Column("reason", Text),  # why it needs attention, or waits
    Column("released", Text),
    Column("shipped", Text),
    Column("delivered", Text),
    Column("proof", Text),
    Column("remarks", Text),
    Column("extra", DOCUMENT),
    Column("heard", DOCUMENT),  # fact -> when what stands there happened
    Index(None, "order_id"),
    Index(None, "state", "order_id"),
    Index(None, "tracking"),
    **NEVER_REUSED,
)

delivery_line = Table(
    "delivery_line",
    METADATA,
    numbered(),
    Column("delivery_id", ROWID, ForeignKey("delivery.id", ondelete="CASCADE"), nullable=False),
    Column("line_id", ROWID, ForeignKey("order_line.id", ondelete="CASCADE"), nullable=False),
    Column("ref", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("ordered", Text, nullable=False),
    Column("shipped", Text, nullable=False, server_default=text("'0'")),
    Column("rejected", Text, nullable=False, server_default=text("'0'")),
    Column("returned", Text, nullable=False, server_default=text("'0'")),
    Column("reserved", Text, nullable=False, server_default=text("'0'")),  # held for it in stock
    Column("debited", Text, nullable=False, server_default=text("'0'")),  # taken from stock for it
    Column("short", Text, nullable=False, server_default=text("'0'")),  # shipped, never in stock
    Column("invoice", Text),  # the supplier's
    Column("invoice_date", Text),
    Column("remarks", Text),
    Column("extra", DOCUMENT),
    Column("heard", DOCUMENT),
    Index(None, "delivery_id"),
    Index(None, "line_id"),
    Index(None, "sku", "delivery_id"),
    **NEVER_REUSED,
)

order_audit = Table(
    "order_audit",
    METADATA,
    numbered(),
    Column("order_id", ROWID, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
    Column("delivery_id", ROWID, ForeignKey("delivery.id", ondelete="CASCADE")),
    Column("event", Text, nullable=False),
    Column("from_state", Text),  # NULL: there was nothing before
    Column("to_state", Text, nullable=False),
    Column("actor", Text, nullable=False),  # user:NAME, feed:NAME, run:ID, schedule, system
    Column("note", Text),
    Column("message", BigInteger),  # the message of a feed that caused it
    Column("said", Text),  # when it happened, as the one who told says
    Column("at", Text, nullable=False),
    Column("detail", DOCUMENT),  # quantities and facts that came with it
    Index(None, "order_id", "id"),
    Index(None, "delivery_id", "id"),
    Index(None, "message"),
    **NEVER_REUSED,
)
"""Every transition and every fact, one row each, in order."""

order_flag = Table(
    "order_flag",
    METADATA,
    numbered(),
    Column("order_id", ROWID, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
    Column("delivery_id", ROWID, ForeignKey("delivery.id", ondelete="CASCADE")),
    Column("flag", Text, nullable=False),
    Column("raised", Text, nullable=False),
    Column("audit_id", ROWID, ForeignKey("order_audit.id", ondelete="SET NULL")),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("reason", Text),
    Index(None, "state", "id"),
    Index(None, "order_id", "id"),
    Index(None, "delivery_id"),
    Index(None, "audit_id"),
    **NEVER_REUSED,
)
"""One row for each flag raised, never overwritten; `open` until the chain has taken it."""

stock_movement = Table(
    "stock_movement",
    METADATA,
    numbered(),
    Column("delivery_line_id", ROWID, ForeignKey("delivery_line.id", ondelete="CASCADE")),
    Column("audit_id", ROWID, ForeignKey("order_audit.id", ondelete="SET NULL")),
    Column("move", Text, nullable=False),  # reserve, release, debit, credit, short, restock
    Column("sku", Text, nullable=False),
    Column("warehouse", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index(None, "delivery_line_id"),
    Index(None, "audit_id"),
    Index(None, "sku", "warehouse", "id"),
    **NEVER_REUSED,
)
"""What orders did to stock; the sum of it is what stands in the stock's records."""

order_input = Table(
    "order_input",
    METADATA,
    numbered(),
    Column("run", BigInteger, nullable=False),
    Column("entity", Text, nullable=False),  # whose records describe it
    Column("number", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, placed, amended, unchanged, refused
    Column("reason", Text),
    Column("order_id", BigInteger),
    Column("at", Text, nullable=False),
    UniqueConstraint("run", "number"),
    Index(None, "state", "id"),
    Index(None, "number", "id"),
    **NEVER_REUSED,
)
"""What became of each order that a file brought; written with the records, placed after them."""
