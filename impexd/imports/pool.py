"""
The worker processes, from the daemon's side.

`opened` keeps up to a number of them warm for as long as its block lasts; `Pool.ask` lends one
for one order.  A worker that dies, or whose caller is cancelled, is killed and replaced; one
that has served `RECYCLE` orders is let go, so nothing that leaks leaks for long.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from impexd.core.errors import ImpexError, WorldError
from impexd.core.text import shown
from impexd.imports.order import Answer, Order, Progress
from impexd.model.config import Config

RECYCLE = 500
LONGEST = 64 << 20
"""Bytes of one answer."""

Told = Callable[[Progress], None]


class Died(WorldError):
    """The worker process ended in the middle of an order: killed, out of memory, or crashed."""


class Bug(ImpexError):
    """The worker met something we did not think of."""

    def __init__(self, what: str, trace: str) -> None:
        super().__init__(what, hint="please report it, with the log")
        self.trace = trace


class Worker:
    """One process, serving one order at a time."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self._process = process
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._knows = ""
        self.served = 0

    async def carry_out(self, order: Order, config: Config, told: Told) -> Answer:
        """Send an order; gives its final answer, signs of life go to `told`."""
        try:
            if self._knows != config.hash:
                await self._send(json.dumps({"config": config.hash, "body": config.body}))
                self._knows = config.hash
            await self._send(order.model_dump_json())
            while True:
                line = await self._lines.receive_until(b"\n", LONGEST)
                answer = Answer.model_validate_json(line)
                if answer.progress is None:
                    self.served += 1
                    return answer
                told(answer.progress)
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


class Pool:
    """Warm workers, at most `size` at a time."""

    def __init__(self, size: int, temporary: Path) -> None:
        self._places = anyio.CapacityLimiter(size)
        self._idle: list[Worker] = []
        self._temporary = temporary

    async def ask(self, order: Order, config: Config, told: Told) -> Answer:
        """
        Have an order carried out.

        Raises `WorldError` if the world failed the worker, `Died` if it ended, `Bug` for a fault
        of ours.
        """
        async with self._lent() as worker:
            answer = await worker.carry_out(order, config, told)
        if answer.trouble is None:
            return answer
        if answer.trouble.kind == "world":
            raise WorldError(shown(answer.trouble.what), hint=answer.trouble.hint)
        raise Bug(shown(answer.trouble.what), answer.trouble.trace)

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Worker]:
        async with self._places:
            worker = self._idle.pop() if self._idle else await _started(self._temporary)
            try:
                yield worker
            except BaseException:
                await worker.end()
                raise
            if worker.served >= RECYCLE:
                await worker.end()
            else:
                self._idle.append(worker)

    async def close(self) -> None:
        """End all workers."""
        while self._idle:
            await self._idle.pop().end()


@asynccontextmanager
async def opened(size: int, temporary: Path) -> AsyncIterator[Pool]:
    """Keep workers for as long as the block lasts; big sorts spill into `temporary`."""
    pool = Pool(size, temporary)
    try:
        yield pool
    finally:
        await pool.close()


async def _started(temporary: Path) -> Worker:
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "IMPEXD_FAIL")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["SQLITE_TMPDIR"] = str(temporary)
    command = [sys.executable, "-m", "impexd.imports.worker", str(os.getpid())]
    process = await anyio.open_process(command, env=environment, cwd=temporary, stderr=None)
    return Worker(process)


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
