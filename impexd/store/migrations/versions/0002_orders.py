"""Orders, deliveries, lines, audit, flags, and what orders did to stock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
FALSE = sa.text("false")
ZERO = sa.text("0")
NOUGHT = sa.text("'0'")


def upgrade() -> None:
    """Make the tables."""
    _orders()
    _lines()
    _deliveries()
    _delivery_lines()
    _audit()
    _flags()
    _movements()
    _inputs()


def downgrade() -> None:
    """Drop them, with all they hold."""
    for table in (
        "order_input",
        "stock_movement",
        "order_flag",
        "order_audit",
        "delivery_line",
        "delivery",
        "order_line",
        "orders",
    ):
        op.drop_table(table)


def _id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )


def _of(table: str, column: str, parent: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete=ondelete
    )


def _orders() -> None:
    op.create_table(
        "orders",
        *_id("orders"),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("shop", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("customer_key", sa.Text),
        sa.Column("customer", DOCUMENT),
        sa.Column("billing", DOCUMENT),
        sa.Column("shipping", DOCUMENT),
        sa.Column("currency", sa.Text),
        sa.Column("total", sa.Text),
        sa.Column("totals", DOCUMENT),
        sa.Column("payment_method", sa.Text),
        sa.Column("cash_on_delivery", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("payment_state", sa.Text, nullable=False, server_default=sa.text("'open'")),
        sa.Column("paid_at", sa.Text),
        sa.Column("payment", DOCUMENT),
        sa.Column("custom", DOCUMENT),
        sa.Column("remarks", sa.Text),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("placed", sa.Text, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("changed", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, server_default=ZERO),
        sa.UniqueConstraint("number", name="uq_orders_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_orders_state_id", "orders", ["state", "id"])
    op.create_index("ix_orders_shop_id", "orders", ["shop", "id"])
    op.create_index("ix_orders_shop_state_id", "orders", ["shop", "state", "id"])
    op.create_index("ix_orders_customer_key_id", "orders", ["customer_key", "id"])
    op.create_index("ix_orders_placed", "orders", ["placed"])


def _lines() -> None:
    op.create_table(
        "order_line",
        *_id("order_line"),
        sa.Column("order_id", ROWID, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("price", sa.Text),
        sa.Column("total", sa.Text),
        sa.Column("custom", DOCUMENT),
        _of("order_line", "order_id", "orders"),
        sa.UniqueConstraint("order_id", "ref", name="uq_order_line_order_id_ref"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_line_sku", "order_line", ["sku"])


def _deliveries() -> None:
    op.create_table(
        "delivery",
        *_id("delivery"),
        sa.Column("order_id", ROWID, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("warehouse", sa.Text),
        sa.Column("carrier", sa.Text),
        sa.Column("method", sa.Text),
        sa.Column("available", sa.Text),
        sa.Column("tracking", sa.Text),
        sa.Column("tracking_url", sa.Text),
        sa.Column("estimated_from", sa.Text),
        sa.Column("estimated_to", sa.Text),
        sa.Column("guaranteed", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("confirmed", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("status", sa.Text),
        sa.Column("status_at", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("released", sa.Text),
        sa.Column("shipped", sa.Text),
        sa.Column("delivered", sa.Text),
        sa.Column("proof", sa.Text),
        sa.Column("remarks", sa.Text),
        sa.Column("extra", DOCUMENT),
        sa.Column("heard", DOCUMENT),
        _of("delivery", "order_id", "orders"),
        sa.UniqueConstraint("number", name="uq_delivery_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_order_id", "delivery", ["order_id"])
    op.create_index("ix_delivery_state_order_id", "delivery", ["state", "order_id"])
    op.create_index("ix_delivery_tracking", "delivery", ["tracking"])


def _delivery_lines() -> None:
    op.create_table(
        "delivery_line",
        *_id("delivery_line"),
        sa.Column("delivery_id", ROWID, nullable=False),
        sa.Column("line_id", ROWID, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("ordered", sa.Text, nullable=False),
        sa.Column("shipped", sa.Text, nullable=False, server_default=NOUGHT),
        sa.Column("rejected", sa.Text, nullable=False, server_default=NOUGHT),
        sa.Column("returned", sa.Text, nullable=False, server_default=NOUGHT),
        sa.Column("reserved", sa.Text, nullable=False, server_default=NOUGHT),
        sa.Column("debited", sa.Text, nullable=False, server_default=NOUGHT),
        sa.Column("short", sa.Text, nullable=False, server_default=NOUGHT),
        sa.Column("invoice", sa.Text),
        sa.Column("invoice_date", sa.Text),
        sa.Column("remarks", sa.Text),
        sa.Column("extra", DOCUMENT),
        sa.Column("heard", DOCUMENT),
        _of("delivery_line", "delivery_id", "delivery"),
        _of("delivery_line", "line_id", "order_line"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_line_delivery_id", "delivery_line", ["delivery_id"])
    op.create_index("ix_delivery_line_line_id", "delivery_line", ["line_id"])
    op.create_index("ix_delivery_line_sku_delivery_id", "delivery_line", ["sku", "delivery_id"])


def _audit() -> None:
    op.create_table(
        "order_audit",
        *_id("order_audit"),
        sa.Column("order_id", ROWID, nullable=False),
        sa.Column("delivery_id", ROWID),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("from_state", sa.Text),
        sa.Column("to_state", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("message", sa.BigInteger),
        sa.Column("said", sa.Text),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("detail", DOCUMENT),
        _of("order_audit", "order_id", "orders"),
        _of("order_audit", "delivery_id", "delivery"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_audit_order_id_id", "order_audit", ["order_id", "id"])
    op.create_index("ix_order_audit_delivery_id_id", "order_audit", ["delivery_id", "id"])
    op.create_index("ix_order_audit_message", "order_audit", ["message"])


def _flags() -> None:
    op.create_table(
        "order_flag",
        *_id("order_flag"),
        sa.Column("order_id", ROWID, nullable=False),
        sa.Column("delivery_id", ROWID),
        sa.Column("flag", sa.Text, nullable=False),
        sa.Column("raised", sa.Text, nullable=False),
        sa.Column("audit_id", ROWID),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'open'")),
        sa.Column("reason", sa.Text),
        _of("order_flag", "order_id", "orders"),
        _of("order_flag", "delivery_id", "delivery"),
        _of("order_flag", "audit_id", "order_audit", "SET NULL"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_flag_state_id", "order_flag", ["state", "id"])
    op.create_index("ix_order_flag_order_id_id", "order_flag", ["order_id", "id"])
    op.create_index("ix_order_flag_delivery_id", "order_flag", ["delivery_id"])
    op.create_index("ix_order_flag_audit_id", "order_flag", ["audit_id"])


def _movements() -> None:
    op.create_table(
        "stock_movement",
        *_id("stock_movement"),
        sa.Column("delivery_line_id", ROWID),
        sa.Column("audit_id", ROWID),
        sa.Column("move", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("warehouse", sa.Text, nullable=False),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        _of("stock_movement", "delivery_line_id", "delivery_line"),
        _of("stock_movement", "audit_id", "order_audit", "SET NULL"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stock_movement_delivery_line_id", "stock_movement", ["delivery_line_id"])
    op.create_index("ix_stock_movement_audit_id", "stock_movement", ["audit_id"])
    op.create_index(
        "ix_stock_movement_sku_warehouse_id", "stock_movement", ["sku", "warehouse", "id"]
    )


def _inputs() -> None:
    op.create_table(
        "order_input",
        *_id("order_input"),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("at", sa.Text, nullable=False),
        sa.UniqueConstraint("run", "number", name="uq_order_input_run_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_input_state_id", "order_input", ["state", "id"])
    op.create_index("ix_order_input_number_id", "order_input", ["number", "id"])
