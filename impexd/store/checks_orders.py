"""What `verify` asks of orders, messages and tasks: the same words on both engines, nothing changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.message import Outcome
from impexd.model.task import TaskState
from impexd.store.schema import messages, tasks

MOST = 20
"""Differences of one kind that are listed."""

_MESSAGES = ", ".join(f"'{state}'" for state in ("new", *Outcome))
_TASKS = ", ".join(f"'{state}'" for state in TaskState)
_JOURNAL = "SELECT MAX(e.id) FROM task_event e WHERE e.task_id = t.id"
_AUDIT = "SELECT MAX(x.id) FROM order_audit x WHERE x.order_id = o.id AND x.delivery_id IS NULL"
_OWN = "SELECT MAX(x.id) FROM order_audit x WHERE x.delivery_id = d.id"

QUERIES: Mapping[str, str] = {
    "message_state": f"SELECT id, source FROM message WHERE state NOT IN ({_MESSAGES})",
    "message_order": (
        "SELECT m.id, m.source FROM message m WHERE m.state = 'applied' AND m.order_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = m.order_id)"
    ),
    # An amendment replaces deliveries, and what was noted of them goes with them.
    "message_trace": (
        "SELECT m.id, m.source FROM message m JOIN orders o ON o.id = m.order_id"
        " WHERE m.state = 'applied'"
        " AND NOT EXISTS (SELECT 1 FROM order_audit a WHERE a.message = m.id)"
        " AND NOT EXISTS"
        " (SELECT 1 FROM order_audit a WHERE a.order_id = o.id AND a.event = 'amended')"
    ),
    "message_ended": (
        "SELECT id, source FROM message WHERE state IN ('applied', 'noted', 'dead')"
        " AND ended IS NULL"
    ),
    "flag_without_tasks": (
        "SELECT f.id, f.flag FROM order_flag f WHERE f.state = 'heard'"
        " AND NOT EXISTS (SELECT 1 FROM task t WHERE t.flag_id = f.id)"
    ),
    "flag_with_tasks": (
        "SELECT f.id, f.flag FROM order_flag f WHERE f.state <> 'heard'"
        " AND EXISTS (SELECT 1 FROM task t WHERE t.flag_id = f.id)"
    ),
    "flag_doubled": (
        "SELECT MAX(f.id), f.flag FROM order_flag f WHERE f.audit_id IS NOT NULL"
        " GROUP BY f.audit_id, f.flag, f.order_id, f.delivery_id HAVING count(*) > 1"
    ),
    "task_state": f"SELECT id, exporter FROM task WHERE state NOT IN ({_TASKS})",
    "task_doubled": (
        "SELECT MAX(t.id), t.exporter FROM task t"
        " GROUP BY t.flag_id, t.about, t.exporter, t.generation HAVING count(*) > 1"
    ),
    # A generation that a person asked for follows the one before it, and has its first line.
    "task_strange": (
        "SELECT t.id, t.exporter FROM task t"
        " WHERE NOT EXISTS (SELECT 1 FROM task_event e WHERE e.task_id = t.id)"
    ),
    "task_gap": (
        "SELECT t.id, t.exporter FROM task t WHERE t.generation > 1 AND NOT EXISTS"
        " (SELECT 1 FROM task b WHERE b.flag_id = t.flag_id AND b.about = t.about"
        " AND b.exporter = t.exporter AND b.generation = t.generation - 1)"
    ),
    "task_journal": (
        f"SELECT t.id, t.exporter FROM task t JOIN task_event a ON a.id = ({_JOURNAL})"
        " WHERE a.to_state <> t.state AND t.state <> 'sending'"
    ),
    "next_flag_gone": (
        "SELECT t.id, t.exporter FROM task t WHERE t.raised IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM order_flag f WHERE f.id = t.raised)"
    ),
    "order_state": (
        f"SELECT o.id, o.number FROM orders o LEFT JOIN order_audit a ON a.id = ({_AUDIT})"
        " WHERE a.to_state IS NULL OR a.to_state <> o.state"
    ),
    "delivery_state": (
        f"SELECT d.id, d.number FROM delivery d LEFT JOIN order_audit a ON a.id = ({_OWN})"
        " WHERE COALESCE(a.to_state, 'new') <> d.state"
    ),
}
"""The word for a difference -> what finds it: an id, and a name to go with it."""


@dataclass(frozen=True, slots=True)
class Odd:
    """One row that does not agree with the others."""

    code: str
    id: int
    name: str


async def odd(conn: AsyncConnection) -> list[Odd]:
    """Read what does not agree; of each kind the first few."""
    found: list[Odd] = []
    for code, query in QUERIES.items():
        rows = await conn.execute(text(f"{query} ORDER BY 1 LIMIT {MOST}"))
        found += [Odd(code, int(row[0]), str(row[1])) for row in rows]
    return found


async def unfollowed(conn: AsyncConnection, config: str, exporter: str) -> list[Odd]:
    """Read tasks done by impexd itself, frozen under a configuration, that raised no next flag."""
    query = (
        "SELECT t.id, t.exporter FROM task t"
        f" JOIN task_event a ON a.id = ({_JOURNAL})"
        " WHERE t.exporter = :exporter AND t.config_hash = :config AND t.state = 'done'"
        " AND a.actor IS NULL AND NOT EXISTS (SELECT 1 FROM task b WHERE b.flag_id = t.flag_id"
        " AND b.about = t.about AND b.exporter = t.exporter AND b.raised IS NOT NULL)"
        f" ORDER BY 1 LIMIT {MOST}"
    )
    rows = await conn.execute(text(query), {"exporter": exporter, "config": config})
    return [Odd("next_flag_missing", int(row[0]), str(row[1])) for row in rows]


async def said(conn: AsyncConnection) -> dict[str, int]:
    """Count messages by state."""
    return await _states(conn, messages.message)


async def told(conn: AsyncConnection) -> dict[str, int]:
    """Count tasks by state."""
    return await _states(conn, tasks.task)


async def spooled(conn: AsyncConnection) -> int:
    """Count what lies in the spool that a connection is of."""
    return int(
        (await conn.execute(select(func.count()).select_from(messages.message))).scalar_one()
    )


async def _states(conn: AsyncConnection, table: Any) -> dict[str, int]:
    query = select(table.c.state, func.count()).group_by(table.c.state)
    return {row[0]: row[1] for row in await conn.execute(query)}
