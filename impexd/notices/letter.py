"""Pure: notices as a letter to people, and as JSON to programs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any

from impexd.core.text import shown
from impexd.model.notify import Recipient, Relay

LISTED = 50
"""Notices that are written out in one letter."""

Rows = Sequence[Mapping[str, Any]]


def subject(instance: str, rows: Rows) -> str:
    """Pure: what it is about, in a line."""
    if len(rows) == 1:
        return shown(f"[{instance}] {rows[0]['subject']}", limit=180)
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(r["kind"] for r in rows).items())
    return f"[{instance}] {len(rows)} notices: {kinds}"


def text(rows: Rows) -> str:
    """Pure: all of it, plain."""
    parts = []
    for row in rows[:LISTED]:
        detail = "".join(f"    {shown(line, limit=300)}\n" for line in row["detail"].splitlines())
        over = f" (over since {row['ended'][:16]}Z)" if row["ended"] else ""
        parts.append(
            f"{row['at'][:16]}Z  {row['severity']}  {shown(row['subject'], limit=200)}{over}\n{detail}"
        )
    if len(rows) > LISTED:
        parts.append(f"... and {len(rows) - LISTED} more: impexd notices lists them\n")
    return "\n".join(parts)


def mail(instance: str, relay: Relay, to: Recipient, rows: Rows, *, key: str) -> EmailMessage:
    """Pure: the letter; the same notices make the same Message-ID."""
    message = EmailMessage()
    message["From"] = relay.sender
    message["To"] = ", ".join(to.mail)
    message["Subject"] = subject(instance, rows)
    message["Message-ID"] = f"<{key}@{relay.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(rows))
    return message


def document(instance: str, rows: Rows) -> dict[str, Any]:
    """Pure: the same for programs; `text` is what chats show."""
    return {
        "instance": instance,
        "text": f"{subject(instance, rows)}\n{text(rows[:10])}",
        "notices": [
            {
                "id": row["id"],
                "kind": row["kind"],
                "severity": row["severity"],
                "group": row["group_name"],
                "run": row["run"],
                "subject": row["subject"],
                "detail": row["detail"],
                "at": row["at"],
                "over": row["ended"],
            }
            for row in rows[:LISTED]
        ],
        "count": len(rows),
    }
