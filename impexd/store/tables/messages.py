"""What feeds said, kept as it came, and how far each feed has been heard."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint, text

from impexd.store.tables.base import DOCUMENT, METADATA, NEVER_REUSED, number, numbered

_FIRST = text("state <> 'conflict'")

message = Table(
    "message",
    METADATA,
    numbered(),
    Column("source", Text, nullable=False),  # the feed
    Column("message_id", Text, nullable=False),  # the feed's own id of it
    Column("digest", Text, nullable=False),  # of the body: tells a repeat from a change
    Column("body", Text, nullable=False),  # JSON, as it came
    Column("received", Text, nullable=False),
    Column("via", Text, nullable=False),  # rest, webhook, folder
    Column("run", BigInteger),  # folder: the import that brought it
    Column("line", BigInteger),  # and the line of its file
    # What was understood of it when it was last tried.
    Column("said_at", Text),
    Column("about", Text),  # the order's number
    Column("delivery", Text),  # the delivery's number
    Column("status", Text),  # the courier's own word
    Column("said", Text),  # what the map makes of that
    # What became of it.
    Column("state", Text, nullable=False),  # new, parked, applied, noted, conflict, dead
    Column("reason", Text),
    Column("problems", DOCUMENT),  # what of it matched nothing
    Column("order_id", BigInteger),
    number("attempts"),
    Column("next_at", Text),  # when a parked one is tried again
    Column("until", Text),  # and up to when
    Column("ended", Text),
    Column("actor", Text),  # who had it tried again
    Column("note", Text),
    UniqueConstraint("source", "message_id", "digest"),
    Index(
        "uq_message_first",
        "source",
        "message_id",
        unique=True,
        sqlite_where=_FIRST,
        postgresql_where=_FIRST,
    ),
    Index(None, "state", "id"),
    Index(None, "source", "state", "id"),
    Index(None, "state", "next_at"),
    Index(None, "state", "about"),
    Index(None, "state", "delivery"),
    Index(None, "order_id"),
    Index(None, "ended"),
    **NEVER_REUSED,
)
"""A message is there once; another body under its id is kept beside it, as a conflict."""

feed = Table(
    "feed",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("cursor", Text),  # up to where it has been heard
    Column("etag", Text),
    Column("polled", Text),  # when it was last asked
    Column("succeeded", Text),  # when it last answered well
    Column("received", Text),  # when something new last came
    Column("error", Text),  # what went wrong, if that was later than the success
    Column("failed", Text),
    number("failures"),  # in a row
    Column("until", Text),  # it is left alone until then
    Column(
        "told", Text
    ),  # what a person ought to know: pages that do not end, a cursor that stands
)
"""How each feed is."""
