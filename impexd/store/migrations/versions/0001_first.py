"""The journal, its counters, and the jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
FALSE = sa.text("false")
ZERO = sa.text("0")


def upgrade() -> None:
    """Make all tables."""
    _journal()
    _parked()
    _records()
    _schedule()
    if op.get_context().dialect.name == "sqlite":
        _jobs()
    else:
        _procrastinate()


def downgrade() -> None:
    """Drop them, with all they hold."""
    for table in (
        "sending",
        "watermark",
        "followup",
        "timetable",
        "occurrence",
        "parked",
        "problem",
        "part",
        "run",
        "config",
        "counter",
        "tombstone",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "sqlite":
        op.drop_table("procrastinate_jobs")
        op.drop_table("procrastinate_workers")


def _journal() -> None:
    op.create_table(
        "run",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("raw_name", sa.LargeBinary),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("seen_dev", sa.Text),
        sa.Column("seen_inode", sa.Text),
        sa.Column("seen_size", sa.BigInteger),
        sa.Column("seen_mtime_ns", sa.BigInteger),
        sa.Column("config_hash", sa.String(64)),
        sa.Column("attempt", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("crashes", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("forced", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("dry", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("approved", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("planned_at", DOCUMENT),
        sa.Column("parent", sa.BigInteger),
        sa.Column("priority", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("code", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("problems", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("counts", DOCUMENT),
        sa.Column("place", sa.Text),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("started", sa.Text),
        sa.Column("finished", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("occurrence", sa.Text),
        sa.Column("watermark", sa.BigInteger),
        sa.Column("seq", sa.BigInteger),
        sa.Column("draft", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("token", name="uq_run_token"),
        sa.UniqueConstraint("group_name", "occurrence", name="uq_run_group_name_occurrence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_group_name_state", "run", ["group_name", "state"])
    op.create_index("ix_run_group_name_name_sha256", "run", ["group_name", "name", "sha256"])
    op.create_index("ix_run_state", "run", ["state"])
    op.create_table(
        "part",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("run", ROWID, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("descriptor", sa.Text, nullable=False),
        sa.Column("record", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("counts", DOCUMENT),
        sa.Column("problems", sa.Integer, nullable=False, server_default=ZERO),
        sa.PrimaryKeyConstraint("id", name="pk_part"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_part_run", ondelete="CASCADE"),
        sa.UniqueConstraint("run", "n", name="uq_part_run_n"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "problem",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("run", ROWID, nullable=False),
        sa.Column("part", sa.BigInteger),
        sa.Column("line", sa.BigInteger),
        sa.Column("col", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("cell", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_problem"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_problem_run", ondelete="CASCADE"),
    )
    op.create_index("ix_problem_run", "problem", ["run"])


def _parked() -> None:
    op.create_table(
        "parked",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("descriptor", sa.Text, nullable=False),
        sa.Column("record", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("line", sa.BigInteger),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("waits_entity", sa.Text, nullable=False),
        sa.Column("waits_key", sa.Text, nullable=False),
        sa.Column("cells", DOCUMENT, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("until", sa.Text, nullable=False),
        sa.Column("sent", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_parked_waits_entity_waits_key"), "parked", ["waits_entity", "waits_key"]
    )
    op.create_index(
        op.f("ix_parked_descriptor_record_key"), "parked", ["descriptor", "record", "key"]
    )
    op.create_index(op.f("ix_parked_until"), "parked", ["until"])


def _records() -> None:
    op.create_table(
        "config",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_config"),
    )
    counter = op.create_table(
        "counter",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    op.bulk_insert(counter, [{"name": "change", "value": 0}])
    op.create_table(
        "tombstone",
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("entity", "key", name="pk_tombstone"),
    )
    op.create_index("ix_tombstone_entity_seq", "tombstone", ["entity", "seq"])
    op.create_table(
        "watermark",
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("descriptor", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("group_name", "descriptor", name="pk_watermark"),
    )
    op.create_table(
        "sending",
        sa.Column("run", ROWID, nullable=False),
        sa.Column("group_name", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("draft", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.PrimaryKeyConstraint("run", name="pk_sending"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_sending_run", ondelete="CASCADE"),
    )
    op.create_index("ix_sending_state", "sending", ["state"])


def _schedule() -> None:
    op.create_table(
        "occurrence",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("run", sa.BigInteger),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_occurrence"),
        sa.UniqueConstraint("name", "at", name="uq_occurrence_name_at"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_occurrence_run", "occurrence", ["run"])
    op.create_table(
        "timetable",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("paused", sa.Text),
        sa.Column("paused_by", sa.Text),
        sa.Column("paused_note", sa.Text),
        sa.PrimaryKeyConstraint("name", name="pk_timetable"),
    )
    op.create_table(
        "followup",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("run", ROWID, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("result", sa.BigInteger),
        sa.Column("made", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_followup"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_followup_run", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_followup_run", "followup", ["run"])
    op.create_index("ix_followup_target_state", "followup", ["target", "state"])


def _jobs() -> None:
    op.create_table(
        "procrastinate_workers",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("last_heartbeat", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_procrastinate_workers"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "procrastinate_jobs",
        sa.Column("id", ROWID, autoincrement=True, nullable=False),
        sa.Column("queue_name", sa.Text, nullable=False),
        sa.Column("task_name", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("lock", sa.Text),
        sa.Column("queueing_lock", sa.Text),
        sa.Column("args", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("scheduled_at", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=ZERO),
        sa.Column("abort_requested", sa.Boolean, nullable=False, server_default=FALSE),
        sa.Column("worker_id", ROWID),
        sa.PrimaryKeyConstraint("id", name="pk_procrastinate_jobs"),
        sa.ForeignKeyConstraint(
            ["worker_id"],
            ["procrastinate_workers.id"],
            name="fk_procrastinate_jobs_worker_id",
            ondelete="SET NULL",
        ),
        sqlite_autoincrement=True,
    )
    table = "procrastinate_jobs"
    todo, doing = sa.text("status = 'todo'"), sa.text("status = 'doing'")
    op.create_index(
        "ix_procrastinate_jobs_todo", table, [sa.text("priority DESC"), "id"], sqlite_where=todo
    )
    op.create_index("ix_procrastinate_jobs_line", table, ["lock", "status", "priority", "id"])
    op.create_index("ix_procrastinate_jobs_worker_id", table, ["worker_id"])
    op.create_index(
        "uq_procrastinate_jobs_queueing_lock",
        table,
        ["queueing_lock"],
        unique=True,
        sqlite_where=todo,
    )
    op.create_index("uq_procrastinate_jobs_lock", table, ["lock"], unique=True, sqlite_where=doing)


def _procrastinate() -> None:
    from procrastinate.schema import SchemaManager

    # Many statements at once and percent signs: only without parameters.
    op.get_bind().exec_driver_sql(
        SchemaManager.get_schema(), execution_options={"no_parameters": True}
    )
