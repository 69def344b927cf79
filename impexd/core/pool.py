"""
Worker processes, from the daemon's side.

A `Pool` keeps up to a number of them warm for as long as its block lasts and lends one for one
order.  A worker that dies, or whose caller is cancelled, is killed and replaced; one that has
served `RECYCLE` orders is let go, so nothing that leaks leaks for long.  What is ordered and
answered is the affair of those who ask: here it is a line of JSON.  `core.serving` is the other
end of the pipe.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from impexd.core.errors import ImpexError, WorldError
from impexd.core.text import shown

RECYCLE = 500
LONGEST = 64 << 20
"""Bytes of one answer."""


class Died(WorldError):
    """The worker process ended in the middle of an order: killed, out of memory, or crashed."""


class Bug(ImpexError):
    """The worker met something we did not think of."""

    def __init__(self, what: str, trace: str) -> None:
        super().__init__(what, hint="please report it, with the log")
        self.trace = trace


class Trouble(Protocol):
    """Why an order was not carried out."""

    @property
    def kind(self) -> str:
        """`world` or `bug`."""

    @property
    def what(self) -> str:
        """In words."""

    @property
    def hint(self) -> str:
        """What can be done about it."""

    @property
    def trace(self) -> str:
        """Where it happened, if it is a bug."""


P_co = TypeVar("P_co", covariant=True)


class Reply(Protocol[P_co]):
    """One line from a worker: a sign of life, trouble, or what was asked for."""

    @property
    def progress(self) -> P_co | None:
        """A sign of life: the answer is still to come."""

    @property
    def trouble(self) -> Trouble | None:
        """Why there is no answer."""


P = TypeVar("P")
A = TypeVar("A", bound=Reply[object])


class Terms(Protocol):
    """What a worker has to know before it can take an order, told to it once."""

    @property
    def hash(self) -> str:
        """Tells one from another."""

    @property
    def body(self) -> str:
        """All of it."""


class Worker:
    """One process, serving one order at a time."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self._process = process
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._knows = ""
        self.served = 0

    async def carry_out(
        self, order: str, terms: Terms, read: Callable[[bytes], A], told: Callable[[A], None]
    ) -> A:
        """Send an order; gives its final answer, signs of life go to `told`."""
        try:
            if self._knows != terms.hash:
                await self._send(json.dumps({"config": terms.hash, "body": terms.body}))
                self._knows = terms.hash
            await self._send(order)
            while True:
                answer = read(await self._lines.receive_until(b"\n", LONGEST))
                if answer.progress is None:
                    self.served += 1
                    return answer
                told(answer)
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError) as error:
            with anyio.CancelScope(shield=True):
                code = await self._process.wait()
            raise Died(f"the worker process ended by itself ({_ended(code)})") from error

    async def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send(line.encode() + b"\n")

    async def end(self) -> None:
        """Kill the process and wait for it; what it was doing is void."""
        with anyio.CancelScope(shield=True):
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            await self._process.aclose()


class Pool(Generic[A]):
    """Warm workers that run one module, at most `size` at a time."""

    def __init__(self, module: str, read: Callable[[bytes], A], size: int, temporary: Path) -> None:
        self._module = module
        self._read = read
        self._places = anyio.CapacityLimiter(size)
        self._idle: list[Worker] = []
        self._temporary = temporary

    async def ask(self, order: str, terms: Terms, told: Callable[[A], None]) -> A:
        """
        Have an order carried out.

        Raises `WorldError` if the world failed the worker, `Died` if it ended, `Bug` for a fault
        of ours.
        """
        async with self._lent() as worker:
            answer = await worker.carry_out(order, terms, self._read, told)
        if answer.trouble is None:
            return answer
        if answer.trouble.kind == "world":
            raise WorldError(shown(answer.trouble.what), hint=answer.trouble.hint)
        raise Bug(shown(answer.trouble.what), answer.trouble.trace)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Worker]:
        async with self._places:
            worker = self._idle.pop() if self._idle else await self._started()
            try:
                yield worker
            except BaseException:
                await worker.end()
                raise
            if worker.served >= RECYCLE:
                await worker.end()
            else:
                self._idle.append(worker)

    async def _started(self) -> Worker:
        kept = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "IMPEXD_FAIL")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment["SQLITE_TMPDIR"] = str(self._temporary)
        command = [sys.executable, "-m", self._module, str(os.getpid())]
        return Worker(
            await anyio.open_process(command, env=environment, cwd=self._temporary, stderr=None)
        )

    async def close(self) -> None:
        """End all workers."""
        while self._idle:
            await self._idle.pop().end()


@asynccontextmanager
async def opened(
    module: str, read: Callable[[bytes], A], size: int, temporary: Path
) -> AsyncIterator[Pool[A]]:
    """Keep workers for as long as the block lasts; big sorts spill into `temporary`."""
    pool = Pool(module, read, size, temporary)
    try:
        yield pool
    finally:
        await pool.close()


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
