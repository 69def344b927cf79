"""
What becomes of a task, and of its partner: pure.

`before` says what is to be done with a task that is due, `after` what an attempt means for it, and
`standing` what it means for the partner.  Moments and chance are handed in.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from impexd.core.backoff import Backoff
from impexd.core.clock import stamp
from impexd.model.exporter import Breaker, Exporter, OnUnknown, span
from impexd.model.standing import Standing
from impexd.model.task import Task, TaskState
from impexd.model.telling import Done, Doubtful, NotTaken, Outcome, Refused, Unknown

LONGEST_WAIT = 3600.0
"""The longest that a partner may ask us to wait, in seconds."""
_STARTED = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Step:
    """Where a task goes."""

    state: TaskState
    reason: str | None = None
    due: datetime | None = None
    """When it goes on, if by itself."""
    maybe: bool = False
    """May it have reached the partner?"""
    ref: str | None = None


def before(
    task: Task, exporter: Exporter, on_unknown: OnUnknown, *, now: datetime
) -> Literal["send", "ask"] | Step:
    """Pure: what is to be done with a task that is due."""
    if not task.maybe:
        return "send"
    told = task.reason or "nobody knows whether it arrived"
    if task.state is TaskState.UNKNOWN and on_unknown is OnUnknown.HOLD:
        return Step(TaskState.HELD, told, maybe=True)
    first = _moment(max(task.first_sent or _STARTED, task.since))
    if now - first > span(exporter.key_kept):
        forgotten = f"the partner may have forgotten the key ({exporter.key_kept}): {told}"
        return Step(TaskState.HELD, forgotten, maybe=True)
    if task.state is TaskState.UNKNOWN and on_unknown is OnUnknown.ASK:
        return "ask"
    return "send"


def after(
    outcome: Outcome,
    task: Task,
    exporter: Exporter,
    on_unknown: OnUnknown,
    *,
    now: datetime,
    chance: float,
) -> Step:
    """Pure: what an attempt means for its task."""
    match outcome:
        case Done(ref=ref):
            return Step(TaskState.DONE, ref=ref)
        case Refused(reason=reason):
            return Step(TaskState.FAILED, reason, maybe=task.maybe)
        case Doubtful(reason=reason):
            return Step(TaskState.HELD, reason, maybe=True)
        case NotTaken(reason=reason, after=wait):
            return _again(TaskState.RETRY, reason, wait, task, exporter, now, chance)
        case Unknown(reason=reason):
            if on_unknown is OnUnknown.HOLD:
                return Step(TaskState.HELD, f"it may have arrived: {reason}", maybe=True)
            maybe = replace(task, maybe=True)
            return _again(TaskState.UNKNOWN, reason, None, maybe, exporter, now, chance)


def _again(
    state: TaskState,
    reason: str,
    wait: float | None,
    task: Task,
    exporter: Exporter,
    now: datetime,
    chance: float,
) -> Step:
    """Pure: later, unless it has taken too long."""
    if now - _moment(task.since) > span(exporter.max_age):
        told = f"not done within {exporter.max_age}: {reason}"
        # What may have arrived is no dead letter: somebody has to look.
        return Step(TaskState.HELD if task.maybe else TaskState.FAILED, told, maybe=task.maybe)
    delay = _backoff(exporter).delay(task.attempts, chance=chance)
    delay = max(delay, min(wait or 0.0, LONGEST_WAIT))
    return Step(state, reason, due=now + timedelta(seconds=delay), maybe=task.maybe)


def _backoff(exporter: Exporter) -> Backoff:
    retry = exporter.retry
    return Backoff(span(retry.first).total_seconds(), span(retry.most).total_seconds())


def standing(
    was: Standing, outcome: Outcome, breaker: Breaker, *, now: datetime, chance: float
) -> Standing:
    """Pure: what an attempt means for the partner: too many failures in a row give it a rest."""
    match outcome:
        case NotTaken(reason=reason, after=wait, partner=True) if wait:
            # It said when; that is no failure, and asks for more patience than ours.
            until = stamp(now + timedelta(seconds=min(wait, LONGEST_WAIT)))
            return replace(was, closed_until=max(until, was.closed_until or ""), reason=reason)
        case NotTaken(reason=reason) | Unknown(reason=reason):
            failures = was.failures + 1
            since = was.since or stamp(now)
            if failures < breaker.failures and not was.trips:
                return replace(was, failures=failures, reason=reason, since=since)
            pause = Backoff(span(breaker.pause).total_seconds(), span(breaker.most).total_seconds())
            rest = timedelta(seconds=pause.delay(was.trips + 1, chance=chance))
            if was.closed(stamp(now)):
                # Others were on their way when it was closed; they do not count again.
                return replace(was, failures=failures, reason=reason, since=since)
            return Standing(failures, was.trips + 1, stamp(now + rest), reason, since)
        case _:
            return Standing()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
