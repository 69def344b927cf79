"""
Make an export: journal it, write a draft of one snapshot, publish it, lay its companions beside it.

`begin` journals it in the caller's transaction, `carry` is called by the queue with the lock of its
group, as often as it takes: each step leaves the journal in a state from which the next call carries
on.  A `WorldError` goes up, the queue comes back to it later, and the journal says what it waits
for; what can never be written as it is configured ends the run as `failed`.
"""

from functools import partial

import anyio
import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.core.pool import Bug, Died
from impexd.core.text import shown
from impexd.exports import draft, naming, publish, stand
from impexd.exports.bench import Bench, Stopped, configured, group_of, outbox_of
from impexd.exports.order import Answer, Order, Written
from impexd.exports.publish import Placed
from impexd.model.config import Config
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.store import exporting, runs
from impexd.store.again import again
from impexd.store.exporting import Intent

DEATHS = 3
"""Attempts that may kill their worker before the run is given up."""

log = structlog.get_logger(__name__)


async def begin(
    bench: Bench,
    tx: AsyncConnection,
    group: str,
    *,
    occurrence: str | None,
    name: str | None,
    actor: str | None,
    note: str | None,
    full: bool = False,
) -> int:
    """
    Journal an export and the job that carries it, in the caller's transaction; gives the run.

    `full`: all records go out, also of descriptors that follow changes; the next file goes on from it.
    The same occurrence of a group gives the same run.  UsageError if there is no such group, or
    no file can have that name.
    """
    said = group_of(bench.config, group)
    if occurrence is not None and (run := await exporting.known(tx, group, occurrence)) is not None:
        return run
    now = bench.clock.now()
    seq = await runs.advance(tx, f"export.{group}")
    suffix = draft.suffix(said, bench.config)
    file = naming.checked(name) if name else None
    file = file or naming.made(said, group, suffix=suffix, seq=seq, now=now)
    token, hash = bench.clock.token(), bench.config.hash
    intent = Intent(token, group, file, hash, seq, occurrence, actor, note, full)
    run = await exporting.intend(tx, intent, node=bench.node, now=stamp(now))
    await bench.enqueue(tx, run, bench.node, group)
    return run


async def carry(bench: Bench, run_id: int) -> None:
    """Carry an export as far as it goes; harmless to be called again."""
    failpoint.hit("export.journalled")
    now = stamp(bench.clock.now())
    run = await again(
        bench.store, lambda tx: exporting.begin(tx, run_id, now=now), clock=bench.clock
    )
    if run is None:
        return
    with structlog.contextvars.bound_contextvars(run=run_id, group=run.group):
        try:
            await _export(bench, run)
        except Stopped:
            raise
        except (WorldError, OSError) as error:
            await stand.waits(bench, run, stand.told(error))
            if isinstance(error, WorldError):
                raise
            hint = "look at the disk; it is tried again by itself"
            raise WorldError(stand.told(error), hint=hint) from error


async def _export(bench: Bench, run: Run) -> None:
    config = await configured(bench, run)
    if run.group not in config.exports:
        return await stand.failed(bench, run, "config", "its group is not configured any more")
    while run.state in (State.EXPORTING, State.WRITTEN):
        if run.state is State.EXPORTING:
            written = await _written(bench, run, config)
            if written is None:
                outbox, _ = outbox_of(config, run.group)
                return await anyio.to_thread.run_sync(publish.clear, outbox, run.token)
            run = await _journalled(bench, run, config, written)
            failpoint.hit("export.written")
        run = await _published(bench, run, config)
    await _accompanied(bench, run, config)
    return None


async def _written(bench: Bench, run: Run, config: Config) -> Written | None:
    """Have the draft written; None if the run has failed for good."""
    outbox, ours = outbox_of(config, run.group)
    drafts = await anyio.to_thread.run_sync(partial(publish.prepare, outbox, make=ours))
    await anyio.to_thread.run_sync(publish.clear, outbox, run.token)
    async with bench.store.reading() as tx:
        marks = await exporting.watermarks(tx, run.group)
    order = Order(
        run=run.id,
        group=run.group,
        draft=str(drafts / _draft(run)),
        since={
            name: marks[name]
            for name in _following(config, run.group)
            if name in marks and not run.forced
        },
        seq=run.seq or 0,
        now=run.created,
        url=bench.store.url,
        config=config.hash,
    )
    answer = await _asked(bench, run, order, config)
    if answer is None:
        return None
    if answer.refused is not None:
        await stand.refused(bench, run, answer.refused)
        return None
    failpoint.hit("export.drafted")
    return answer.written


async def _asked(bench: Bench, run: Run, order: Order, config: Config) -> Answer | None:
    """Have a worker write; None if the run is given up because it kills its workers."""

    def told(answer: Answer) -> None:
        if answer.progress is not None:
            bench.progress[run.id] = answer.progress
        failpoint.hit("export.going")

    if bench.stopped:
        raise Stopped
    with anyio.CancelScope() as scope:
        bench.asking.add(scope)
        try:
            return await bench.pool.ask(order.model_dump_json(), config, told)
        except (Died, Bug) as error:
            await _buried(bench, run, error)
            return None
        finally:
            bench.asking.discard(scope)
            bench.progress.pop(run.id, None)
    raise Stopped


async def _buried(bench: Bench, run: Run, error: Died | Bug) -> None:
    """Count a death; the third ends the run, the others go up to be tried again."""
    trace = {"trace": error.trace} if isinstance(error, Bug) else {}
    log.error("worker failed", what=str(error), **trace)
    async with bench.store.writing() as tx:
        deaths = await exporting.died(tx, run)
    if deaths < DEATHS:
        raise WorldError(f"{error}", hint=f"it is tried again; after {DEATHS} times it has failed")
    told = f"it has ended its worker process {deaths} times: {error}"
    await stand.failed(bench, run, Code.POISON, told)


async def _journalled(bench: Bench, run: Run, config: Config, written: Written) -> Run:
    """Say what the draft is, and by which name it will be tried first."""
    outbox, _ = outbox_of(config, run.group)
    ends = config.exports[run.group].companions
    names = naming.numbered(run.name)
    name = await anyio.to_thread.run_sync(publish.free, outbox, names, ends)
    counts = {
        one.descriptor: {"exported": one.rows} | ({"deleted": one.deleted} if one.deleted else {})
        for one in written.members
    }
    return await stand.moved(
        bench,
        run,
        State.WRITTEN,
        sha256=written.sha256,
        bytes=written.bytes,
        watermark=written.watermark,
        counts=counts,
        place=str(outbox / name),
        draft=_draft(run),
    )


async def _published(bench: Bench, run: Run, config: Config) -> Run:
    """Give the draft its name, or another if that is taken; begin anew if it is lost."""
    outbox, _ = outbox_of(config, run.group)
    assert run.place is not None
    assert run.sha256 is not None
    name = run.place.rpartition("/")[2]
    placed = await anyio.to_thread.run_sync(
        publish.place, outbox, run.draft or "", name, run.sha256
    )
    if placed is Placed.LOST:
        log.warning("draft lost, written anew")
        return await stand.moved(bench, run, State.EXPORTING, place=None, sha256=None, bytes=None)
    if placed is Placed.TAKEN:
        ends = config.exports[run.group].companions
        names = naming.numbered(run.name)
        other = await anyio.to_thread.run_sync(publish.free, outbox, names, ends)
        return await stand.moved(bench, run, State.WRITTEN, place=str(outbox / other))
    failpoint.hit("export.linked")
    now = stamp(bench.clock.now())
    marks = _following(config, run.group)

    async def work(tx: AsyncConnection) -> Run | None:
        await exporting.published(tx, run, marks, now=now)
        return await runs.get(tx, run.id)

    there = await again(bench.store, work, clock=bench.clock)
    assert there is not None
    failpoint.hit("export.published")
    return there


async def _accompanied(bench: Bench, run: Run, config: Config) -> None:
    """Lay the companions beside the file, forget the draft, end the run."""
    outbox, _ = outbox_of(config, run.group)
    assert run.place is not None
    assert run.sha256 is not None
    name = run.place.rpartition("/")[2]
    ends = config.exports[run.group].companions
    taken = await anyio.to_thread.run_sync(publish.accompany, outbox, name, run.sha256, ends)
    failpoint.hit("export.accompanied")
    await anyio.to_thread.run_sync(publish.clear, outbox, run.token)
    told = f"these names were taken: {', '.join(taken)}" if taken else None
    run = await stand.ended(bench, run, told)
    log.info("exported", file=shown(name), bytes=run.bytes, counts=run.counts)


def _draft(run: Run) -> str:
    """Pure: the draft of an attempt; one that was fenced off writes into another."""
    return f"{run.token}-{run.attempt}"


def _following(config: Config, group: str) -> list[str]:
    """Pure: the descriptors of a group that go by what has changed since the last time."""
    return [
        name
        for name in config.exports[group].descriptors
        if config.queries[name].query.changed_since == "last"
    ]
