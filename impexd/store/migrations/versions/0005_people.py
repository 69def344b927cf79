"""Users, sessions, tokens, audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _person()
    _signing_in()
    _audit()
    _upload()
    # The list of one group's runs, newest first, would sort them all.
    op.create_index(op.f("ix_run_group_name_id"), "run", ["group_name", "id"])


def downgrade() -> None:
    """Drop them, with all they hold."""
    op.drop_index(op.f("ix_run_group_name_id"), "run")
    for table in ("upload", "repeat", "audit", "token", "session", "invitation", "person"):
        op.drop_table(table)


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("groups", DOCUMENT, nullable=False),
        sa.Column("shops", DOCUMENT, nullable=False),
        sa.Column("disabled", sa.Text),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("seen", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
        sqlite_autoincrement=True,
    )


def _signing_in() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", ROWID),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("until", sa.Text, nullable=False),
        sa.Column("used", sa.Text),
        *_kept("invitation"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "session",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", ROWID, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        *_kept("session"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "token",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", ROWID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("groups", DOCUMENT, nullable=False),
        sa.Column("shops", DOCUMENT, nullable=False),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("until", sa.Text, nullable=False),
        sa.Column("seen", sa.Text),
        sa.Column("ended", sa.Text),
        *_kept("token"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_session_person"), "session", ["person"])
    op.create_index(op.f("ix_token_person"), "token", ["person"])


def _kept(table: str) -> tuple[sa.Constraint, ...]:
    """Pure: what holds the rows of a secret: its number, its hash, its person."""
    return (
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("hash", name=op.f(f"uq_{table}_hash")),
        sa.ForeignKeyConstraint(
            ["person"], ["person.id"], name=op.f(f"fk_{table}_person"), ondelete="CASCADE"
        ),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_who"), "audit", ["who"])
    op.create_table(
        "repeat",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeat")),
        sa.UniqueConstraint("who", "key", name=op.f("uq_repeat_who_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_repeat_at"), "repeat", ["at"])


def _upload() -> None:
    op.create_table(
        "upload",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("person", ROWID),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.Text, nullable=False),
        sa.Column("parent", sa.BigInteger),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("run", sa.BigInteger),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_upload")),
        sa.ForeignKeyConstraint(
            ["person"], ["person.id"], name=op.f("fk_upload_person"), ondelete="CASCADE"
        ),
    )
    op.create_index(op.f("ix_upload_seen"), "upload", ["seen"])
    op.create_index(op.f("ix_upload_who_group_name_name"), "upload", ["who", "group_name", "name"])
