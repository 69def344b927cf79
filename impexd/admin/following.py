"""
A run while it goes: how far it is, as it changes, until it is where it stays.

Server-sent events: whoever loses the connection is told, when they come back, how it is then; each
event tells all there is to know, so that none is missed.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from impexd.admin import exporting, refusals
from impexd.admin.house import House
from impexd.admin.ids import Id
from impexd.core.clock import Clock
from impexd.core.errors import UsageError
from impexd.imports import decisions
from impexd.model.run import Run
from impexd.store import runs, sendings
from impexd.store.exporting import KIND

EVERY = 0.4
"""Seconds between two looks."""
QUIET = 15.0
"""Seconds after which something is sent, lest a proxy take the silence for death."""
CHECKED = 2.0
"""Seconds between two looks at the session."""
LONGEST = 3600.0
"""Seconds after which a browser has to ask anew, and to show that it still may."""

HEADERS = {"x-accel-buffering": "no", "cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Going:
    """How a run is."""

    run: Run
    settled: bool
    phase: str
    rows: int
    done: float
    rate: float | None = None
    """Rows in a second."""
    left: float | None = None
    """Seconds that it will take, if it goes on like this."""

    def told(self) -> dict[str, Any]:
        """Pure: for programs."""
        return {
            "run": self.run.id,
            "state": self.run.state.value,
            "settled": self.settled,
            "phase": self.phase,
            "rows": self.rows,
            "done": round(self.done, 4),
            "rate": None if self.rate is None else round(self.rate),
            "left": None if self.left is None else round(self.left, 1),
            "message": self.run.message,
        }


async def now(house: House, id: int) -> Going | None:
    """Look at a run; None if there is none."""
    async with house.store.reading() as tx:
        run = await runs.get(tx, id) if 0 < id < 1 << 62 else None
        sent = (await sendings.of(tx, [id])).get(id) if run and run.kind == KIND else None
    if run is None:
        return None
    out = run.kind == KIND
    settled = exporting.settled(run, sent) if out else decisions.settled(run)
    found = (house.exports if out else house.bench).progress.get(id)
    if found is None:
        return Going(run, settled, run.state.value, 0, 1.0 if settled else 0.0)
    return Going(run, settled, found.phase, found.rows, found.done)


Lives = Callable[[], Awaitable[bool]]
"""Is the session of who asked still there?"""


async def _always() -> bool:
    return True


def lives(request: Request) -> Lives:
    """Give what the door knows of who asked; through the socket there is no session that could end."""
    found: Lives = getattr(request.state, "lives", _always)
    return found


async def changes(house: House, id: int, lives: Lives) -> AsyncIterator[Going | None]:
    """
    Give how a run is, whenever that is something else; None as a sign of life.

    Ends with the run, and with the session of who looks.
    """
    speed, quiet, last = _Speed(house.clock), 0.0, None
    began = checked = house.clock.monotonic()
    while (found := await now(house, id)) is not None:
        found = speed.of(found)
        if found.told() != last:
            last, quiet = found.told(), 0.0
            yield found
        elif quiet >= QUIET:
            quiet = 0.0
            yield None
        moment = house.clock.monotonic()
        if found.settled or moment - began > LONGEST:
            return
        if moment - checked >= CHECKED:
            if not await lives():
                return
            checked = moment
        quiet += EVERY
        await anyio.sleep(EVERY)


class _Speed:
    """How fast it goes, of the last few seconds of a phase."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: list[tuple[float, int, float]] = []
        self._phase = ""

    def of(self, found: Going) -> Going:
        at = self._clock.monotonic()
        if found.phase != self._phase:
            self._phase, self._seen = found.phase, []
        self._seen = [*self._seen[-20:], (at, found.rows, found.done)]
        first = self._seen[0]
        passed, rows, share = at - first[0], found.rows - first[1], found.done - first[2]
        if passed < 0.5 or found.settled:
            return found
        left = (1 - found.done) / share * passed if share > 0 else None
        rate = rows / passed if rows > 0 else None
        return Going(
            found.run, found.settled, found.phase, found.rows, found.done, rate=rate, left=left
        )


def event(name: str, data: str, id: int) -> str:
    """Pure: one event of a stream."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"event: {name}\nid: {id}\n{lines}\n"


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get(
        "/api/v1/runs/{id}/events",
        response_class=StreamingResponse,
        responses=refusals.answers("text/event-stream", "how the run is, whenever that changes"),
    )
    async def events(request: Request, id: Id) -> StreamingResponse:
        if await now(house, id) is None:
            raise UsageError(f"there is no run {id}")

        async def stream() -> AsyncIterator[str]:
            number = 0
            async for one in changes(house, id, lives(request)):
                if house.pulse.stopping:
                    return
                number += 1
                if one is None:
                    yield ": still there\n\n"
                else:
                    yield event("run", json.dumps(one.told()), number)

        return StreamingResponse(stream(), media_type="text/event-stream", headers=HEADERS)
