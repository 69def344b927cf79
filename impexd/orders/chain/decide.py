"""
What people do about tasks: hold, release, skip, send anew; and flags that they raise.

Each is one transaction, journalled with who and why.  `UsageError` says why something cannot be
done to a task as it stands.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.model.exporter import OnUnknown
from impexd.model.order import Order
from impexd.model.task import GOING, OVER, Task, TaskState
from impexd.orders.chain import following
from impexd.orders.chain.bench import Bench, manual, on_unknown
from impexd.orders.chain.fate import Step
from impexd.orders.chain.following import Move
from impexd.orders.chain.hearing import SUPERSEDES
from impexd.store import order_flags, order_index, orders, tasks

NOTE = "say why: it is kept with the task"


async def hold(bench: Bench, id: int, *, actor: str | None, note: str | None) -> Task:
    """Have a task wait for a person."""
    async with bench.store.writing() as tx:
        task = await _found(tx, id, note, (TaskState.READY, TaskState.RETRY, TaskState.UNKNOWN))
        step = Step(TaskState.HELD, f"held by {actor or 'a person'}")
        await _moved(bench, tx, task, step, actor, note)
        return await _again(tx, id)


async def release(
    bench: Bench, id: int, *, actor: str | None, note: str | None, arrived: bool = False
) -> Task:
    """
    Let a held task, or a dead letter, go on: it is sent, with the key and the bytes it has.

    A hold is done by it, and raises what follows.  `arrived`: the partner has it, as this person
    knows; it is done without being sent again.
    """
    now = stamp(bench.clock.now())
    async with bench.store.writing() as tx:
        task = await _found(tx, id, note, (TaskState.HELD, TaskState.FAILED))
        overtaken = await _overtaken(tx, task, now)
        if not overtaken:
            exporter = bench.config.exporters.get(task.exporter)
            by_hand = exporter is not None and exporter.type in manual()
            # Sent again whatever `on_unknown` says: this person has looked, unless the partner can say.
            asks = exporter is not None and on_unknown(exporter) is OnUnknown.ASK
            step = Step(TaskState.UNKNOWN if task.maybe and asks else TaskState.READY)
            if arrived or by_hand:
                step = Step(TaskState.DONE, "released" if by_hand else "a person knows it arrived")
            await _moved(bench, tx, task, step, actor, note, afresh=True)
        task = await _again(tx, id)
    if overtaken:
        raise UsageError(f"task {id} is not released: {task.reason}", hint="it stays unsent")
    return task


async def skip(
    bench: Bench, id: int, *, actor: str | None, note: str | None, go_on: bool = False
) -> Task:
    """Never send a task; nothing follows from it, unless (`go_on`) the chain is to go on without it."""
    async with bench.store.writing() as tx:
        task = await _found(tx, id, note, (*GOING, TaskState.HELD, TaskState.FAILED))
        step = Step(TaskState.SKIPPED, f"skipped by {actor or 'a person'}")
        await _moved(bench, tx, task, step, actor, note, follow=go_on)
        return await _again(tx, id)


async def resend(bench: Bench, id: int, *, actor: str | None, note: str | None) -> Task:
    """
    Tell a partner anew: another generation of the task, with a key and a body of its own.

    For the partner it is another event.  Gives the new task.
    """
    now = stamp(bench.clock.now())
    async with bench.store.writing() as tx:
        task = await _found(tx, id, note, (*OVER, TaskState.HELD, TaskState.FAILED))
        exporter = bench.config.exporters.get(task.exporter)
        if exporter is None or exporter.type in manual():
            what = "its exporter is not configured any more" if exporter is None else "it is a hold"
            raise UsageError(f"task {id} cannot be sent anew: {what}")
        row = {
            "flag_id": task.flag_id,
            "order_id": task.order_id,
            "delivery_id": task.delivery_id,
            "about": task.about,
            "flag": task.flag,
            "root": task.root,
            "exporter": task.exporter,
            "generation": await tasks.newest(tx, task) + 1,
            "priority": task.priority,
            "state": TaskState.READY.value,
            "reason": f"sent anew after task {id}",
            "key": bench.clock.token(),
            "epoch": 0,
            "actor": actor,
            "note": note,
        }
        [made] = await tasks.make(tx, [row], now=now)
        if task.state not in OVER:
            step = Step(TaskState.SKIPPED, f"sent anew as task {made}")
            await _moved(bench, tx, task, step, actor, note, follow=False)
        bench.flagged(tx)
        return await _again(tx, made)


async def raise_flag(
    bench: Bench,
    number: str,
    flag: str,
    *,
    delivery: str | None,
    actor: str | None,
    note: str | None,
) -> int:
    """Raise one of the user's own flags on an order, or on one of its deliveries; gives its id."""
    exporters = bench.config.exporters.values()
    own = {name for one in exporters for name in one.by_hand}
    own |= {one.next for one in exporters if one.next}
    if flag not in own:
        known = ", ".join(sorted(own)) or "none"
        raise UsageError(
            f"{shown(flag)} is no flag that a person raises", hint=f"there are: {known}"
        )
    _need(note)
    now = stamp(bench.clock.now())
    async with bench.store.writing() as tx:
        order = await _order(tx, number)
        about: int | None = None
        if delivery is not None:
            named = {one.number: one.id for one in order.deliveries}
            if delivery not in named:
                raise UsageError(f"order {shown(number)} has no delivery {shown(delivery)}")
            about = named[delivery]
        reason = f"raised by {actor or 'a person'}: {note}"
        [made] = await order_flags.raise_flags(tx, flag, [(order.id, about, reason)], now=now)
        bench.flagged(tx)
        return made


async def _order(tx: AsyncConnection, number: str) -> Order:
    found = (await order_index.numbered(tx, [number])).get(number)
    order = None if found is None else await orders.one(tx, found[0], lock=False)
    if order is None:
        raise UsageError(f"there is no order {shown(number)}", hint="`impexd orders` lists them")
    return order


async def _found(
    tx: AsyncConnection, id: int, note: str | None, states: Sequence[TaskState]
) -> Task:
    """Find a task that is in one of some states, locked."""
    _need(note)
    task = await tasks.get(tx, id, lock=True)
    if task is None:
        raise UsageError(f"there is no task {id}", hint="`impexd tasks` lists them")
    if task.state is TaskState.SENDING:
        raise UsageError(f"task {id} is being sent at this moment", hint="try again in a while")
    if task.state not in states:
        raise UsageError(f"task {id} is {task.state}: that cannot be done to it now")
    return task


def _need(note: str | None) -> None:
    if not (note or "").strip():
        raise UsageError("a note is wanted here", hint=NOTE)


async def _again(tx: AsyncConnection, id: int) -> Task:
    task = await tasks.get(tx, id)
    assert task is not None
    return task


async def _overtaken(tx: AsyncConnection, task: Task, now: str) -> bool:
    """Supersede a task whose order was cancelled meanwhile; says whether it was."""
    for by, roots in SUPERSEDES.items():
        if task.root in roots and await tasks.supersede(tx, by, roots, now=now, only=[task.id]):
            return True
    return False


async def _moved(
    bench: Bench,
    tx: AsyncConnection,
    task: Task,
    step: Step,
    actor: str | None,
    note: str | None,
    *,
    follow: bool | None = None,
    afresh: bool = False,
) -> None:
    exporter = bench.config.exporters.get(task.exporter)
    move = Move(task, step, follow, afresh)
    if not await following.moved(bench, tx, [move], exporter, actor=actor, note=note):
        raise UsageError(f"task {task.id} has just moved on", hint="look at it, and try again")
