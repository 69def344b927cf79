"""
Send what waits for a recipient: all of it in one letter, again until it has gone.

The first notice goes at once; what comes within `digest` seconds after a letter waits for the next one.
What cannot be delivered for three days is given up, and that is said in the journal.
"""

import hashlib
import json
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import http, secret
from impexd.core.clock import Clock
from impexd.core.errors import Unreachable, UsageError
from impexd.core.http import Request, Times
from impexd.core.text import shown
from impexd.model.config import Config
from impexd.model.faults import notify as faults
from impexd.model.notify import Recipient, Relay
from impexd.notices import letter
from impexd.queue.jobs import CALLS, Job, Queue
from impexd.store import notices
from impexd.store.again import again
from impexd.store.engine import Store

TASK = "notify"
GATHER = 3.0
"""Seconds for which the first notices are gathered: what goes wrong does so together."""
GIVE_UP = timedelta(days=3)

log = structlog.get_logger(__name__)


class House(Protocol):
    """What sending needs."""

    store: Store
    queue: Queue
    clock: Clock

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...


async def enqueue(house: House, tx: AsyncConnection, name: str) -> None:
    """Have what waits for a recipient sent, once, when its digest is due."""
    recipient, now = house.config.instance.notify.to.get(name), house.clock.now()
    at, last = now + timedelta(seconds=GATHER), await notices.last_sent(tx, name)
    if recipient is not None and last is not None:
        at = max(at, last + timedelta(seconds=recipient.digest))
    key = f"{TASK}-{name}"
    await house.queue.enqueue(tx, TASK, {"to": name}, lock=key, not_before=at, once=key, lane=CALLS)


async def carry(house: House, job: Job) -> None:
    """Send what waits for a recipient; WorldError if it is to be tried again."""
    name, now = str(job.args["to"]), house.clock.now()
    async with house.store.reading() as conn:
        rows = await notices.waiting(conn, name)
    if not rows:
        return
    recipient = house.config.instance.notify.to.get(name)
    if recipient is None:
        await _told(house, rows, notices.FAILED, "nobody of this name is to be told any more")
        return
    try:
        await deliver(house.config, recipient, rows)
    except Unreachable as error:
        late = [row for row in rows if datetime.fromisoformat(row["posted"]) < now - GIVE_UP]
        await _told(house, late, notices.FAILED, f"given up: {error}")
        left = [row for row in rows if row not in late]
        await _told(house, left, notices.WAITING, str(error))
        if not left:
            return
        raise
    await _told(house, rows, notices.SENT, "sent")
    log.info("notices sent", to=name, count=len(rows))


async def _told(house: House, rows: Sequence[Mapping[str, Any]], state: str, message: str) -> None:
    if rows:
        posts, now = [row["post"] for row in rows], house.clock.now()
        told = shown(message, limit=300)
        await again(
            house.store,
            lambda tx: notices.posted(tx, posts, state, told, now=now),
            clock=house.clock,
        )


async def test(house: House, name: str) -> None:
    """Send a recipient a letter now, apart from all others; UsageError or Unreachable if it cannot be."""
    known = house.config.instance.notify.to
    if name not in known:
        told = ", ".join(known) or "nobody"
        raise UsageError(f"nobody called {shown(name)} is to be told", hint=f"there is: {told}")
    row = {
        "id": 0,
        "kind": "test",
        "severity": "info",
        "group_name": None,
        "run": None,
        "subject": "this is a test",
        "detail": "if you can read this, you will be told of what goes wrong",
        "at": house.clock.now().isoformat(timespec="seconds"),
        "ended": None,
    }
    await deliver(house.config, known[name], [row])


async def deliver(config: Config, to: Recipient, rows: Sequence[Mapping[str, Any]]) -> None:
    """Deliver a letter by all ways a recipient has; Unreachable if one fails."""
    instance, relay = config.instance.instance.name, config.instance.notify.relay
    key = hashlib.sha256(
        json.dumps([row["id"] for row in rows] + [rows[0]["at"]]).encode()
    ).hexdigest()
    if to.mail and relay is not None:
        message = letter.mail(instance, relay, to, rows, key=key[:32])
        await _mail(config, relay, message, to.mail)
    if url := _url(config, to):
        body = json.dumps(letter.document(instance, rows), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key[:32]}
        answer = await http.send(
            Request(url, "POST", headers, body), faults.allowed(to), times=Times(), most=1 << 16
        )
        if not answer.good:
            raise Unreachable(f"the webhook answered {answer.status}", hint="it is tried again")


def _url(config: Config, to: Recipient) -> str:
    if to.webhook_file is None:
        return to.webhook or ""
    text, wrong = secret.fetched(config.etc, file=to.webhook_file)
    if wrong:
        raise Unreachable(f"the URL of the webhook is not to be had: {wrong}")
    return text


async def _mail(config: Config, relay: Relay, message: EmailMessage, to: Sequence[str]) -> None:
    """Give a letter to the relay."""
    import aiosmtplib  # only where mail is sent

    password = None
    if relay.user is not None:
        password, wrong = secret.fetched(
            config.etc, file=relay.password_file, credential=relay.credential
        )
        if wrong:
            raise Unreachable(f"the password of the relay is not to be had: {wrong}")
    context = ssl.create_default_context(cafile=str(config.etc / relay.ca) if relay.ca else None)
    try:
        await aiosmtplib.send(
            message,
            recipients=list(to),
            hostname=relay.host,
            port=relay.port,
            use_tls=relay.security == "tls",
            start_tls=relay.security == "starttls",
            tls_context=None if relay.security == "none" else context,
            username=relay.user,
            password=password,
            timeout=relay.timeout,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        what = shown(f"the relay {relay.host}:{relay.port} did not take it: {error}", limit=300)
        raise Unreachable(what, hint="it is tried again by itself") from error
