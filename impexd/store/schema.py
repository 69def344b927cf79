"""
Our own tables, the same on both engines.

Entity tables are not here: they are made from their declarations.  Moments are text as
`core.clock.stamp` writes it, so that both engines store and compare them alike.  A change
here needs a migration in `migrations/versions`; a test compares the two.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from impexd.core.errors import Unsafe

REVISIONS = ("0001",)
"""The revisions of our tables, oldest first."""
HEAD = REVISIONS[-1]


def refuse_newer(revision: str | None, where: str) -> None:
    """Pure: raise `Unsafe` for tables of a revision that this release does not know."""
    if revision is not None and revision not in REVISIONS:
        raise Unsafe(
            f"{where} has tables of revision {revision}, this impexd knows them up to {HEAD}",
            hint="start the newer impexd that made them, or restore the copy made before the upgrade",
        )


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMES)
QUEUE = MetaData(naming_convention=NAMES)
"""The jobs on SQLite.  On PostgreSQL these tables are Procrastinate's own."""

ROWID = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of exactly this type."""
DOCUMENT = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _id() -> Column[Any]:
    return Column("id", ROWID, primary_key=True, autoincrement=True)


def _flag(name: str, **more: Any) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=text("false"), **more)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


_NEVER_REUSED: Mapping[str, Any] = {"sqlite_autoincrement": True}

run = Table(
    "run",
    METADATA,
    _id(),
    Column("token", String(32), nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # import, export, undo
    Column("group_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("origin", Text, nullable=False),  # inbox, command, upload
    Column("name", Text, nullable=False),  # printable
    Column("raw_name", LargeBinary),  # the bytes of the name in the inbox
    Column("bytes", BigInteger),
    Column("sha256", String(64)),
    Column("seen_dev", Text),  # text: these may need all 64 bits
    Column("seen_inode", Text),
    Column("seen_size", BigInteger),
    Column("seen_mtime_ns", BigInteger),
    Column("config_hash", String(64)),
    _number("attempt"),  # fences a worker that wakes up late
    _number("crashes"),
    _flag("forced"),
    _flag("dry"),
    _flag("approved"),  # a person has said yes to the plan made at `planned_at`
    Column("planned_at", DOCUMENT),  # entity -> change number the held plan was made against
    Column("parent", BigInteger),
    _number("priority"),
    Column("code", Text),
    Column("message", Text),  # why it was rejected, failed or held
    _number("problems"),
    Column("counts", DOCUMENT),  # entity -> counts
    Column("place", Text),  # where the bytes are now, below var/
    Column("created", Text, nullable=False),
    Column("started", Text),
    Column("finished", Text),
    Column("note", Text),
    Column("actor", Text),
    Column("occurrence", Text),  # of an export: what started it, once for each group
    Column("watermark", BigInteger),  # of an export: the last change in its snapshot
    Column("seq", BigInteger),  # of an export: its number in its group
    Column("draft", Text),  # of an export: the name of its complete draft
    UniqueConstraint("group_name", "occurrence"),
    Index(None, "group_name", "state"),
    Index(None, "group_name", "name", "sha256"),
    Index(None, "state"),
    **_NEVER_REUSED,
)

part = Table(
    "part",
    METADATA,
    _id(),
    Column("run", ROWID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("member", Text, nullable=False),
    Column("descriptor", Text, nullable=False),
    _number("record"),
    Column("entity", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("counts", DOCUMENT),
    _number("problems"),
    UniqueConstraint("run", "n"),
    **_NEVER_REUSED,
)

problem = Table(
    "problem",
    METADATA,
    _id(),
    Column("run", ROWID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("part", BigInteger),
    Column("line", BigInteger),
    Column("col", Text),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("cell", Text),
)

parked = Table(
    "parked",
    METADATA,
    _id(),
    Column("group_name", Text, nullable=False),
    Column("descriptor", Text, nullable=False),
    _number("record"),
    Column("run", BigInteger, nullable=False),  # the run whose row it is
    Column("member", Text, nullable=False),
    Column("line", BigInteger),
    Column("key", Text, nullable=False),  # of its own record: canonical JSON list
    Column("waits_entity", Text, nullable=False),
    Column("waits_key", Text, nullable=False),
    Column("cells", DOCUMENT, nullable=False),  # the converted values, in the descriptor's order
    Column("since", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("sent", BigInteger),  # the run that tries it again now
    Index(None, "waits_entity", "waits_key"),
    Index(None, "descriptor", "record", "key"),
    Index(None, "until"),
    **_NEVER_REUSED,
)
"""Rows that wait for their parent."""

config = Table(
    "config",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", Text, nullable=False),
)

counter = Table(
    "counter",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Row `change` numbers every change of a record; exports of what changed follow it."""

tombstone = Table(
    "tombstone",
    METADATA,
    Column("entity", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # canonical JSON list
    Column("seq", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Index(None, "entity", "seq"),
)

occurrence = Table(
    "occurrence",
    METADATA,
    _id(),
    Column("name", Text, nullable=False),  # export:prices-out, inbox:catalogue, keep:undo
    Column("at", Text, nullable=False),  # the moment its schedule names
    Column("kind", Text, nullable=False),  # timed, manual
    Column("state", Text, nullable=False),  # fired, done, skipped, failed
    Column("reason", Text),
    Column("run", BigInteger),
    Column("made", Text, nullable=False),
    Column("ended", Text),
    Column("actor", Text),
    Column("note", Text),
    UniqueConstraint("name", "at"),
    Index(None, "run"),
    **_NEVER_REUSED,
)
"""What came due; that a name has a moment only once is what makes it happen once."""

timetable = Table(
    "timetable",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("spec", Text, nullable=False),  # the schedule in force; empty for none
    Column("since", Text, nullable=False),
    Column("seen", Text, nullable=False),  # up to where its moments have been dealt with
    Column("paused", Text),
    Column("paused_by", Text),
    Column("paused_note", Text),
)

followup = Table(
    "followup",
    METADATA,
    _id(),
    Column("run", ROWID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("target", Text, nullable=False),  # export:NAME, or a URL without its query
    Column("state", Text, nullable=False),  # waiting, done, failed
    Column("message", Text),
    _number("attempts"),
    Column("result", BigInteger),  # the export run it became
    Column("made", Text, nullable=False),
    Column("ended", Text),
    Index(None, "target", "state"),
    **_NEVER_REUSED,
)
"""What is to be done once a run is applied."""

watermark = Table(
    "watermark",
    METADATA,
    Column("group_name", Text, primary_key=True),
    Column("descriptor", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
)
"""Up to which change the files of a group have told of; moves as one of them is published."""

workers = Table(
    "procrastinate_workers",
    QUEUE,
    _id(),
    Column("last_heartbeat", Text, nullable=False),
    **_NEVER_REUSED,
)

jobs = Table(
    "procrastinate_jobs",
    QUEUE,
    _id(),
    Column("queue_name", Text, nullable=False),
    Column("task_name", Text, nullable=False),
    _number("priority"),
    Column("lock", Text),
    Column("queueing_lock", Text),
    Column("args", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("scheduled_at", Text),
    _number("attempts"),
    _flag("abort_requested"),
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
    **_NEVER_REUSED,
)
"""As Procrastinate's schema has it, without the events nobody here reads."""
