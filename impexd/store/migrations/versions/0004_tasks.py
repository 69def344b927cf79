"""What partners are to be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
FALSE = sa.text("false")
ZERO = sa.text("0")


def upgrade() -> None:
    """Make the tables."""
    _tasks()
    _events()
    _passed_over()
    _partners()


def downgrade() -> None:
    """Drop them, with all they hold."""
    for table in ("task_partner", "passed_over", "task_event", "task"):
        op.drop_table(table)


def _of(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def _tasks() -> None:
    op.create_table(
        "task",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("flag_id", ROWID, nullable=False),
        sa.Column("order_id", ROWID, nullable=False),
        sa.Column("delivery_id", ROWID),
        sa.Column("about", sa.BigInteger, nullable=False),
        sa.Column("flag", sa.Text, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("exporter", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("priority", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("content", sa.Text),
        sa.Column("frozen", DOCUMENT),
        sa.Column("frozen_at", sa.Text),
        sa.Column("config_hash", sa.String(64)),
        sa.Column("maybe", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("epoch", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("due", sa.Text, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("first_sent", sa.Text),
        sa.Column("last_sent", sa.Text),
        sa.Column("ended", sa.Text),
        sa.Column("ref", sa.Text),
        sa.Column("raised", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        _of("task", "flag_id", "order_flag"),
        _of("task", "order_id", "orders"),
        _of("task", "delivery_id", "delivery"),
        sa.UniqueConstraint("key", name="uq_task_key"),
        sa.UniqueConstraint(
            "flag_id",
            "about",
            "exporter",
            "generation",
            name="uq_task_flag_id_about_exporter_generation",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_exporter_state_due", "task", ["exporter", "state", "due"])
    op.create_index("ix_task_state_id", "task", ["state", "id"])
    op.create_index("ix_task_order_id_exporter_id", "task", ["order_id", "exporter", "id"])
    op.create_index("ix_task_delivery_id", "task", ["delivery_id"])
    op.create_index("ix_task_raised", "task", ["raised"])


def _events() -> None:
    op.create_table(
        "task_event",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("task_id", ROWID, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("from_state", sa.Text),
        sa.Column("to_state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False, server_default=ZERO),
        sa.PrimaryKeyConstraint("id", name="pk_task_event"),
        _of("task_event", "task_id", "task"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_event_task_id_id", "task_event", ["task_id", "id"])


def _passed_over() -> None:
    op.create_table(
        "passed_over",
        sa.Column("flag_id", ROWID, nullable=False),
        sa.Column("exporter", sa.Text, nullable=False),
        sa.Column("about", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("flag_id", "exporter", "about", name="pk_passed_over"),
        _of("passed_over", "flag_id", "order_flag"),
    )


def _partners() -> None:
    op.create_table(
        "task_partner",
        sa.Column("exporter", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("trips", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("closed_until", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("since", sa.Text),
        sa.PrimaryKeyConstraint("exporter", name="pk_task_partner"),
    )
