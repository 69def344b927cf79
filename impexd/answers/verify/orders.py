"""
What was heard and what is told, held against the orders and against itself.

Messages: received = applied + noted + parked + conflict + dead + waiting, and what was applied has left
its line in the audit.  Tasks: each flag has them, each has its journal, what is done has raised what
follows.  An order stands where the last line of its audit says.
"""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.answers.verify.difference import Difference
from impexd.core.text import shown
from impexd.model.config import Config
from impexd.model.message import Outcome
from impexd.model.task import TaskState
from impexd.store import checks_orders as checks
from impexd.store.checks_orders import Odd

_BACKUP = "somebody has changed the tables by hand; restore them from a backup"
_REPLAY = "look at the order, then `impexd messages replay` has the message heard again"

WORDS: Mapping[str, tuple[str, str]] = {
    "message_state": ("message {id} of feed {name} is in no known state", _BACKUP),
    "message_order": ("message {id} of feed {name} was applied to an order that is gone", _BACKUP),
    "message_trace": ("message {id} of feed {name} was applied, and the audit lacks it", _BACKUP),
    "message_ended": ("message {id} of feed {name} is over, and nobody knows since when", _BACKUP),
    "flag_without_tasks": (
        "flag {id} ({name}) was heard, and has no task",
        f"partners may not have been told: look at the order; {_BACKUP}",
    ),
    "flag_with_tasks": (
        "flag {id} ({name}) has tasks, and is not marked as heard",
        f"its tasks may be made again; {_BACKUP}",
    ),
    "flag_doubled": (
        "flag {id} ({name}) was raised twice by one event",
        f"partners may be told twice: `impexd tasks` shows its tasks; {_BACKUP}",
    ),
    "task_state": ("task {id} of exporter {name} is in no known state", _BACKUP),
    "task_doubled": (
        "task {id} of exporter {name} is there twice",
        "skip one of them before it is sent: impexd tasks",
    ),
    "task_strange": (
        "task {id} of exporter {name} has no journal: impexd has not made it",
        "skip it before it is sent, if nobody knows it: impexd tasks",
    ),
    "task_gap": ("task {id} of exporter {name}: the one it repeats is gone", _BACKUP),
    "task_journal": (
        "task {id} of exporter {name} is not where its journal says",
        f"ask the partner what has arrived; {_BACKUP}",
    ),
    "next_flag_gone": ("task {id} of exporter {name} is done, and its next flag is gone", _BACKUP),
    "next_flag_missing": (
        "task {id} of exporter {name} is done, and has not raised its next flag",
        f"who comes next was not told; {_BACKUP}",
    ),
    "order_state": ("order {name} is not where its audit says", _BACKUP),
    "delivery_state": ("delivery {name} is not where its audit says", _BACKUP),
}
"""A word for programs -> what is wrong, and what to do."""


async def differences(conn: AsyncConnection, config: Config) -> list[Difference]:
    """Look at orders, messages and tasks."""
    found = await checks.odd(conn)
    for name, exporter in config.exporters.items():
        if exporter.next is not None:
            found += await checks.unfollowed(conn, config.hash, name)
    return [_told(one) for one in found]


def _told(one: Odd) -> Difference:
    what, hint = WORDS[one.code]
    return Difference(one.code, what.format(id=one.id, name=shown(one.name, limit=80)), hint)


async def messages(conn: AsyncConnection, spooled: int) -> dict[str, int]:
    """Count messages; those in the spool are received, and wait."""
    found = await checks.said(conn)
    sums = {state.value: found.pop(state.value, 0) for state in Outcome}
    sums["waiting"] = found.pop("new", 0) + spooled
    return _sums(sums, found)


async def tasks(conn: AsyncConnection) -> dict[str, int]:
    """Count tasks."""
    found = await checks.told(conn)
    return _sums({state.value: found.pop(state.value, 0) for state in TaskState}, found)


def _sums(sums: dict[str, int], others: Mapping[str, int]) -> dict[str, int]:
    """Pure: what was received, what became of it, and what nobody knows."""
    unknown = {"in no known state": sum(others.values())} if others else {}
    return {"received": sum(sums.values()) + sum(others.values())} | sums | unknown
