"""The journal: runs, their parts and problems, and what changed in the tables."""

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

run = Table(
    "run",
    METADATA,
    numbered(),
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
    number("attempt"),  # fences a worker that wakes up late
    number("crashes"),
    flag("forced"),
    flag("dry"),
    flag("approved"),  # a person has said yes to the plan made at `planned_at`
    Column("planned_at", DOCUMENT),  # entity -> change number the held plan was made against
    Column("parent", BigInteger),
    number("priority"),
    Column("code", Text),
    Column("message", Text),  # why it was rejected, failed or held
    number("problems"),
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
    Column("node", BigInteger, nullable=False, server_default=text("1")),  # which has its bytes
    UniqueConstraint("group_name", "occurrence"),
    Index(None, "group_name", "state"),
    Index(None, "group_name", "id"),
    Index(None, "group_name", "name", "sha256"),
    Index(None, "parent"),
    Index(None, "state"),
    **NEVER_REUSED,
)

node = Table(
    "impexd_node",
    METADATA,
    numbered(),
    Column("token", String(32), unique=True),  # as its state folder says; NULL: nobody's yet
    Column("host", Text),
    Column("folder", Text),
    Column("seen", Text),
    Column("stopped", Text),  # NULL: it has not said that it would
    Column("retired", Text),
    **NEVER_REUSED,
)

part = Table(
    "part",
    METADATA,
    numbered(),
    Column("run", ROWID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("member", Text, nullable=False),
    Column("descriptor", Text, nullable=False),
    number("record"),
    Column("entity", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("counts", DOCUMENT),
    number("problems"),
    UniqueConstraint("run", "n"),
    **NEVER_REUSED,
)

problem = Table(
    "problem",
    METADATA,
    numbered(),
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
    numbered(),
    Column("group_name", Text, nullable=False),
    Column("descriptor", Text, nullable=False),
    number("record"),
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
    **NEVER_REUSED,
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
