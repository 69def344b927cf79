"""
Rows that wait for their parent, on the daemon's side: kept with the verdict, woken when it comes.

Waking makes a drop of our own out of them; the run it becomes lets them go in the transaction
that applies it, or keeps those that must wait on.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import structlog

from impexd.core.clock import stamp
from impexd.core.errors import WorldError
from impexd.imports import guard
from impexd.imports.bench import Bench
from impexd.imports.waiting import NAME
from impexd.inbox import adopt
from impexd.inbox.desk import inlet
from impexd.model.config import Config
from impexd.model.group import Guard
from impexd.model.run import Run
from impexd.store import applying, parked
from impexd.store.applying import Waiting

MOST = 50_000
"""Rows woken at once."""

ORIGIN = "parked"

log = structlog.get_logger(__name__)


def waiting(bench: Bench, run: Run, config: Config) -> Waiting:
    """Give what the store does about rows that wait, when it applies a run."""
    now = bench.desk.clock.now()

    def row(found: Mapping[str, Any]) -> dict[str, Any]:
        days = config.descriptors[found["descriptor"]].park_for
        fixed = {"group_name": run.group, "run": run.id, "since": stamp(now)}
        return fixed | {"until": stamp(now + timedelta(days=days))} | dict(found)

    def read() -> tuple[list[dict[str, Any]], list[int]]:
        fresh = [row(found) for found in _lines(bench.scratch(run) / NAME)]
        source = bench.desk.folders.bytes_of(run.token)
        tried = [found["id"] for found in _lines(source)] if run.origin == ORIGIN else []
        return fresh, tried

    return read


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def guards(run: Run, config: Config) -> Guard:
    """Pure: the guards that a run stands under."""
    mine = config.groups[run.group].guard
    return guard.for_rows(mine) if run.origin == ORIGIN else mine


async def recover(bench: Bench) -> None:
    """Do so at the start; what stands in the way now may be gone in an hour."""
    try:
        await tend(bench)
    except WorldError as error:
        log.warning("rows that wait were not looked at", why=str(error))


async def tend(bench: Bench) -> list[int]:
    """
    Try rows again whose parents have come unnoticed, let those go that are late; gives the runs.

    Unnoticed: by a daemon that died before it looked, or from outside of impexd.
    """
    return await wake(bench, bench.config.catalogue) + await expire(bench)


async def wake(bench: Bench, entities: Iterable[str]) -> list[int]:
    """Try the rows again whose parents have come with these entities; gives the runs made."""
    config, found = bench.config, []
    async with bench.desk.store.reading() as tx:
        for name in sorted(set(await parked.entities(tx)) & set(entities)):
            if name in config.catalogue:
                names = applying.names(bench.desk.store, 0)
                found += await parked.ready(tx, config.catalogue[name], names, MOST)
    return [await _drop(bench, group, rows) for group, rows in parked.by_group(found).items()]


async def expire(bench: Bench) -> list[int]:
    """Let rows go that have waited for too long, by a run that reports them."""
    async with bench.desk.store.reading() as tx:
        found = await parked.expired(tx, stamp(bench.desk.clock.now()), MOST)
    late = [row | {"expired": True} for row in found]
    return [await _drop(bench, group, rows) for group, rows in parked.by_group(late).items()]


async def _drop(bench: Bench, group: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Make a drop of rows and hand it in."""
    config = bench.config
    if group not in config.groups:
        log.warning("rows wait for a group that is gone", group=group, rows=len(rows))
        return 0
    place = config.var / "tmp" / f"{bench.desk.clock.token()}.jsonl"
    text = "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)
    await anyio.Path(place).write_text(text, encoding="utf-8")
    try:
        door = inlet(
            group,
            config.groups[group],
            var=config.var,
            limits=config.instance.limits,
            config_hash=config.hash,
        )
        order = adopt.Order(origin=ORIGIN, name=NAME.encode(), forced=True)
        adopted = await adopt.adopt(bench.desk, door, place, order)
    finally:
        await anyio.Path(place).unlink()
    async with bench.desk.store.writing() as tx:
        await parked.send(tx, [row["id"] for row in rows], adopted.run)
    log.info("rows tried again", run=adopted.run, group=group, rows=len(rows))
    return adopted.run
