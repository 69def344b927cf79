"""What operators were told; logs of runs; the log of configurations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
ZERO = sa.text("0")


def upgrade() -> None:
    """Make the tables."""
    _notices()
    _run_log()
    _config_log()
    op.create_index("ix_run_finished", "run", ["finished"])


def downgrade() -> None:
    """Drop them, with all they hold."""
    op.drop_index("ix_run_finished", "run")
    for table in ("config_log", "run_log", "notice_post", "notice"):
        op.drop_table(table)


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("group_name", sa.Text),
        sa.Column("run", sa.BigInteger),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sqlite_autoincrement=True,
    )
    still = sa.text("ended IS NULL")
    op.create_index(
        "uq_notice_about",
        "notice",
        ["about"],
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )
    op.create_index("ix_notice_at", "notice", ["at"])
    op.create_table(
        "notice_post",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("notice", ROWID, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_notice_post"),
        sa.ForeignKeyConstraint(
            ["notice"], ["notice.id"], name="fk_notice_post_notice", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notice_post_notice", "notice_post", ["notice"])
    op.create_index("ix_notice_post_recipient_state", "notice_post", ["recipient", "state"])


def _run_log() -> None:
    op.create_table(
        "run_log",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("body", DOCUMENT),
        sa.PrimaryKeyConstraint("id", name="pk_run_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_log_run_id", "run_log", ["run", "id"])
    op.create_index("ix_run_log_at", "run_log", ["at"])


def _config_log() -> None:
    op.create_table(
        "config_log",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64)),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("mistakes", DOCUMENT),
        sa.PrimaryKeyConstraint("id", name="pk_config_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_config_log_at", "config_log", ["at"])
