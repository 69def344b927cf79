"""What runs are carried out with: the desk, the worker processes, the configuration in force."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import failpoint
from impexd.core.errors import WorldError
from impexd.core.pool import Bug, Died, Pool
from impexd.imports.order import Answer, Member, Order, Task
from impexd.inbox.desk import Desk
from impexd.model.config import Config
from impexd.model.problem import Code
from impexd.model.run import Run, State
from impexd.model.work import Progress
from impexd.store import runs
from impexd.store.older import Older


class Stopped(WorldError):
    """The daemon stops."""


DEATHS = 3
"""Attempts that may kill their worker before the run is held (promise I8)."""

log = structlog.get_logger(__name__)


Follow = Callable[[AsyncConnection, str], Awaitable[object]]
"""Have done, soon and once, what follows runs: (transaction, the target's name)."""


async def _unfollowed(_tx: AsyncConnection, _name: str) -> None:
    """Leave it where it is noted: whoever has no queue has nobody to do it."""


def _unheard() -> None:
    """Tell nobody."""


async def _kept(_tx: AsyncConnection, _runs: Sequence[int]) -> None:
    """Leave jobs where they are: they find that nothing is left to do."""


@dataclass(slots=True)
class Bench:
    """One for the daemon."""

    desk: Desk
    pool: Pool[Answer]
    config: Config
    """The configuration in force; replaced as a whole by a reload."""
    progress: dict[int, Progress] = field(default_factory=dict)
    """How far the runs are that are being staged now."""
    older: Older = field(default_factory=Older)
    """Configurations that runs were claimed under."""
    asking: dict[anyio.CancelScope, int] = field(default_factory=dict)
    """Orders that workers are carrying out, and for which run."""
    stopped: bool = False
    follow: Follow = _unfollowed
    loaded: Callable[[], None] = _unheard
    """Called once a run is applied."""
    spare: Callable[[AsyncConnection, Sequence[int]], Awaitable[None]] = _kept
    """Take the jobs of runs back that have been carried with another: (transaction, runs)."""
    bundles: dict[str, int] = field(default_factory=dict)
    """Group -> how many small files the next bundle may hold."""

    def stop(self) -> None:
        """Give up, now and from now on, what workers are doing: it is begun anew at the next start."""
        self.stopped = True
        for scope in list(self.asking):
            scope.cancel()

    def give_up(self, id: int) -> None:
        """Give up what a worker is doing for a run, if one is."""
        for scope, run in list(self.asking.items()):
            if run == id:
                scope.cancel()

    def scratch(self, run: Run) -> Path:
        """The folder of this attempt at a run; an attempt that was fenced off has another."""
        return self.desk.folders.scratch_of(run.token) / str(run.attempt)


async def configured(bench: Bench, run: Run) -> Config:
    """Find the configuration a run was claimed under."""
    return await bench.older.of(bench.desk.store, run.config, bench.config)


async def ask(bench: Bench, run: Run, config: Config, task: Task) -> Answer | None:
    """
    Have a worker do something for a run; None if the run is held because it kills its workers.

    Raises `WorldError` if it is to be tried again.
    """
    try:
        return await order(bench, run, config, task)
    except (Died, Bug) as error:
        trace = error.trace if isinstance(error, Bug) else ""
        await died(bench, run, str(error), trace, "this drop has ended its worker process")
        return None


async def order(
    bench: Bench, run: Run, config: Config, task: Task, bundle: Sequence[Member] = ()
) -> Answer:
    """
    Have a worker do something for a run, or for the whole bundle that it leads.

    Raises `Died` or `Bug` where the worker fails, `Stopped` when the daemon stops.
    """
    await anyio.Path(bench.scratch(run)).mkdir(parents=True, exist_ok=True)
    said = Order(
        task=task,
        run=run.id,
        group=run.group,
        source=str(bench.desk.folders.bytes_of(run.token)),
        name=run.name,
        origin=run.origin,
        scratch=str(bench.scratch(run)),
        url=bench.desk.store.url,
        config=config.hash,
        bundle=tuple(bundle),
    )

    def told(answer: Answer) -> None:
        if answer.progress is not None:
            bench.progress[run.id] = answer.progress
        failpoint.hit("stage.going")

    scope = anyio.CancelScope()
    bench.asking[scope] = run.id
    if bench.stopped:
        scope.cancel()
    try:
        with scope:
            return await bench.pool.ask(said.model_dump_json(), config, told)
        raise Stopped(f"run {run.id} is begun anew when the daemon starts")
    finally:
        bench.asking.pop(scope, None)
        bench.progress.pop(run.id, None)


async def died(bench: Bench, run: Run, what: str, trace: str, told: str) -> None:
    """Count an attempt that ended in a fault of ours; the third holds the run, others are raised."""
    log.error("attempt failed", what=what, **({"trace": trace} if trace else {}))
    async with bench.desk.store.writing() as tx:
        deaths = await runs.crashed(tx, run)
        if deaths >= DEATHS:
            told = f"{told} {deaths} times: {what}"
            await runs.move(tx, run, State.HELD, code=Code.POISON, message=told)
            return
    raise WorldError(f"run {run.id}: {what}", hint="it is tried again; after 3 times it is held")
