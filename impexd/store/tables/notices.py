"""What was told to operators, the log of each run, and which configuration was in force when."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, text

from impexd.store.tables.base import DOCUMENT, METADATA, NEVER_REUSED, ROWID, number, numbered
from impexd.store.tables.journal import run

_OPEN = text("ended IS NULL")

notice = Table(
    "notice",
    METADATA,
    numbered(),
    Column("about", Text, nullable=False),  # held:run:12, disk: what it is about, for machines
    Column("kind", Text, nullable=False),  # held, failed, rejected, late, silent, ...
    Column("severity", Text, nullable=False),  # info, warning, error
    Column("group_name", Text),
    Column("run", BigInteger),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("ended", Text),  # when what it is about was over
    Index("uq_notice_about", "about", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "at"),
    **NEVER_REUSED,
)
"""What operators ought to know; that a matter is open only once is what makes it told once."""

notice_post = Table(
    "notice_post",
    METADATA,
    numbered(),
    Column(
        "notice", ROWID, ForeignKey("notice.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("recipient", Text, nullable=False),  # the name of a table [notify.NAME]
    Column("state", Text, nullable=False),  # waiting, sent, failed
    Column("message", Text),
    number("attempts"),
    Column("made", Text, nullable=False),
    Column("ended", Text),
    Index(None, "recipient", "state"),
    **NEVER_REUSED,
)
"""To whom a notice goes, and whether it has gone."""

run_log = Table(
    "run_log",
    METADATA,
    numbered(),
    Column("run", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("body", DOCUMENT),
    Index(None, "run", "id"),
    Index(None, "at"),
    **NEVER_REUSED,
)
"""What was logged about a run; read on from an id."""

config_log = Table(
    "config_log",
    METADATA,
    numbered(),
    Column("at", Text, nullable=False),
    Column("hash", String(64)),  # of the configuration that is in force since then
    Column("how", Text, nullable=False),  # start, reload
    Column("outcome", Text, nullable=False),  # taken, refused
    Column("mistakes", DOCUMENT),  # why it was refused
    Index(None, "at"),
    **NEVER_REUSED,
)
"""Every change of the configuration, and every one that was refused."""

by_end = Index("ix_run_finished", run.c.finished)
"""What has ended since a moment, asked for by metrics and notices."""
