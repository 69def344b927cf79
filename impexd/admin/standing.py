"""How the whole instance stands, over the API; and having it take a new configuration."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import __version__
from impexd.admin import acting, nodes
from impexd.admin.house import House
from impexd.core.clock import stamp
from impexd.exports.bench import outbox_of
from impexd.inbox.desk import Inlet
from impexd.model.base import Model
from impexd.model.config import Config
from impexd.model.people import Who
from impexd.store import runs, sendings
from impexd.upkeep import partners


class Reload(Model):
    """A new configuration to be taken."""

    wait: bool = True
    """Answer when it has been taken, or refused; else at once, as after a signal."""


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/status")
    async def status() -> dict[str, Any]:
        who, now, config = acting.who(), house.clock.now(), house.bench.config
        async with house.store.reading() as tx:
            last = await runs.latest(tx, filter(who.group, (*config.groups, *config.exports)))
            counted = await runs.states(tx, within=who.bounded)
            running = await _running(house, tx, who)
            sending = await sendings.waiting(tx)
            told = await partners.gathered(tx, house.config, now, shops=who.bounded_shops)
        times = await house.timing.following()
        woken = house.timing.woken
        return {
            "version": __version__,
            "config": {"hash": config.hash, "mistakes": list(house.mistakes)},
            "var": str(config.var),
            "database": house.store.dialect if house.store.path is None else str(house.store.path),
            "nodes": await nodes.gathered(house),
            "runs": counted,
            "jobs": await house.queue.depth(),
            **partners.summed(told),
            "scheduler": {"woken": stamp(woken) if woken else None},
            "groups": {
                inlet.group: _group(house, inlet, times, last)
                for inlet in house.inlets()
                if who.group(inlet.group)
            },
            "exports": {
                name: _export(config, name, times, last) | {"sending": sending.get(name)}
                for name in config.exports
                if who.group(name)
            },
            "running": running,
        }

    @made.post("/api/v1/reload")
    async def reload(wanted: Reload | None = None) -> dict[str, Any]:
        if wanted is not None and not wanted.wait:
            house.bell.reload = True
        else:
            await house.reload()
        return {"hash": house.bench.config.hash, "groups": len(house.bench.config.groups)}


async def _running(house: House, tx: AsyncConnection, who: Who) -> dict[str, Any]:
    """Tell what is going on in groups that who asks may see."""
    going = {**house.bench.progress, **house.exports.progress}
    groups = {run.id: run.group for run in await runs.some(tx, going)} if going else {}
    return {
        str(run): found.model_dump()
        for run, found in going.items()
        if run in groups and who.group(groups[run])
    }


Times = Mapping[str, str]
Last = Mapping[str, tuple[int, str]]


def _group(house: House, inlet: Inlet, times: Times, last: Last) -> dict[str, Any]:
    return {
        "inbox": str(inlet.path),
        "degraded": house.inboxes.get(inlet.group),
        "waiting": house.waiting.get(inlet.group, 0),
        "scheduled": inlet.rules.schedule or inlet.rules.every,
        "next": times.get(f"inbox:{inlet.group}"),
        "last": _last(last, inlet.group),
    }


def _export(config: Config, name: str, times: Times, last: Last) -> dict[str, Any]:
    group = config.exports[name]
    return {
        "outbox": str(outbox_of(config, name)[0]),
        "next": times.get(f"export:{name}"),
        "target": group.target.shown if group.target.away else None,
        "last": _last(last, name),
    }


def _last(found: Last, group: str) -> dict[str, Any] | None:
    """Pure: the newest run of a group."""
    return {"run": found[group][0], "state": found[group][1]} if group in found else None
