"""
What partners are to be told: tasks, what happened to each, who was passed over, and the partners.

A task's key and what is frozen of it never change once they stand here; `epoch` fences a sender
that was given up and wakes up late.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from impexd.store.tables.base import DOCUMENT, METADATA, NEVER_REUSED, ROWID, flag, number, numbered

task = Table(
    "task",
    METADATA,
    numbered(),
    Column("flag_id", ROWID, ForeignKey("order_flag.id", ondelete="CASCADE"), nullable=False),
    Column("order_id", ROWID, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False),
    Column("delivery_id", ROWID, ForeignKey("delivery.id", ondelete="CASCADE")),
    Column("about", BigInteger, nullable=False),  # the delivery; 0: the order itself
    Column("flag", Text, nullable=False),
    Column("root", Text, nullable=False),  # the flag that its chain began with
    Column("exporter", Text, nullable=False),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    number("priority"),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("key", String(64), nullable=False, unique=True),
    Column("body", LargeBinary),  # NULL until it is frozen
    Column("content", Text),  # its media type
    Column("frozen", DOCUMENT),  # what else an exporter fixed: a name, recipients, headers
    Column("frozen_at", Text),
    Column("config_hash", String(64)),  # the configuration it was frozen under
    flag("maybe"),  # it may have reached the partner: some outcome is not known
    number("attempts"),
    number("epoch"),
    Column("due", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("since", Text, nullable=False),  # from when its age counts: made, or released
    Column("first_sent", Text),
    Column("last_sent", Text),
    Column("ended", Text),
    Column("ref", Text),  # what the partner calls it
    Column("raised", BigInteger),  # the flag that its success has raised
    UniqueConstraint("flag_id", "about", "exporter", "generation"),
    Index(None, "exporter", "state", "due"),
    Index(None, "state", "id"),
    Index(None, "order_id", "exporter", "id"),
    Index(None, "delivery_id"),
    Index(None, "raised"),
    Index(None, "ended", "exporter", "state"),
    **NEVER_REUSED,
)

task_event = Table(
    "task_event",
    METADATA,
    numbered(),
    Column("task_id", ROWID, ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
    Column("at", Text, nullable=False),
    Column("from_state", Text),  # NULL: there was nothing before
    Column("to_state", Text, nullable=False),
    Column("reason", Text),
    Column("actor", Text),  # user:NAME; NULL: impexd itself
    Column("note", Text),
    number("attempt"),
    Index(None, "task_id", "id"),
    **NEVER_REUSED,
)
"""Everything that happened to a task, one row each, in order."""

passed_over = Table(
    "passed_over",
    METADATA,
    Column("flag_id", ROWID, ForeignKey("order_flag.id", ondelete="CASCADE"), primary_key=True),
    Column("exporter", Text, primary_key=True),
    Column("about", BigInteger, primary_key=True),  # the delivery; 0: the order itself
    Column("reason", Text, nullable=False),
)
"""Exporters that listen to a flag and were not called, and why."""

task_partner = Table(
    "task_partner",
    METADATA,
    Column("exporter", Text, primary_key=True),
    number("failures"),  # in a row
    number("trips"),  # how often it was given a rest, in a row
    Column("closed_until", Text),  # nothing is sent before
    Column("reason", Text),
    Column("since", Text),
)
"""How each partner has answered of late; what keeps one that is down from being asked all the time."""
