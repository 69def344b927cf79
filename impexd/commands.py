"""What commands do, apart from how they print it: each asks the instance through `client`."""

import getpass
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio

from impexd import client
from impexd.client import Client
from impexd.core.errors import DataError, UsageError
from impexd.core.text import shown

OUT = ("exporting", "written")
"""States of an export that is on its way."""


async def import_file(
    source: Path, group: str, path: str, *, dry: bool, force: bool, note: str | None, bar: bool
) -> dict[str, Any]:
    """Import a file and wait for what becomes of it; gives the run."""
    async with client.opened(source) as asked:
        started = await asked.post(
            "/api/v1/imports",
            group=group,
            path=path,
            dry=dry,
            force=force,
            actor=actor(),
            note=note,
        )
        return await followed(asked, started["run"], bar=bar)


async def export(
    source: Path, group: str, name: str | None, note: str | None, *, full: bool, bar: bool
) -> dict[str, Any]:
    """
    Make a file of an export group and wait for it; gives the run.

    Without a daemon a file that cannot be laid down now is not waited for: the run says why, and
    the next daemon goes on with it.
    """
    async with client.opened(source) as asked:
        started = await asked.post(
            "/api/v1/exports", group=group, name=name, full=full, actor=actor(), note=note
        )
        return await followed(asked, started["run"], bar=bar)


async def send(source: Path, run: int) -> dict[str, Any]:
    """Send the file of an export to its target once more, and wait for it; gives the run."""
    async with client.opened(source) as asked:
        await asked.post(f"/api/v1/runs/{run}/send")
        return await followed(asked, run, bar=False)


def quoted(name: str) -> str:
    """A name as part of a path of the API; UsageError for what is no text."""
    client.speakable(name)
    return quote(name, safe="")


async def decide(source: Path, run: int, what: str, note: str | None) -> dict[str, Any]:
    """Approve or refuse a held run, and wait for what becomes of it."""
    async with client.opened(source) as asked:
        await asked.post(f"/api/v1/runs/{run}/{what}", actor=actor(), note=note)
        return await followed(asked, run, bar=True)


async def undo_plan(source: Path, run: int) -> dict[str, Any]:
    """Ask what undoing a run would do."""
    async with client.opened(source) as asked:
        return await asked.post(f"/api/v1/runs/{run}/undo", dry=True)


async def undo(source: Path, run: int, note: str | None) -> dict[str, Any]:
    """Undo a run, and wait for it; gives the run that did it."""
    async with client.opened(source) as asked:
        started = await asked.post(f"/api/v1/runs/{run}/undo", actor=actor(), note=note)
        return await followed(asked, started["run"], bar=False)


async def record(source: Path, entity: str, key: Sequence[str]) -> dict[str, Any]:
    """Ask where a record comes from; UsageError for what is no text."""
    path = f"/api/v1/records/{quoted(entity)}"
    async with client.opened(source) as asked:
        return await asked.get(path, key=list(key))


async def asked(source: Path, path: str, **query: Any) -> dict[str, Any]:
    """Ask the instance for something."""
    async with client.opened(source) as instance:
        return await instance.get(path, **query)


async def run_log(source: Path, run: int) -> list[dict[str, Any]]:
    """Read all that was logged about a run."""
    lines: list[dict[str, Any]] = []
    async with client.opened(source) as asked:
        while True:
            path, after = f"/api/v1/runs/{run}/log", lines[-1]["id"] if lines else 0
            found = (await asked.get(path, after=after))["log"]
            lines += found
            if not found:
                return lines


async def why(source: Path, about: str) -> dict[str, Any]:
    """Ask why something is where it is; a name that is no UTF-8 by what the journal made of it."""
    about = os.fsencode(about).decode("utf-8", "backslashreplace")
    async with client.opened(source) as asked:
        return await asked.get("/api/v1/why", about=about) | {"daemon": not asked.alone}


async def verify(source: Path, *, deep: bool, taken: bool) -> dict[str, Any]:
    """Have everything held against everything, however long that takes."""
    async with client.opened(source, patience=None) as asked:
        return await asked.get("/api/v1/verify", deep=deep, taken=taken)


async def notify_test(source: Path, name: str) -> dict[str, Any]:
    """Send somebody who is to be told a letter now."""
    async with client.opened(source) as asked:
        return await asked.post(f"/api/v1/notices/test/{quoted(name)}")


async def backup(source: Path, file: Path) -> dict[str, Any]:
    """Have a backup written, however long that takes."""
    async with client.opened(source, patience=None) as asked:
        return await asked.post("/api/v1/backup", path=str(file))


async def status(source: Path) -> dict[str, Any]:
    """Ask how the instance is."""
    async with client.opened(source) as instance:
        return await instance.get("/api/v1/status") | {"daemon": not instance.alone}


async def reload(source: Path, *, wait: bool = True) -> dict[str, Any]:
    """Have the daemon take the new configuration; UsageError if none runs."""
    async with client.opened(source, only_daemon=True, patience=None) as instance:
        return await instance.post("/api/v1/reload", wait=wait)


async def config_changes(source: Path, limit: int) -> list[dict[str, Any]]:
    """Ask which configurations were in force, and which were refused."""
    async with client.opened(source) as asked:
        found: list[dict[str, Any]] = (await asked.get("/api/v1/config/log", limit=limit))[
            "changes"
        ]
        return found


async def place_orders(source: Path, file: Path) -> dict[str, Any]:
    """Place the order, or the list of orders, in a JSON file; DataError if it is none."""
    try:
        given = json.loads(await anyio.Path(file).read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError("malformed", f"{shown(file.name)} is no JSON: {error}") from None
    except OSError as error:
        raise UsageError(f"{shown(str(file))}: {error.strerror}") from None
    listed = given.get("orders") if isinstance(given, dict) and "orders" in given else given
    placed: list[dict[str, Any]] = []
    listed = listed if isinstance(listed, list) else [listed]
    if not listed:
        raise DataError("malformed", f"there is no order in {shown(file.name)}")
    async with client.opened(source) as asked:
        for start in range(0, len(listed), 500):
            some = listed[start : start + 500]
            done = await asked.post("/api/v1/orders", orders=some, actor=actor())
            placed += done["orders"]
    return {"orders": placed}


async def order_event(source: Path, number: str, told: dict[str, Any]) -> dict[str, Any]:
    """Let an event happen to an order; gives the order as it is then."""
    async with client.opened(source) as asked:
        return await asked.post(f"/api/v1/orders/{quoted(number)}/events", **told, actor=actor())


async def order_table(source: Path, drawing: str, order: str | None) -> str:
    """Have the state table drawn, marked with where an order stands."""
    at = "/api/v1/order-table" if order is None else f"/api/v1/orders/{quoted(order)}/table"
    async with client.opened(source) as asked:
        return str((await asked.get(at, **{"as": drawing}))["drawn"])


async def people(source: Path, what: str, path: str, **body: Any) -> dict[str, Any]:
    """Ask (`get`) or change (`post`) something about accounts."""
    async with client.opened(source) as instance:
        return await (instance.get(path) if what == "get" else instance.post(path, **body))


async def tasks(
    source: Path, order: str | None, states: Sequence[str], exporter: str | None, limit: int
) -> dict[str, Any]:
    """Ask what partners are told."""
    async with client.opened(source) as asked:
        return await asked.get(
            "/api/v1/tasks", order=order, state=list(states), exporter=exporter, limit=limit
        )


async def decide_task(
    source: Path, task: int, what: str, note: str, **said: bool
) -> dict[str, Any]:
    """Hold, release, skip or resend a task; gives it, or the one that was made of it."""
    async with client.opened(source) as asked:
        return await asked.post(f"/api/v1/tasks/{task}/{what}", actor=actor(), note=note, **said)


async def raise_flag(
    source: Path, order: str, flag: str, delivery: str | None, note: str
) -> dict[str, Any]:
    """Raise one of the user's own flags on an order or a delivery."""
    async with client.opened(source) as asked:
        path = f"/api/v1/orders/{quoted(order)}/flags"
        return await asked.post(path, flag=flag, delivery=delivery, actor=actor(), note=note)


async def retire(source: Path, node: int, note: str | None) -> dict[str, Any]:
    """Give up a node that is gone; gives its number and the runs that have failed with it."""
    async with client.opened(source) as asked:
        return await asked.post(f"/api/v1/nodes/{node}/retire", actor=actor(), note=note)


async def timetable(source: Path, name: str, what: str, note: str | None) -> None:
    """Pause or resume something that is on a schedule."""
    async with client.opened(source) as asked:
        path = f"/api/v1/schedule/{quoted(name)}/{what}"
        await asked.post(path, actor=actor(), note=note)


async def run_scheduled(source: Path, name: str, note: str | None) -> dict[str, Any]:
    """Have something done that is on a schedule, and wait for it; gives the occurrence."""
    async with client.opened(source) as asked:
        path = f"/api/v1/schedule/{quoted(name)}/run"
        found = await asked.post(path, actor=actor(), note=note)
        while found["state"] == "fired":
            await anyio.sleep(0.05)
            found = await asked.get(f"/api/v1/occurrences/{found['id']}")
        return found


async def poll(source: Path, name: str, note: str | None) -> dict[str, Any]:
    """Ask a feed now and wait for what comes of it; gives how the feed is."""
    async with client.opened(source) as asked:
        path = f"/api/v1/feeds/{quoted(name)}"
        started = await asked.post(f"{path}/poll", actor=actor(), note=note)
        while True:
            found = await asked.get(path)
            if found["polled"] != started["polled"]:
                return found
            await anyio.sleep(0.05)


async def replay(
    source: Path, ids: list[int] | None, feed: str | None, note: str | None
) -> dict[str, Any]:
    """Have messages tried again; gives how many."""
    async with client.opened(source) as asked:
        return await asked.post(
            "/api/v1/messages/replay", ids=ids, feed=feed, actor=actor(), note=note
        )


async def followed(asked: Client, run: int, *, bar: bool) -> dict[str, Any]:
    """Wait until a run has come to where it stays; shows progress on a terminal."""
    from impexd import show

    with show.progress(enabled=bar) as told:
        while True:
            found = await asked.get(f"/api/v1/runs/{run}")
            told(found.get("progress"))
            if found["settled"] or _waits(found, alone=asked.alone):
                return found
            await anyio.sleep(0.05)


def _waits(found: dict[str, Any], *, alone: bool) -> bool:
    """Pure: is there nothing to be waited for at the keyboard, because the world is?"""
    if (sent := found.get("sent")) is not None:
        return bool(sent["message"])
    return alone and found["state"] in OUT and bool(found["message"])


def actor() -> str:
    """The name of the person at the keyboard, as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
