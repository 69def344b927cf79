"""Users, sessions, tokens, and the audit of what they did."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from impexd.store.tables.base import DOCUMENT, METADATA, NEVER_REUSED, ROWID, numbered


def _of_person(*, nullable: bool = False, index: bool = False) -> Column[int]:
    mine = ForeignKey("person.id", ondelete="CASCADE")
    return Column("person", ROWID, mine, nullable=nullable, index=index or None)


person = Table(
    "person",
    METADATA,
    numbered(),
    Column("name", Text, nullable=False, unique=True),  # casefolded: one Anna, not two
    Column("password", Text),  # argon2id; NULL until the link of the invitation was used
    Column("role", Text, nullable=False),  # viewer, operator, approver, admin
    Column("groups", DOCUMENT, nullable=False),  # names, or "*"
    Column("shops", DOCUMENT, nullable=False),
    Column("disabled", Text),  # since when
    Column("created", Text, nullable=False),
    Column("seen", Text),  # when they last signed in
    **NEVER_REUSED,
)

invitation = Table(
    "invitation",
    METADATA,
    numbered(),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the secret in the link
    _of_person(nullable=True),  # NULL: the first administrator, whose name is yet to be chosen
    Column("made", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("used", Text),
    **NEVER_REUSED,
)
"""Links that are good once: to set the instance up, or to choose a password."""

session = Table(
    "session",
    METADATA,
    numbered(),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the cookie
    _of_person(index=True),
    Column("made", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("ended", Text),
    **NEVER_REUSED,
)

token = Table(
    "token",
    METADATA,
    numbered(),
    Column("hash", String(64), nullable=False, unique=True),
    _of_person(index=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),  # never more than its person's
    Column("groups", DOCUMENT, nullable=False),
    Column("shops", DOCUMENT, nullable=False),
    Column("made", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("seen", Text),
    Column("ended", Text),
    **NEVER_REUSED,
)
"""What programs sign in with."""

audit = Table(
    "audit",
    METADATA,
    numbered(),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("via", Text, nullable=False),  # session, token, socket, nobody
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),  # POST /api/v1/runs/{id}/approve; sign-in
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # done, denied, failed
    Column("status", Integer, nullable=False),
    Column("note", Text),
    Index(None, "at"),
    Index(None, "who"),
    **NEVER_REUSED,
)
"""Every change that was asked for, and what came of it."""

repeat = Table(
    "repeat",
    METADATA,
    numbered(),
    Column("who", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("asked", String(64), nullable=False),  # SHA-256 of method, path and body
    Column("status", Integer),  # NULL while the first of them is being answered
    Column("answer", Text),
    Column("at", Text, nullable=False),
    UniqueConstraint("who", "key"),
    Index(None, "at"),
    **NEVER_REUSED,
)
"""What was answered to an Idempotency-Key: the same is answered again."""

upload = Table(
    "upload",
    METADATA,
    Column("token", String(32), primary_key=True),
    _of_person(nullable=True),
    Column("who", Text, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("modified", Text, nullable=False),  # as the browser says: tells one file from the next
    Column("parent", BigInteger),  # the run whose rejects these are
    Column("made", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("state", Text, nullable=False),  # coming, whole, taken
    Column("run", BigInteger),
    Index(None, "seen"),
    Index(None, "who", "group_name", "name"),
)
"""Files that come, or have come, from a browser; their bytes are in var/uploads."""
