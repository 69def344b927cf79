"""Pure: what was found in the tables and on the disk, as matters in words."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from impexd.core.text import shown
from impexd.model.notify import Expect
from impexd.model.run import State
from impexd.model.schedule import Cron
from impexd.store.notices import Matter

WEEK = timedelta(days=8)


def of_run(row: Mapping[str, Any]) -> Matter:
    """Pure: a run that is held, has failed, or has lost many rows."""
    id, group, name = row["id"], row["group_name"], shown(row["name"], limit=100)
    look = f"impexd show {id}"
    if row["state"] == State.HELD:
        detail = f"{shown(row['message'] or '')}\n{look} --changes; impexd approve {id}, or impexd refuse {id}"
        subject = f"{group}: {name} waits for a person"
        about = f"held:run:{id}"
        return Matter(about, "held", "warning", subject, detail, group, id, lasting=True)
    if row["state"] in (State.FAILED, State.REJECTED):
        what = "could not be exported" if row["kind"] == "export" else "was refused"
        detail = f"{row['code'] or ''}: {shown(row['message'] or '')}\n{look}"
        return Matter(
            f"failed:run:{id}", "failed", "error", f"{group}: {name} {what}", detail, group, id
        )
    count = row["problems"]
    subject = f"{group}: {name} was loaded, {count:,} rows were rejected"
    detail = f"{look}; impexd rejects {id} names the files to be mended and dropped again"
    return Matter(f"rejected:run:{id}", "rejected", "warning", subject, detail, group, id)


def window(expected: Expect, now: datetime) -> tuple[datetime, datetime] | None:
    """Pure: the last moment by which a file must have come, and the one before; None if there is none."""
    moments = list(Cron(expected.cron, expected.zone).between(now - WEEK, now))
    if not moments:
        return None
    return (moments[-2] if len(moments) > 1 else moments[-1] - timedelta(days=1)), moments[-1]


def late(group: str, expected: Expect, by: datetime) -> Matter:
    """Pure: a file that has not come."""
    subject = f"{group}: no file has come by {expected.by} ({expected.zone})"
    detail = "ask the partner; `impexd why NAME` tells of a file that did come"
    about = f"late:{group}:{by:%Y-%m-%dT%H:%M}"
    return Matter(about, "late", "warning", subject, detail, group, lasting=True)


def disk(free: int, reserve: int) -> Matter:
    """Pure: the disk is as good as full."""
    subject = f"only {free >> 20} MiB of disk are free: nothing new is taken"
    detail = (
        f"make room; {reserve >> 20} MiB are kept free (daemon.reserve), work goes on by itself"
    )
    return Matter("disk", "disk", "error", subject, detail, lasting=True)


def inbox(group: str, why: str) -> Matter:
    """Pure: an inbox that cannot be read."""
    subject = f"{group}: its inbox cannot be taken from"
    return Matter(f"inbox:{group}", "inbox", "error", subject, shown(why), group, lasting=True)


def config(mistakes: tuple[str, ...]) -> Matter:
    """Pure: a configuration that was refused."""
    subject = "the new configuration was refused; the old one goes on"
    detail = "\n".join(map(shown, mistakes[:20]))
    return Matter("config", "config", "warning", subject, detail, lasting=True)


def silent(rows: list[Mapping[str, Any]], now: datetime, hours: float) -> Iterator[Matter]:
    """Pure: feeds that have not answered for long."""
    for row in rows:
        last = row["succeeded"] or row["received"]
        heard = datetime.fromisoformat(last) if last else None
        if heard is not None and now - heard > timedelta(hours=hours):
            name = row["name"]
            subject = f"feed {name}: nothing has been heard since {last[:16]}Z"
            detail = shown(row["error"] or "it answers, and says nothing")
            yield Matter(f"silent:{name}", "silent", "warning", subject, detail, name, lasting=True)


def resting(name: str, why: str | None) -> Matter:
    """Pure: a partner who is left alone for a while."""
    subject = f"exporter {name}: its partner does not answer well, and is left alone for a while"
    return Matter(
        f"breaker:{name}", "breaker", "error", subject, shown(why or ""), name, lasting=True
    )


def dead(name: str, count: int) -> Matter:
    """Pure: what was given up; a new matter whenever there is more of it."""
    subject = f"{name}: {count:,} were given up"
    detail = "impexd messages and impexd tasks list them; each can be tried again"
    return Matter(f"dead:{name}:{count}", "dead", "error", subject, detail, None, lasting=True)


def waits(name: str, count: int, newest: int) -> Matter:
    """Pure: tasks that wait for a person; a new matter whenever another one does."""
    subject = f"exporter {name}: {count:,} tasks wait for a person"
    detail = "impexd tasks --state held says why; impexd release TASK --note WHY, or skip it"
    about = f"held:task:{name}:{newest}"
    return Matter(about, "held", "warning", subject, detail, None, lasting=True)


def conflict(name: str, count: int, newest: int) -> Matter:
    """Pure: other things said under ids that are known; a new matter whenever there is more of it."""
    subject = f"feed {name}: {count:,} messages say something else under an id that is known"
    detail = "the first counts; impexd messages --state conflict shows the others: ask the courier"
    about = f"conflict:{name}:{newest}"
    return Matter(about, "conflict", "warning", subject, detail, None, lasting=True)
