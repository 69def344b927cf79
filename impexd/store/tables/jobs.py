"""The queue on SQLite; on PostgreSQL these tables are Procrastinate's own."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text, text

from impexd.store.tables.base import NEVER_REUSED, QUEUE, ROWID, flag, number, numbered

workers = Table(
    "procrastinate_workers",
    QUEUE,
    numbered(),
    Column("last_heartbeat", Text, nullable=False),
    **NEVER_REUSED,
)

jobs = Table(
    "procrastinate_jobs",
    QUEUE,
    numbered(),
    Column("queue_name", Text, nullable=False),
    Column("task_name", Text, nullable=False),
    number("priority"),
    Column("lock", Text),
    Column("queueing_lock", Text),
    Column("args", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("scheduled_at", Text),
    number("attempts"),
    flag("abort_requested"),
    Column(
        "worker_id",
        ROWID,
        ForeignKey("procrastinate_workers.id", ondelete="SET NULL"),
        index=True,
    ),
    Index(
        "ix_procrastinate_jobs_todo",
        text("priority DESC"),
        "id",
        sqlite_where=text("status = 'todo'"),
    ),
    Index("ix_procrastinate_jobs_line", "lock", "status", "priority", "id"),
    Index(
        "uq_procrastinate_jobs_queueing_lock",
        "queueing_lock",
        unique=True,
        sqlite_where=text("status = 'todo'"),
    ),
    Index("uq_procrastinate_jobs_lock", "lock", unique=True, sqlite_where=text("status = 'doing'")),
    **NEVER_REUSED,
)
"""As Procrastinate's schema has it, without the events nobody here reads."""
