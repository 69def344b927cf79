"""
Tend all inboxes for as long as the daemon runs.

Takes the desk and the inlets; makes a pass over each group's inbox when something is heard, when
a file may have settled, and every `rescan` seconds.  Each group has its own task: one whose
inbox is gone, full of waiting files or very busy does not hold up the others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

import anyio
import structlog

from impexd.core.backoff import Backoff, chance
from impexd.core.errors import WorldError
from impexd.inbox import intake, watch
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.intake import Taken

SOON = 0.05
"""Least seconds between two passes over one inbox."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Bell:
    """Rung when something is heard; stays rung until it is answered."""

    rung: anyio.Event = field(default_factory=anyio.Event)

    async def heard(self, most: float) -> None:
        with anyio.move_on_after(most):
            await self.rung.wait()
        self.rung = anyio.Event()


def _quiet(_group: str, _news: Taken | str) -> None:
    """Tell nobody."""


async def tend(
    desk: Desk,
    inlets: Iterable[Inlet],
    *,
    rescan: float = 30.0,
    report: Callable[[str, Taken | str], None] = _quiet,
) -> NoReturn:
    """
    Tend inboxes until cancelled.

    `report` is told of each group: what a pass did, or why it cannot be made for now (a group
    is degraded from then on until its next `Taken`).
    """
    mine = {inlet.path: (inlet, _Bell()) for inlet in inlets}
    async with anyio.create_task_group() as tasks:
        for inlet, bell in mine.values():
            tasks.start_soon(_group, desk, inlet, bell, rescan, report)
        async for changed in watch.hints(mine, rescan=rescan):
            for path in changed or mine:
                mine[path][1].rung.set()
    raise AssertionError("hints never end")


async def _group(
    desk: Desk,
    inlet: Inlet,
    bell: _Bell,
    rescan: float,
    report: Callable[[str, Taken | str], None],
) -> NoReturn:
    waits, failures = Backoff(first=min(1.0, rescan), most=rescan), 0
    while True:
        try:
            taken = await intake.take(desk, inlet)
        except WorldError as error:
            if not failures:
                log.warning("inbox degraded", group=inlet.group, reason=str(error), hint=error.hint)
            failures += 1
            report(inlet.group, str(error))
            await anyio.sleep(waits.delay(failures, chance=chance(desk.clock)))
            continue
        if failures:
            log.info("inbox works again", group=inlet.group)
            failures = 0
        report(inlet.group, taken)
        await bell.heard(rescan if taken.settling is None else max(taken.settling, SOON))
