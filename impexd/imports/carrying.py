"""
Carry a bundle of small files through: begun, planned, applied and put away as one.

How many are tried grows while all goes well, and shrinks to what was plain when something is to
be said of one: that one is carried by itself, as is whatever cannot be bundled.
"""

from collections.abc import Sequence

import anyio
import anyio.to_thread
import structlog

from impexd.core import failpoint
from impexd.core.clock import stamp
from impexd.core.errors import Changed, DataError, Fenced
from impexd.core.pool import Bug, Died
from impexd.imports import bundle, guard, parking, shelve, verdicts
from impexd.imports.bench import Bench, order
from impexd.imports.decided import decided
from impexd.imports.order import Member, Planned
from impexd.inbox import examine
from impexd.inbox.folders import Folders
from impexd.model.config import Config
from impexd.model.run import Run, State
from impexd.store import bundles, runs
from impexd.store.applying import Stale
from impexd.store.bundles import Share

FIRST = 16
"""Runs in the first bundle of a group."""
LONGEST = 1.5
"""Seconds after which no further bundle is begun: the jobs of others wait for this one's place."""

log = structlog.get_logger(__name__)


async def carry(bench: Bench, id: int) -> bool:
    """
    Carry a run and those behind it as one; False if it has to be carried by itself.

    While all goes well the next bundle follows, and is planned while the one before is put away.
    Raises what carrying a run does, with all that is not applied as it was; what is applied and
    not put away yet has a job of its own.
    """
    config, clock = bench.config, bench.desk.clock
    until = clock.monotonic() + LONGEST
    wanted = await _wanted(bench, id, config)
    done = await _applied(bench, wanted, config)
    carried = bool(done)
    try:
        while done:
            more = len(done) == len(wanted) and clock.monotonic() < until
            wanted = await _behind(bench, done[-1], config) if more else []
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_put_away, bench, id, done)
                done = await _applied(bench, wanted, config)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
    return carried


async def _wanted(bench: Bench, id: int, config: Config) -> list[Run]:
    """Find the runs to be carried with one; after a bundle that came to nothing, one is carried alone."""
    async with bench.desk.store.reading() as tx:
        lead = await runs.get(tx, id)
    if lead is None or lead.state is not State.CLAIMED or not bundle.together([lead], config):
        return []
    if bench.bundles.get(lead.group, FIRST) < 2:
        bench.bundles[lead.group] = 2
        return []
    return await _behind(bench, lead, config)


async def _behind(bench: Bench, lead: Run, config: Config) -> list[Run]:
    """Find the runs that may be carried as one, from one on."""
    async with bench.desk.store.reading() as tx:
        found = await bundles.behind(tx, lead, limit=bench.bundles.get(lead.group, FIRST))
    return bundle.together(found, config)


async def _applied(bench: Bench, wanted: Sequence[Run], config: Config) -> Sequence[Run]:
    """Begin, plan and apply runs as one; gives those, from the first on, that are in the tables."""
    if len(wanted) < 2:
        return []
    group = wanted[0].group
    begun = await bundles.begin(bench.desk.store, wanted, now=stamp(bench.desk.clock.now()))
    failpoint.hit("bundle.begun")
    done = 0
    try:
        done = await _loaded(bench, begun, config) if len(begun) > 1 else 0
    except (Died, Bug, Stale, Changed, DataError, Fenced) as error:
        log.info("carried one by one", group=group, why=str(error) or type(error).__name__)
    finally:
        bench.bundles[group] = min(2 * done, bundle.MOST) if done == len(begun) else max(done, 1)
        with anyio.CancelScope(shield=True):
            await _put_back(bench, begun[done:])
    return begun[:done]


async def _loaded(bench: Bench, begun: Sequence[Run], config: Config) -> int:
    """Plan and apply; gives how many, from the first on, are in the tables."""
    folders = bench.desk.folders
    members = [
        Member(run=run.id, source=str(folders.bytes_of(run.token)), name=run.name) for run in begun
    ]
    plans = (await order(bench, begun[0], config, "bundle", members)).bundle
    if not plans:
        return 0
    failpoint.hit("bundle.planned")
    mine = begun[: len(plans)]
    await anyio.to_thread.run_sync(_intact, folders, mine)
    whole = _whole(plans)
    terms = decided(bench, mine[0], config, whole)
    shares = [
        Share(run, verdicts.parts_of(one, "applied")) for run, one in zip(mine, plans, strict=True)
    ]
    await bundles.put(bench.desk.store, terms, shares, verdicts.together(bench, shares))
    for run, one in zip(mine, plans, strict=True):
        with structlog.contextvars.bound_contextvars(run=run.id, group=run.group):
            log.info("applied", problems=0, counts=guard.total(one).model_dump())
    bench.loaded()
    await parking.wake(bench, [sheet.kind.name for sheet in terms.sheets])
    return len(mine)


def _intact(folders: Folders, mine: Sequence[Run]) -> None:
    """Raise `Changed` if the bytes of a run are not those that were claimed."""
    for run in mine:
        if run.sha256 is not None and run.bytes is not None:
            examine.intact(folders.bytes_of(run.token), sha256=run.sha256, size=run.bytes)


def _whole(plans: Sequence[Planned]) -> Planned:
    """Pure: the plans of a bundle as one."""
    parts = [part for one in plans for part in one.parts]
    numbered = tuple(part.model_copy(update={"n": n}) for n, part in enumerate(parts))
    return plans[0].model_copy(update={"parts": numbered})


async def _put_back(bench: Bench, left: Sequence[Run]) -> None:
    """What was begun and not carried is as it was, but for those that somebody has cancelled."""
    if left:
        async with bench.desk.store.writing() as tx:
            await bundles.put_back(tx, left)


async def _put_away(bench: Bench, id: int, done: Sequence[Run]) -> None:
    """Put all of them away, and take back the jobs that have nothing left to do; this one is `id`'s."""
    await shelve.put_all_away(bench, [run.id for run in done])
    failpoint.hit("bundle.shelved")
    async with bench.desk.store.writing() as tx:
        await bench.spare(tx, [run.id for run in done if run.id != id])
