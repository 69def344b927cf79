"""
What became of an order, in words: where it is, what couriers said in vain, who was told and who was not, and why.

Takes the number of an order; gives one JSON object.  Only reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.model.exporter import Exporter
from impexd.model.message import Outcome
from impexd.model.order import Order
from impexd.model.task import FlagRow, Task, TaskState
from impexd.orders.chain.bench import Bench
from impexd.store import messages, order_flags, order_index, orders, partners, task_lists, tasks
from impexd.store.order_flags import OPEN

STUCK = (Outcome.PARKED.value, Outcome.DEAD.value)
"""Messages that have not done what they say."""
MANY = 20
"""Messages that are told of."""


async def order(bench: Bench, number: str) -> dict[str, Any]:
    """Tell of one order; UsageError if there is none."""
    found = await known(bench, number)
    if found is None:
        what = f"there is no order {shown(number)}"
        raise UsageError(what, hint="`impexd orders` lists them")
    return found


async def known(bench: Bench, number: str) -> dict[str, Any] | None:
    """Tell of one order; None if there is none."""
    async with bench.store.reading() as tx:
        found = (await order_index.numbered(tx, [number])).get(number)
        one = None if found is None else await orders.one(tx, found[0], lock=False)
        if one is None:
            return None
        flags = await order_flags.flags_of(tx, one.id)
        made = await task_lists.of_order(tx, one.id)
        passed = await tasks.passed_over(tx, [flag.id for flag in flags])
        journal = await task_lists.events(tx, [task.id for task in made])
        standings = await partners.every(tx)
        waiting = await messages.listed(tx, states=STUCK, order=one.id, limit=MANY)
    names = {delivery.id: delivery.number for delivery in one.deliveries}
    rests = {name: s.closed_until for name, s in standings.items() if s.closed_until}
    return {
        "order": one.number,
        "shop": one.shop,
        "state": one.state.value,
        "deliveries": [
            {"number": part.number, "state": part.state.value, "reason": part.reason}
            for part in one.deliveries
        ],
        "messages": [
            {
                name: message[name]
                for name in ("id", "source", "state", "status", "reason", "next_at")
            }
            for message in waiting
        ],
        "flags": [
            _flag(flag, names, made, passed, journal, bench.config.exporters, rests)
            for flag in flags
        ],
        "not_called": [
            {"exporter": name, "reason": reason}
            for name, reason in uncalled(one, flags, made, bench.config.exporters)
        ],
    }


def _flag(
    flag: FlagRow,
    names: Mapping[int, str],
    made: Sequence[Task],
    passed: Sequence[Mapping[str, Any]],
    journal: Mapping[int, Sequence[Mapping[str, Any]]],
    exporters: Mapping[str, Exporter],
    rests: Mapping[str, str],
) -> dict[str, Any]:
    own = [task for task in made if task.flag_id == flag.id]
    return {
        "flag": flag.flag,
        "delivery": names.get(flag.delivery_id or 0),
        "raised": flag.raised,
        "state": flag.state,
        "reason": "not looked at yet" if flag.state == OPEN else flag.reason,
        "tasks": [
            told(task, names.get(task.about))
            | {"waits": waits(task, made, exporters, rests), "journal": journal.get(task.id, [])}
            for task in own
        ],
        "passed_over": [
            {
                "exporter": row["exporter"],
                "delivery": names.get(row["about"]),
                "reason": row["reason"],
            }
            for row in passed
            if row["flag_id"] == flag.id
        ],
    }


def told(task: Task, delivery: str | None) -> dict[str, Any]:
    """Pure: a task, for programs."""
    return {
        "id": task.id,
        "exporter": task.exporter,
        "flag": task.flag,
        "delivery": delivery,
        "state": task.state.value,
        "reason": task.reason,
        "key": task.key,
        "generation": task.generation,
        "attempts": task.attempts,
        "maybe": task.maybe,
        "due": task.due if task.state in (TaskState.RETRY, TaskState.UNKNOWN) else None,
        "made": task.made,
        "first_sent": task.first_sent,
        "last_sent": task.last_sent,
        "ended": task.ended,
        "ref": task.ref,
    }


def waits(
    task: Task,
    made: Sequence[Task],
    exporters: Mapping[str, Exporter],
    rests: Mapping[str, str],
) -> str | None:
    """Pure: what a task that is not over waits for, in words; None if it is over."""
    if task.state in (TaskState.DONE, TaskState.SUPERSEDED, TaskState.SKIPPED):
        return None
    if task.state is TaskState.HELD:
        return f"a person: `impexd release {task.id} --note ...`, or `impexd skip {task.id}`"
    if task.state is TaskState.FAILED:
        return f"a person: `impexd release {task.id}` tries again, `impexd skip {task.id}` gives up"
    exporter = exporters.get(task.exporter)
    if exporter is None or not exporter.enabled:
        return "its exporter, which is not configured any more, or not enabled"
    over = (TaskState.DONE, TaskState.SUPERSEDED, TaskState.SKIPPED)
    earlier = [
        one.id
        for one in made
        if one.exporter == task.exporter and one.id < task.id and one.state not in over
    ]
    if exporter.ordered and earlier:
        return f"task {earlier[0]}, which comes before it"
    if task.state is TaskState.SENDING:
        return "the partner's answer"
    if rest := rests.get(task.exporter):
        return f"the partner, which is left alone until {rest}"
    return f"its next attempt, at {task.due}"


def uncalled(
    order: Order, flags: Sequence[FlagRow], made: Sequence[Task], exporters: Mapping[str, Exporter]
) -> Iterator[tuple[str, str]]:
    """Pure: each exporter that has no task of this order, and why."""
    called = {task.exporter for task in made}
    raised = {flag.flag for flag in flags}
    for name, exporter in sorted(exporters.items()):
        if name in called:
            continue
        if not exporter.enabled:
            yield name, "it is not enabled"
        elif heard := sorted(raised & set(exporter.flags)):
            yield (
                name,
                f"it listens to {', '.join(heard)}, and was passed over or not looked for yet",
            )
        else:
            reasons = [_unraised(flag, made, exporters) for flag in exporter.flags]
            yield name, "; ".join(reasons)


def _unraised(flag: str, made: Sequence[Task], exporters: Mapping[str, Exporter]) -> str:
    """Pure: why a flag has not been raised."""
    raisers = [name for name, one in exporters.items() if one.next == flag]
    if not raisers:
        return f"{flag} has not been raised"
    for task in made:
        if task.exporter in raisers:
            why = f": {task.reason}" if task.reason else ""
            return f"{flag} is raised by {task.exporter}, whose task {task.id} is {task.state}{why}"
    return f"{flag} is raised by {', '.join(raisers)}, which was not called either"
