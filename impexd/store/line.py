"""
Small transactions that wait for SQLite's writer, carried through one after another in one visit.

Each is a transaction of its own, and durable before its caller hears of it.  What they share is the
way to the thread and back, and the connection that would have to be lent anew: a quarter of the
time of an order's event.  Who comes first goes; who comes meanwhile stands in line and is carried
along.  All are told when the visit ends: the two threads take turns in Python, and to tell each at
once cost more than the visit.  After `LONGEST` the connection is given back, and the next in line
goes behind all others that wait for it, so that nobody is kept out.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncEngine

from impexd.store import direct, sqlite
from impexd.store.direct import Direct, Lent, Work
from impexd.store.heart import Heart

T = TypeVar("T")

LONGEST = 0.02
"""Seconds after which no further transaction is begun in a visit."""

_GO = object()
"""What somebody in line is told who is to go himself."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A transaction in line, and what became of it."""

    tx: Direct
    work: Work[Any]
    told: "asyncio.Future[Any]"
    """Cancelled if nobody wants to know any more."""
    given: Any = None
    error: BaseException | None = None

    def carry(self, driver: Any) -> None:
        """In the writer's thread: carry it through."""
        try:
            self.given = direct.transaction(driver, self.tx, self.work)
        except BaseException as error:
            self.error = error

    def tell(self) -> None:
        """On the loop: wake who waits for it."""
        if self.told.done():
            return
        if self.error is None:
            self.told.set_result(self.given)
        else:
            self.told.set_exception(self.error)


class Line:
    """The line at one writer."""

    def __init__(self, writer: AsyncEngine, heart: Heart) -> None:
        self._writer = writer
        self._heart = heart
        self._waiting: deque[_Waiting] = deque()
        self._under_way = False

    async def carried(self, tx: Direct, work: Work[T]) -> T:
        """
        Do `work` in one transaction; gives what it gives once that is committed.

        Cut short in line, it is not begun; cut short later, it still ends as a whole.
        """
        if self._under_way:
            given = await self._carried_along(tx, work)
            if given is not _GO:
                return cast("T", given)
        self._under_way = True
        try:
            async with direct.lent(self._writer) as lent:
                self._heart.begin()  # which ends when the connection is given back
                visit = partial(self._visit, lent, asyncio.get_running_loop(), tx, work)
                return await lent.do(visit)
        finally:
            self._pass_on()

    async def _carried_along(self, tx: Direct, work: Work[Any]) -> Any:
        told = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(tx, work, told))
        try:
            return await told
        except asyncio.CancelledError:
            ended_well = told.done() and not told.cancelled() and told.exception() is None
            if ended_well and told.result() is _GO:  # told and cancelled at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Let the next in line go."""
        while self._waiting:
            one = self._waiting.popleft()
            if not one.told.done():
                one.told.set_result(_GO)
                return
        self._under_way = False

    def _visit(self, lent: Lent, loop: asyncio.AbstractEventLoop, tx: Direct, work: Work[T]) -> T:
        """In the writer's thread: carry through one's own, and those of who is in line."""
        until = self._heart.monotonic() + LONGEST
        done: list[_Waiting] = []
        try:
            result = direct.transaction(lent.driver, tx, work)
            self._carry_along(lent, until, done)
        except BaseException as error:
            lent.broken = sqlite.fatal(error)
            raise
        finally:
            if done:
                loop.call_soon_threadsafe(_tell, done)
        return result

    def _carry_along(self, lent: Lent, until: float, done: list[_Waiting]) -> None:
        """Carry through who is in line, one after another, until it is late."""
        while self._waiting and not lent.broken and self._heart.monotonic() < until:
            try:
                one = self._waiting.popleft()
            except IndexError:  # the loop let him go
                return
            if one.told.cancelled():
                continue
            self._heart.tick()
            one.carry(lent.driver)
            done.append(one)
            lent.broken = one.error is not None and sqlite.fatal(one.error)


def _tell(done: list[_Waiting]) -> None:
    for one in done:
        one.tell()
