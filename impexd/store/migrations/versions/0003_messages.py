"""What feeds said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
ZERO = sa.text("0")


def upgrade() -> None:
    """Make the tables."""
    _message()
    op.create_table(
        "feed",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("etag", sa.Text),
        sa.Column("polled", sa.Text),
        sa.Column("succeeded", sa.Text),
        sa.Column("received", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("failed", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("until", sa.Text),
        sa.Column("told", sa.Text),
        sa.PrimaryKeyConstraint("name", name="pk_feed"),
    )


def downgrade() -> None:
    """Drop them, with all they hold."""
    op.drop_table("feed")
    op.drop_table("message")


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("run", sa.BigInteger),
        sa.Column("line", sa.BigInteger),
        sa.Column("said_at", sa.Text),
        sa.Column("about", sa.Text),
        sa.Column("delivery", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("said", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("problems", DOCUMENT),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("next_at", sa.Text),
        sa.Column("until", sa.Text),
        sa.Column("ended", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint(
            "source", "message_id", "digest", name="uq_message_source_message_id_digest"
        ),
        sqlite_autoincrement=True,
    )
    first = sa.text("state <> 'conflict'")
    op.create_index(
        "uq_message_first",
        "message",
        ["source", "message_id"],
        unique=True,
        sqlite_where=first,
        postgresql_where=first,
    )
    for columns in (
        ("state", "id"),
        ("source", "state", "id"),
        ("state", "next_at"),
        ("state", "about"),
        ("state", "delivery"),
        ("order_id",),
        ("ended",),
    ):
        op.create_index(f"ix_message_{'_'.join(columns)}", "message", list(columns))
