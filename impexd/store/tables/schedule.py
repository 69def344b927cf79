"""What came due, what follows a run, up to where exports have told, and what is sent elsewhere."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from impexd.store.tables.base import METADATA, NEVER_REUSED, ROWID, number, numbered

occurrence = Table(
    "occurrence",
    METADATA,
    numbered(),
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
    **NEVER_REUSED,
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
    numbered(),
    Column("run", ROWID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("target", Text, nullable=False),  # export:NAME, or a URL without its query
    Column("state", Text, nullable=False),  # waiting, done, failed
    Column("message", Text),
    number("attempts"),
    Column("result", BigInteger),  # the export run it became
    Column("made", Text, nullable=False),
    Column("ended", Text),
    Index(None, "target", "state"),
    **NEVER_REUSED,
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

sending = Table(
    "sending",
    METADATA,
    Column("run", ROWID, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("group_name", Text, nullable=False),
    Column("target", Text, nullable=False),  # as it is shown
    Column("state", Text, nullable=False),  # waiting, placing, done, failed
    Column("name", Text),  # what the file is, or is about to be, called there
    Column("draft", Text, nullable=False),  # what it is called there until it is complete
    Column("message", Text),
    number("attempts"),
    Column("made", Text, nullable=False),
    Column("ended", Text),
    Index(None, "state"),
)
"""Published files that go to a target elsewhere."""
