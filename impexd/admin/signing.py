"""
Signing in: from name and password to a session, from a cookie or a token back to `Who`.

A session is written to the database, but nobody waits for that longer than `PATIENCE`: on SQLite
an import that is being applied may hold the only pen for a while (promise W7).  Until it is written
a session is known here.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import structlog
from anyio.abc import TaskGroup
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.admin import passwords, whose
from impexd.admin.throttle import Gate
from impexd.core.clock import Clock, stamp
from impexd.core.errors import ImpexError
from impexd.core.text import shown
from impexd.model.instance import Admin
from impexd.model.people import Who
from impexd.store import audit, people, sessions
from impexd.store.again import again
from impexd.store.audit import Entry
from impexd.store.engine import Store
from impexd.store.people import Person
from impexd.store.sessions import Session

PATIENCE = 0.5
"""Seconds that a sign-in waits for the database's pen."""
TOKEN = "impexd_"  # noqa: S105 (how a token begins, so that scanners for secrets know it)

log = structlog.get_logger(__name__)

Work = Callable[[AsyncConnection], Awaitable[None]]


class Wrong(ImpexError):
    """Name and password do not belong together."""


def hashed(secret: str) -> str:
    """Pure: what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf(secret: str) -> str:
    """Pure: the token that forms of a session carry; it tells nothing about the session's secret."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()[:40]


@dataclass(slots=True)
class Signing:
    """Who is signed in at this instance."""

    store: Store
    clock: Clock
    rules: Admin
    tasks: TaskGroup
    """Where what is written later is written."""
    gate: Gate = field(init=False)
    stopping: anyio.Event = field(default_factory=anyio.Event)
    """Set when the pages close: what is being told live ends with it."""
    _early: dict[str, Session] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)
    _seen: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the gate."""
        self.gate = Gate(self.clock)

    async def sign_in(self, name: str, password: str, *, address: str, agent: str) -> str:
        """Give the secret of a new session; raises `Wrong` or `TooMany`."""
        async with self.gate.trying(people.folded(name), address) as one:
            async with self.store.reading() as tx:
                person = await people.named(tx, name)
            able = person is not None and not person.disabled
            right = await passwords.right(password, person.password if person and able else None)
            one.good = right
        who = shown(name, limit=64)
        if person is None or not right:
            await self.note(who, address, "sign-in", outcome="denied", status=401)
            raise Wrong(hint="an administrator can send you a new link")
        await self.note(person.name, address, "sign-in", outcome="done", status=200)
        return await self.begin(person, address=address, agent=agent)

    async def begin(self, person: Person, *, address: str, agent: str) -> str:
        """Begin a session; gives its secret."""
        secret = secrets.token_urlsafe(32)
        key, now = hashed(secret), stamp(self.clock.now())
        self._early[key] = Session(0, person, now, now)

        async def work(tx: AsyncConnection) -> None:
            await sessions.begin(
                tx,
                key,
                person=person.id,
                now=now,
                address=shown(address, limit=64),
                agent=shown(agent),
            )
            await people.change(tx, person.id, seen=now)

        await self._soon(work, lambda: self._early.pop(key, None))
        return secret

    async def who(self, secret: str, address: str) -> Who | None:
        """Say whose session this is; None if it is none, or ran out."""
        key = hashed(secret)
        found = await self._found(key)
        if found is None:
            return None
        await self._saw(key, found)
        return whose.of_session(found, address)

    async def lives(self, who: Who, *, secret: str = "", token: str = "") -> bool:
        """Is a session or token good still, for the same rights?  Asking is no use of it."""
        if token:
            found = await self.bearer(token, who.address)
        else:
            session = await self._found(hashed(secret))
            found = whose.of_session(session, who.address) if session else None
        return found is not None and whose.rights(found) == whose.rights(who)

    async def _found(self, key: str) -> Session | None:
        if key in self._ended:
            return None
        found = self._early.get(key)
        if found is None:
            async with self.store.reading() as tx:
                found = await sessions.find(tx, key)
        return found if found is not None and self._alive(found, key) else None

    def _alive(self, found: Session, key: str) -> bool:
        now = self.clock.now()
        seen = self._seen.get(key, datetime.fromisoformat(found.seen))
        idle = timedelta(minutes=self.rules.idle)
        longest = timedelta(hours=self.rules.longest)
        return now - seen < idle and now - datetime.fromisoformat(found.made) < longest

    async def _saw(self, key: str, found: Session) -> None:
        """Remember that a session is used; in the database once a minute."""
        now = self.clock.now()
        self._seen[key] = now
        if found.id and now - datetime.fromisoformat(found.seen) > timedelta(minutes=1):
            at = stamp(now)
            await self._soon(lambda tx: sessions.saw(tx, "session", found.id, now=at), wait=0)
        if len(self._seen) > 10_000:
            self._seen.pop(next(iter(self._seen)))

    async def bearer(self, secret: str, address: str) -> Who | None:
        """Say whose token this is; None if it is none, or ran out."""
        async with self.store.reading() as tx:
            found = await sessions.find_token(tx, hashed(secret))
        now = stamp(self.clock.now())
        if found is None or found.until <= now:
            return None
        if (found.seen or "")[:16] != now[:16]:
            await self._soon(lambda tx: sessions.saw(tx, "token", found.id, now=now), wait=0)
        return whose.of_token(found, address)

    async def sign_out(self, secret: str, who: Who) -> None:
        """End a session at once."""
        key, now = hashed(secret), stamp(self.clock.now())
        self._ended.add(key)

        async def work(tx: AsyncConnection) -> None:
            found = await sessions.find(tx, key)
            if found is not None:
                await sessions.end(tx, "session", found.id, now=now)

        await self._soon(work)
        await self.note(who.name, who.address, "sign-out", outcome="done", status=200)

    async def note(
        self, who: str, address: str, action: str, *, outcome: str, status: int, target: str = ""
    ) -> None:
        """Write a line of the audit, soon."""
        at = stamp(self.clock.now())
        line = Entry(at, who, "page", address, action, target, outcome, status)
        log.info("signing", who=who, address=address, action=action, outcome=outcome)
        await self._soon(lambda tx: audit.write(tx, line), wait=0)

    async def _soon(
        self, work: Work, done: Callable[[], object] = lambda: None, *, wait: float = PATIENCE
    ) -> None:
        """Have something written; wait for it, but not for long."""
        written = anyio.Event()

        async def write() -> None:
            try:
                await again(self.store, work, clock=self.clock)
            except ImpexError as error:
                log.error("not written", what="sign-in", why=str(error))
            done()
            written.set()

        self.tasks.start_soon(write)
        if wait:
            with anyio.move_on_after(wait):
                await written.wait()
