"""
The daemon: runs an open instance in one task group, and ends it well.

The only module that knows all rooms.  `serve` runs an `Instance` until it is told to stop.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import anyio
import structlog
from anyio.abc import TaskGroup

from impexd.core import log as logging
from impexd.core import memory, systemd
from impexd.core.errors import ConfigError, ImpexError, WorldError
from impexd.core.signals import Bell, heard
from impexd.feeds import tend as hearing
from impexd.inbox import intake, tend
from impexd.inbox.desk import Inlet
from impexd.instance import Instance
from impexd.notices import look
from impexd.opening import opened
from impexd.orders import waking
from impexd.orders.chain import tend as chain
from impexd.scheduler import wake, whole
from impexd.store import nodes, runs
from impexd.upkeep import runlog
from impexd.upkeep.pulse import PATIENCE

CALLING = 32
"""Peers that are called at the same time."""

LISTEN = 1.0
"""Seconds between two looks at what was heard."""

log = structlog.get_logger(__name__)


async def serve(instance: Instance, bell: Bell | None = None, *, drain: bool = False) -> None:
    """Run an open instance until it is told to stop, or (`drain`) nothing is left to do."""
    if bell is None:
        with heard() as own:
            return await serve(instance, own, drain=drain)
    instance.bell = bell
    bell.deadline = instance.config.instance.daemon.stop_deadline
    stopping, scouts = anyio.Event(), anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_listening, instance, stopping, bell)
        if drain:
            tasks.start_soon(_drained, instance, stopping)
        else:
            tasks.start_soon(working, instance)
            tasks.start_soon(_watching, instance, scouts)
            tasks.start_soon(_alive, instance)
            tasks.start_soon(instance.pulse.listen)
            tasks.start_soon(look.tend, instance)
            tasks.start_soon(runlog.tend, instance.store)
            tasks.start_soon(_beating, instance)
            tasks.start_soon(chain.tend, instance.chain)
            tasks.start_soon(
                waking.tend,
                instance.look_at_orders,
                lambda: instance.config.instance.orders.wake,
                instance.arrivals,
            )
            tasks.start_soon(hearing.tend, instance.feeds)
            tasks.start_soon(wake.tend, instance.timing, lambda: instance.changed)
        systemd.ready(f"{len(instance.config.groups)} groups")
        memory.trim()
        await stopping.wait()
        instance.pulse.stopping = True
        systemd.stopping()
        scouts.cancel()
        await _stopped(instance, tasks)
    return None


async def _listening(instance: Instance, stopping: anyio.Event, bell: Bell) -> None:
    """Look at what was heard.  A reload that hangs must not keep us from hearing that we are to stop."""
    async with anyio.create_task_group() as reloads:
        reloading = False

        async def reload() -> None:
            nonlocal reloading
            await reloaded(instance)
            reloading = False

        async for _ in _rings(bell):
            if bell.stop:
                break
            if bell.reload and not reloading:
                bell.reload, reloading = False, True
                reloads.start_soon(reload)
        stopping.set()
        reloads.cancel_scope.cancel()


async def _rings(bell: Bell) -> AsyncIterator[None]:
    """Give a turn now, whenever something is heard, and every `LISTEN` seconds should a ring be lost."""
    loop, rung = asyncio.get_running_loop(), asyncio.Event()
    bell.rung = lambda: loop.call_soon_threadsafe(rung.set)
    try:
        while True:
            rung.clear()
            yield
            with anyio.move_on_after(LISTEN):
                await rung.wait()
    finally:
        bell.rung = None


async def _stopped(instance: Instance, tasks: TaskGroup) -> None:
    """
    Bring running jobs to a safe point, then cut what is left.

    What is being staged is given up at once, it is made anew; what is being applied is finished.
    """
    instance.queue.stop()
    instance.bench.stop()
    instance.exports.stop()
    instance.chain.stop()
    with anyio.move_on_after(max(instance.config.instance.daemon.stop_deadline - 5, 0)):
        await instance.idle()
    tasks.cancel_scope.cancel()


async def working(instance: Instance) -> None:
    """Carry jobs out until cancelled or stopped."""
    workers = instance.config.instance.daemon.workers
    async with anyio.create_task_group() as tasks:
        house, calls = instance.lanes
        tasks.start_soon(partial(instance.queue.work, concurrency=workers, lanes=house))
        tasks.start_soon(partial(instance.queue.work, concurrency=CALLING, lanes=calls))


async def _drained(instance: Instance, stopping: anyio.Event) -> None:
    """
    Take all that is there, finish it, and say that we are done.

    Raises `WorldError` at the end if an inbox or a job could not be done now.
    """
    while not stopping.is_set():
        passes, failed = [], []
        if not await instance.timing.look():
            failed.append(WorldError("the timetable could not be looked at"))
        for inlet in instance.untimed():
            try:
                await _made(inlet)
                passes.append(await intake.take(instance.desk, inlet))
            except WorldError as error:  # the other inboxes are none the worse for it
                log.warning("inbox not drained", group=inlet.group, reason=str(error))
                failed.append(error)
        await instance.look_at_orders()
        await chain.look(instance.chain)
        await instance.queue.work(concurrency=1, drain=True, lanes=instance.every_lane)
        await instance.look_at_orders()
        settling = [one.settling for one in passes if one.settling is not None]
        if at := await instance.queue.ahead(whole.TASKS):
            settling.append((at - instance.clock.now()).total_seconds())
        if settling:
            await anyio.sleep(max(min(settling), 0.01))
        elif (
            not any(one.claimed for one in passes)
            and not await chain.look(instance.chain)
            and not await hearing.look(instance.feeds)
        ):
            await _finished(instance, failed)
            stopping.set()


async def _finished(instance: Instance, failed: list[WorldError]) -> None:
    """Raise what keeps a drain from having finished everything."""
    left = (await instance.queue.depth(instance.every_lane))["todo"]
    if left:
        failed.append(WorldError(f"{left} jobs are left for later", hint="the log says why"))
    if failed:
        raise failed[0]


async def _made(inlet: Inlet) -> None:
    """Make an inbox that is not there; if that fails, taking from it will say so."""
    with suppress(OSError):
        await anyio.Path(inlet.path).mkdir(parents=True, exist_ok=True)


async def _watching(instance: Instance, scouts: anyio.CancelScope) -> None:
    """Tend all inboxes until `scouts` is cancelled."""
    with scouts:
        await _tending(instance)


async def _tending(instance: Instance) -> None:
    """Tend all inboxes; anew when another configuration comes into force."""

    while True:
        changed, inlets = instance.changed, instance.untimed()
        for inlet in inlets:
            await _made(inlet)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until, changed, tasks.cancel_scope)
            rescan = instance.config.instance.daemon.rescan
            tasks.start_soon(
                partial(tend.tend, instance.desk, inlets, rescan=rescan, report=instance.told)
            )


async def _until(changed: anyio.Event, scope: anyio.CancelScope) -> None:
    await changed.wait()
    scope.cancel()


async def _alive(instance: Instance) -> None:
    """Tell systemd that loop and store get on; say nothing while the store's thread hangs."""
    wanted = systemd.watchdog()
    every = min(wanted / 2, 20.0) if wanted else 20.0
    while True:
        if await instance.pulse.alive(min(PATIENCE, every)):
            systemd.notify("WATCHDOG=1", f"STATUS={await _status(instance)}")
        if instance.pulse.trouble:
            log.warning("database does not answer", reason=instance.pulse.trouble)
        logging.say_dropped()
        await anyio.sleep(every)


async def _beating(instance: Instance) -> None:
    """Say now and then that this node is there, to those who share the database."""
    if instance.store.dialect == "sqlite":
        return
    while True:
        await anyio.sleep(nodes.BEAT)
        try:
            async with instance.store.writing() as tx:
                there = await nodes.beat(tx, instance.node, now=instance.clock.now())
            if not there:
                log.error("this node was retired", node=instance.node, hint="restart this daemon")
        except WorldError as error:
            log.warning("node not told of", reason=str(error))


async def _status(instance: Instance) -> str:
    """Give the line that `systemctl status` shows."""
    try:
        async with instance.store.reading() as tx:
            counted = await runs.states(tx)
    except WorldError as error:
        return str(error)
    return (
        ", ".join(f"{count} {state}" for state, count in sorted(counted.items())) or "no runs yet"
    )


async def reloaded(instance: Instance) -> ImpexError | None:
    """Reload as a signal does it: nobody waits for the outcome, it goes to the log."""
    try:
        await instance.reload()
    except ConfigError as error:
        return error  # every mistake is in the log already
    except WorldError as error:
        log.error("configuration not taken", why=str(error))
        return error
    return None


__all__ = ["Instance", "opened", "reloaded", "serve", "working"]
