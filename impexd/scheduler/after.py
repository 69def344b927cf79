"""
Do what follows applied runs: start an export, call a URL.

Many runs within a few seconds are followed once: the job for a target waits that long, and there
is one of it.  What follows is noted on each of the runs.  An export is begun in the transaction
that says so; a URL is called at least once, and again until it answers well or a day has gone by.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import anyio
import httpx2
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import ImpexError, Unreachable
from impexd.core.text import shown
from impexd.imports.bench import Bench
from impexd.model import after
from impexd.queue.jobs import Job, Queue
from impexd.store import followups
from impexd.store.again import again

TASK = "after"

GATHER = 5.0
"""Seconds for which runs are gathered that are followed by the same."""
PATIENCE = 30.0
"""Seconds a URL may take to answer."""
GIVE_UP = timedelta(days=1)
"""How long a URL is tried."""

Export = Callable[[AsyncConnection, str, str], Awaitable[int]]
"""Begin an export: (transaction, group, why); gives its run."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Following:
    """What is done after runs."""

    bench: Bench
    queue: Queue
    export: Export

    async def enqueue(self, tx: AsyncConnection, name: str) -> None:
        """Have a target's turn come soon, once for all who ask before it has."""
        at = self.bench.desk.clock.now() + timedelta(seconds=GATHER)
        key = f"after-{name}"
        await self.queue.enqueue(tx, TASK, {"target": name}, lock=key, not_before=at, once=key)

    async def carry(self, job: Job) -> None:
        """Do what waits for a target."""
        name = str(job.args["target"])
        targets = [one for group in self.bench.config.groups.values() for one in group.after]
        found = after.found(name, targets)
        if not found:
            await self._told(name, followups.FAILED, "no group asks for this any more")
        elif name.startswith(after.EXPORT):
            await self._export(name)
        else:
            await self._call(name, found)

    async def _export(self, name: str) -> None:
        group, now = name.removeprefix(after.EXPORT), self.bench.desk.clock.now()

        async def work(tx: AsyncConnection) -> None:
            rows = await followups.waiting(tx, name)
            if not rows:
                return
            why = "after " + _runs(rows)
            try:
                async with tx.begin_nested():
                    run = await self.export(tx, group, why)
            except ImpexError as error:
                if error.passing:
                    raise
                told = shown(str(error), limit=500)
                await followups.end(tx, _ids(rows), followups.FAILED, told, now=now)
                log.warning("not followed", target=name, why=told)
                return
            told = f"export run {run}"
            await followups.end(tx, _ids(rows), followups.DONE, told, now=now, result=run)
            log.info("followed", target=name, run=run, runs=len(rows))

        await again(self.bench.desk.store, work, clock=self.bench.desk.clock)

    async def _call(self, name: str, targets: Sequence[str]) -> None:
        store, now = self.bench.desk.store, self.bench.desk.clock.now()
        async with store.reading() as conn:
            rows = await followups.waiting(conn, name)
        if not rows:
            return
        answers = [await post(target, {"runs": [row["run"] for row in rows]}) for target in targets]
        bad = [answer for answer in answers if not answer.good]
        told = (bad or answers)[0].told
        if not bad:
            await self._told(name, followups.DONE, told, rows)
            log.info("followed", target=name, answer=told, runs=len(rows))
            return
        late = [row for row in rows if datetime.fromisoformat(row["made"]) < now - GIVE_UP]
        if late:
            await self._told(name, followups.FAILED, f"given up: {told}", late)
            log.error("not followed", target=name, why=told, runs=len(late))
        if left := [row for row in rows if row not in late]:
            ids = _ids(left)
            work = _Later(ids, told)
            await again(store, work, clock=self.bench.desk.clock)
            raise Unreachable(f"{shown(name)}: {told}", hint="it is tried again by itself")

    async def _told(
        self, name: str, state: str, told: str, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        now = self.bench.desk.clock.now()

        async def work(tx: AsyncConnection) -> None:
            which = await followups.waiting(tx, name) if rows is None else rows
            await followups.end(tx, _ids(which), state, told, now=now)

        await again(self.bench.desk.store, work, clock=self.bench.desk.clock)


@dataclass(frozen=True, slots=True)
class _Later:
    ids: Sequence[int]
    told: str

    async def __call__(self, tx: AsyncConnection) -> None:
        await followups.put_off(tx, self.ids, self.told)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a URL answered."""

    good: bool
    told: str


async def post(url: str, body: Mapping[str, Any], *, patience: float = PATIENCE) -> Answer:
    """
    Call a URL; what went wrong is said without the URL, which may hold a secret.

    No redirect is followed, no proxy of the environment is used, and the answer is not read.
    """
    try:
        with anyio.fail_after(patience):
            async with (
                httpx2.AsyncClient(
                    follow_redirects=False, timeout=patience, trust_env=False
                ) as http,
                http.stream("POST", url, json=body) as response,
            ):
                status = response.status_code
    except TimeoutError:
        return Answer(good=False, told=f"no answer within {patience:g} s")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Answer(good=False, told=f"could not be called ({type(error).__name__})")
    if 300 <= status < 400:
        return Answer(good=False, told=f"answered {status}: redirects are not followed")
    return Answer(good=200 <= status < 300, told=f"answered {status}")


def _ids(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def _runs(rows: Sequence[Mapping[str, Any]]) -> str:
    """Pure: name the runs that are followed."""
    runs = sorted({row["run"] for row in rows})
    listed = ", ".join(map(str, runs[:10]))
    more = f" and {len(runs) - 10} more" if len(runs) > 10 else ""
    return f"{'runs' if len(runs) > 1 else 'run'} {listed}{more}"
