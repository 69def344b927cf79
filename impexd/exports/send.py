"""
Send a published file to its group's target elsewhere: whole, once, and again until it is there.

A job of its own, so that a server that is down keeps neither the making of files nor other groups
waiting; the files of one group go one after the other.  The target is that of the configuration in
force: one that was mended meanwhile is what the file has been waiting for.
"""

import hashlib
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import durable, failpoint
from impexd.core.errors import UsageError, WorldError
from impexd.core.text import shown
from impexd.exports import naming, publish, targets
from impexd.exports.bench import Bench
from impexd.exports.publish import Placed
from impexd.exports.targets.carrier import Carrier, Parcel
from impexd.model.run import Run, State
from impexd.model.target import Target
from impexd.store import runs, sendings
from impexd.store.again import again

log = structlog.get_logger(__name__)


async def begin(bench: Bench, tx: AsyncConnection, run: Run, *, now: datetime) -> None:
    """Note in the caller's transaction that a published file is to be sent, if its group sends files."""
    group = bench.config.exports.get(run.group)
    if group is None or not group.target.away:
        return
    target, draft = group.target.shown, f".impexd-{bench.clock.token()}.part"
    await sendings.put(tx, run.id, group=run.group, target=target, draft=draft, now=now)
    await bench.dispatch(tx, run.id, run.node, run.group)


async def by_hand(bench: Bench, id: int) -> None:
    """Send a file that lies in its outbox once more, under a name of its own; UsageError if it cannot be."""

    async def work(tx: AsyncConnection) -> None:
        run = await runs.get(tx, id)
        if run is None or run.kind != "export":
            raise UsageError(f"there is no export {id}", hint="`impexd outbox` lists the files")
        if run.state is not State.PUBLISHED or run.finished is None or run.place is None:
            raise UsageError(f"the file of run {id} does not lie in its outbox")
        group = bench.config.exports.get(run.group)
        if group is None or not group.target.away:
            raise UsageError(f"the files of {run.group} are not sent anywhere")
        row = await sendings.get(tx, id)
        if row is not None and row["state"] in sendings.GOING:
            await bench.dispatch(tx, id, run.node, run.group)
        else:
            await begin(bench, tx, run, now=bench.clock.now())

    await again(bench.store, work, clock=bench.clock)


async def recover(bench: Bench) -> None:
    """See that a job carries on with each file that is to be sent."""

    async def work(tx: AsyncConnection) -> None:
        for row in await sendings.unended(tx, bench.node):
            await bench.dispatch(tx, row["run"], bench.node, row["group_name"])

    await again(bench.store, work, clock=bench.clock)


async def carry(bench: Bench, id: int) -> None:
    """Send a file as far as it goes; harmless to be called again."""
    row = await again(bench.store, lambda tx: sendings.begin(tx, id), clock=bench.clock)
    if row is None:
        return
    async with bench.store.reading() as tx:
        run = await runs.get(tx, id)
    assert run is not None
    with structlog.contextvars.bound_contextvars(run=id, group=run.group):
        try:
            await _sent(bench, run, row)
        except WorldError as error:
            told = f"{error}; {error.hint}" if error.hint else str(error)
            await _noted(bench, sendings.waits, id, told)
            raise


async def _sent(bench: Bench, run: Run, row: sendings.Row) -> None:
    group = bench.config.exports.get(run.group)
    if group is None or not group.target.away:
        return await _failed(bench, run, "its group has no target elsewhere any more")
    parcel = await anyio.to_thread.run_sync(_parcel, run, row["draft"])
    if isinstance(parcel, str):
        return await _failed(bench, run, parcel)
    target = group.target
    placing = row["state"] == sendings.PLACING and row["target"] == target.shown
    async with targets.opened(target, bench.config.etc) as carrier:
        name: str | None = None
        if placing:
            placed = await carrier.place(parcel, row["name"], again=True)
            if placed is Placed.LOST:
                return await _lost(bench, run)
            name = row["name"] if placed is Placed.THERE else None
        else:
            await carrier.upload(parcel)
        while name is None:
            name = await _named(bench, run, carrier, parcel, target, group.companions)
        failpoint.hit("send.placed")
        taken = await _accompanied(carrier, parcel, name, group.companions)
    told = f"these names were taken: {', '.join(taken)}" if taken else None
    await _noted(bench, partial(sendings.end, now=bench.clock.now()), run.id, sendings.DONE, told)
    log.info("sent", target=target.shown, file=shown(name), bytes=parcel.size)
    return None


async def _named(
    bench: Bench,
    run: Run,
    carrier: Carrier,
    parcel: Parcel,
    target: Target,
    companions: tuple[str, ...],
) -> str | None:
    """Give the file the first name that is free over there; None if somebody was quicker."""
    for name in naming.numbered(Path(run.place or "").name):
        if not any([await carrier.taken(name + end) for end in ("", *companions)]):
            break
    await _noted(bench, sendings.placing, run.id, name, target.shown)
    failpoint.hit("send.uploaded")
    placed = await carrier.place(parcel, name, again=False)
    if placed is Placed.LOST:
        await _lost(bench, run)
    return name if placed is Placed.THERE else None


async def _accompanied(
    carrier: Carrier, parcel: Parcel, name: str, companions: tuple[str, ...]
) -> list[str]:
    """Send the companions, too; gives those whose names somebody else has taken."""
    taken = []
    for end in companions:
        data = publish.companion(end, name, parcel.sha256)
        digest, draft = hashlib.sha256(data).hexdigest(), parcel.draft + end
        one = Parcel(None, len(data), digest, draft, data)
        await carrier.upload(one)
        if await carrier.place(one, name + end, again=True) is Placed.TAKEN:
            await carrier.clear(one)
            taken.append(name + end)
    return taken


async def _lost(bench: Bench, run: Run) -> None:
    """Begin anew: what was uploaded is gone."""
    why = "what was uploaded is gone; it is sent anew"
    await _noted(bench, sendings.anew, run.id, why)
    raise WorldError(why)


async def _failed(bench: Bench, run: Run, why: str) -> None:
    await _noted(bench, partial(sendings.end, now=bench.clock.now()), run.id, sendings.FAILED, why)
    log.error("not sent", why=why)


async def _noted(bench: Bench, what: Any, *values: Any) -> None:
    await again(bench.store, lambda tx: what(tx, *values), clock=bench.clock)


def _parcel(run: Run, draft: str) -> Parcel | str:
    """Look at the file in its outbox; a text says why it cannot be sent."""
    path = Path(run.place or "")
    try:
        with path.open("rb") as file:
            found = durable.digest(file.fileno())
    except FileNotFoundError:
        return f"{shown(path.name)} does not lie in the outbox any more"
    except OSError as error:
        hint = "look at the disk; it is tried again by itself"
        raise WorldError(f"{shown(str(path))}: {error.strerror}", hint=hint) from error
    if found.sha256 != run.sha256:
        return f"{shown(path.name)} has been changed in the outbox"
    return Parcel(path, found.size, found.sha256, draft)
