"""
Keep what comes, many at a time: those who come within a few milliseconds share one commit.

The first to come waits that long and then commits for all; who comes meanwhile is for the next.
One commits at a time, so a database that is slow makes fewer and larger commits, not a crowd.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")
R = TypeVar("R")

GATHER = 0.003
"""Seconds for which the first one waits for others."""
MOST = 256
"""Requests in one commit."""


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    what: T
    done: anyio.Event = field(default_factory=anyio.Event)
    result: R | None = None
    error: BaseException | None = None


class Post(Generic[T, R]):
    """Commits in company: `commit` takes what came together and gives a result for each."""

    def __init__(self, commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._commit = commit
        self._waiting: list[_Waiting[T, R]] = []
        self._turn = anyio.Lock()

    async def put(self, what: T) -> R:
        """Have it committed, and give its result; raises what the commit raised."""
        mine: _Waiting[T, R] = _Waiting(what)
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            # Shielded, because others wait for it even if who sent the first one has gone.
            with anyio.CancelScope(shield=True):
                await anyio.sleep(GATHER)
                await self._all()
        await mine.done.wait()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    async def _all(self) -> None:
        async with self._turn:
            while self._waiting:
                some = self._waiting[:MOST]
                # The one left behind for the next leader is none: it is committed here, too.
                del self._waiting[:MOST]
                await self._some(some)

    async def _some(self, some: list[_Waiting[T, R]]) -> None:
        try:
            results = await self._commit([one.what for one in some])
        except Exception as error:
            for one in some:
                one.error = error
        else:
            for one, result in zip(some, results, strict=True):
                one.result = result
        finally:
            for one in some:
                one.done.set()
