"""Notices: what operators ought to know, once for each matter, and to whom each of them goes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.notify import Kind, Severity
from impexd.model.run import State
from impexd.store.schema import notice, notice_post, run
from impexd.store.tables.messages import feed, message
from impexd.store.tables.tasks import task, task_partner

WAITING, SENT, FAILED = "waiting", "sent", "failed"
MOST = 200
"""Matters of one kind that are told of at once."""

_OF, _POST, _RUN = notice.c, notice_post.c, run.c


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that operators ought to know."""

    about: str
    """What tells it from others, also at the next look."""
    kind: Kind
    severity: Severity
    subject: str
    detail: str = ""
    group: str | None = None
    run: int | None = None
    lasting: bool = False
    """It holds for as long as it is found, and is over then; others have happened, once."""


async def put(tx: AsyncConnection, matter: Matter, *, now: datetime) -> int | None:
    """Keep a matter; gives its notice, None if it is known already."""
    known = select(_OF.id).where(_OF.about == matter.about, _OF.ended.is_(None))
    if (await tx.execute(known)).first() is not None:
        return None
    row = {
        "about": matter.about,
        "kind": matter.kind,
        "severity": matter.severity,
        "group_name": matter.group,
        "run": matter.run,
        "subject": matter.subject,
        "detail": matter.detail,
        "at": stamp(now),
    }
    try:
        async with tx.begin_nested():
            made = await tx.execute(insert(notice).values(row).returning(_OF.id))
            return int(made.scalar_one())
    except IntegrityError:  # another daemon was faster
        return None


async def address(tx: AsyncConnection, id: int, to: Sequence[str], *, now: datetime) -> None:
    """Say to whom a notice goes."""
    if to:
        rows = [
            {"notice": id, "recipient": name, "state": WAITING, "made": stamp(now)} for name in to
        ]
        await tx.execute(insert(notice_post), rows)


async def end(
    tx: AsyncConnection, kinds: Collection[str], still: Collection[str], *, now: datetime
) -> None:
    """Say of matters of these kinds that they are over, but for those that hold `still`."""
    query = select(_OF.id, _OF.about).where(_OF.kind.in_(kinds), _OF.ended.is_(None))
    gone = [id for id, about in await tx.execute(query) if about not in still]
    for start in range(0, len(gone), 500):
        some = _OF.id.in_(gone[start : start + 500])
        await tx.execute(update(notice).where(some).values(ended=stamp(now)))


async def open_of(conn: AsyncConnection, kinds: Collection[str]) -> set[str]:
    """Read what matters of these kinds are open."""
    query = select(_OF.about).where(_OF.kind.in_(kinds), _OF.ended.is_(None))
    return {about for (about,) in await conn.execute(query)}


async def listed(
    conn: AsyncConnection, limit: int, before: int | None = None
) -> list[dict[str, Any]]:
    """Read the newest notices, with to how many they went."""
    query = select(notice).order_by(_OF.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_OF.id < before)
    found = [dict(row) for row in (await conn.execute(query)).mappings()]
    posts = select(notice_post).where(_POST.notice.in_([one["id"] for one in found]))
    went: dict[int, dict[str, str]] = {}
    for row in (await conn.execute(posts)).mappings():
        went.setdefault(row["notice"], {})[row["recipient"]] = row["state"]
    return [one | {"to": went.get(one["id"], {})} for one in found]


async def waiting(conn: AsyncConnection, recipient: str) -> list[dict[str, Any]]:
    """Read what waits for a recipient, oldest first."""
    mine = select(notice, _POST.id.label("post"), _POST.made.label("posted")).join(
        notice_post, _POST.notice == _OF.id
    )
    mine = mine.where(_POST.recipient == recipient, _POST.state == WAITING).order_by(_POST.id)
    return [dict(row) for row in (await conn.execute(mine)).mappings()]


async def posted(
    tx: AsyncConnection, posts: Sequence[int], state: str, message: str, *, now: datetime
) -> None:
    """Say what became of some posts; `waiting`: they are tried again."""
    values: dict[str, Any] = {"state": state, "message": message, "attempts": _POST.attempts + 1}
    if state != WAITING:
        values["ended"] = stamp(now)
    for start in range(0, len(posts), 500):
        some = _POST.id.in_(posts[start : start + 500])
        await tx.execute(update(notice_post).where(some, _POST.state == WAITING).values(values))


async def last_sent(conn: AsyncConnection, recipient: str) -> datetime | None:
    """Say when something last went to a recipient."""
    query = select(func.max(_POST.ended)).where(_POST.recipient == recipient, _POST.state == SENT)
    found = (await conn.execute(query)).scalar()
    return datetime.fromisoformat(found) if found else None


async def purge(tx: AsyncConnection, before: datetime) -> int:
    """Remove notices that are older than a moment; gives how many."""
    old = select(_OF.id).where(_OF.at < stamp(before)).limit(1000)
    gone = delete(notice).where(_OF.id.in_(old)).returning(_OF.id)
    return len((await tx.execute(gone)).all())


async def runs(conn: AsyncConnection, since: datetime, rejected: int) -> list[dict[str, Any]]:
    """Read runs that are held, and those that have failed or lost many rows since a moment."""
    columns = (_RUN.id, _RUN.kind, _RUN.group_name, _RUN.state, _RUN.name, _RUN.code, _RUN.message)
    bad = _RUN.state.in_((State.FAILED.value, State.REJECTED.value))
    lossy = _RUN.state.in_((State.APPLIED.value, State.ARCHIVED.value)) & (_RUN.problems > rejected)
    ended = (_RUN.finished >= stamp(since)) & or_(bad, lossy)
    failing = bad & _RUN.finished.is_(None)
    held = _RUN.state == State.HELD.value
    found: list[dict[str, Any]] = []
    for which in (held, failing, ended):
        query = select(*columns, _RUN.problems).where(which).order_by(_RUN.id.desc()).limit(MOST)
        found += [dict(row) for row in (await conn.execute(query)).mappings()]
    return found


async def came(conn: AsyncConnection, group: str, after: datetime) -> bool:
    """Say whether a drop of a group has come since a moment, and was not refused."""
    refused = (State.FAILED.value, State.REJECTED.value, State.VOID.value)
    query = select(_RUN.id).where(
        _RUN.group_name == group, _RUN.created > stamp(after), _RUN.state.not_in(refused)
    )
    return (await conn.execute(query.limit(1))).first() is not None


async def feeds(conn: AsyncConnection) -> list[Mapping[str, Any]]:
    """Read how the feeds are."""
    return [dict(row) for row in (await conn.execute(select(feed))).mappings()]


async def resting(conn: AsyncConnection, now: datetime) -> list[tuple[str, str | None]]:
    """Read the partners to whom nothing is sent for now, and why."""
    query = select(task_partner.c.exporter, task_partner.c.reason)
    query = query.where(task_partner.c.closed_until > stamp(now))
    return [(name, reason) for name, reason in await conn.execute(query)]


async def dead(conn: AsyncConnection) -> dict[str, int]:
    """Count what was given up, by feed and by exporter."""
    letters = select(message.c.source, func.count()).where(message.c.state == "dead")
    found = {
        f"feed {name}": count
        for name, count in await conn.execute(letters.group_by(message.c.source))
    }
    tasks = select(task.c.exporter, func.count()).where(task.c.state.in_(("dead", "failed")))
    for name, count in await conn.execute(tasks.group_by(task.c.exporter)):
        found[f"exporter {name}"] = count
    return found


async def held_tasks(conn: AsyncConnection) -> list[tuple[str, int, int]]:
    """Read the exporters with tasks that wait for a person: (name, how many, the newest)."""
    query = select(task.c.exporter, func.count(), func.max(task.c.id))
    query = query.where(task.c.state == "held").group_by(task.c.exporter)
    return [(name, count, newest) for name, count, newest in await conn.execute(query)]


async def conflicts(conn: AsyncConnection) -> list[tuple[str, int, int]]:
    """Read the feeds that said two things under one id: (name, how many, the newest)."""
    query = select(message.c.source, func.count(), func.max(message.c.id))
    query = query.where(message.c.state == "conflict").group_by(message.c.source)
    return [(name, count, newest) for name, count, newest in await conn.execute(query)]
