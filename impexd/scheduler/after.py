"""
Do what follows applied runs: start an export, call a URL.

Many runs within a few seconds are followed once: the job for a target waits that long, and there
is one of it.  What follows is noted on each of the runs.  An export is begun in the transaction
that says so; a URL is called at least once, and again until it answers well or a day has gone by.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import http, secret
from impexd.core.errors import ImpexError, Unreachable
from impexd.core.outbound import Allowed
from impexd.core.text import shown
from impexd.imports.bench import Bench
from impexd.model import after, outbound
from impexd.model.config import trusted
from impexd.queue.jobs import CALLS, Job, Queue
from impexd.store import followups
from impexd.store.again import again

TASK = "after"

GATHER = 5.0
"""Seconds for which runs are gathered that are followed by the same."""
MOST = 1 << 20
"""Bytes that an answer may have; nobody looks at them."""
GIVE_UP = timedelta(days=1)
"""How long a URL is tried."""

Export = Callable[[AsyncConnection, str, str], Awaitable[int]]
"""Begin an export: (transaction, group, why); gives its run."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a URL answered."""

    good: bool
    told: str


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
        await self.queue.enqueue(
            tx, TASK, {"target": name}, lock=key, not_before=at, once=key, lane=CALLS
        )

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

    async def _call(self, name: str, targets: Sequence[after.Target]) -> None:
        store, now = self.bench.desk.store, self.bench.desk.clock.now()
        async with store.reading() as conn:
            rows = await followups.waiting(conn, name)
        if not rows:
            return
        body = {"runs": [row["run"] for row in rows]}
        answers = [await self._posted(target, body) for target in targets]
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

    async def _posted(self, target: after.Target, body: Mapping[str, Any]) -> Answer:
        """Call one URL, fetched from where it is kept if it does not stand in the configuration."""
        config, wrong = self.bench.config, ""
        if isinstance(target, str):
            url = target
        else:
            fetched = partial(secret.fetched, config.etc, **target.model_dump())
            url, wrong = await anyio.to_thread.run_sync(fetched)
            wrong = wrong or after.url_fault(url) or outbound.fault(config.instance.outbound, url)
        if wrong:
            return Answer(good=False, told=f"cannot be called: {wrong}")
        rule = outbound.allowed(config.instance.outbound, [url])
        return await post(url, body, rule, ca=trusted(config))

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


async def post(
    url: str,
    body: Mapping[str, Any],
    rule: Allowed,
    *,
    times: http.Times = http.Times(),  # noqa: B008 (frozen)
    ca: Path | None = None,
) -> Answer:
    """Call a URL; what went wrong is said without the URL, which may hold a secret."""
    headers = {"Content-Type": "application/json"}
    request = http.Request(url, "POST", headers, json.dumps(body, separators=(",", ":")).encode())
    try:
        answer = await http.send(request, rule, times=times, most=MOST, ca=ca)
    except http.Unknown as error:
        good = error.status is not None and 200 <= error.status < 300
        return Answer(
            good=good, told=str(error)
        )  # how it goes on after the status is its own affair
    except Unreachable as error:
        return Answer(good=False, told=str(error))
    if 300 <= answer.status < 400:
        return Answer(good=False, told=f"answered {answer.status}: redirects are not followed")
    return Answer(good=answer.good, told=f"answered {answer.status}")


def _ids(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def _runs(rows: Sequence[Mapping[str, Any]]) -> str:
    """Pure: name the runs that are followed."""
    runs = sorted({row["run"] for row in rows})
    listed = ", ".join(map(str, runs[:10]))
    more = f" and {len(runs) - 10} more" if len(runs) > 10 else ""
    return f"{'runs' if len(runs) > 1 else 'run'} {listed}{more}"
