"""
`impexd demo`: an instance of its own with sample data; all six channels seen at work.

Everything is real: the sample configuration, the daemon, the inbox, the outbox, a courier and a
partner on this machine.  The zip has two bad rows on purpose, so that the report has something to explain.
"""

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console

from impexd import client, daemon, setup, show
from impexd import config as configuration
from impexd.admin import api, server, web
from impexd.client import Client
from impexd.core import log
from impexd.demo import sample, town
from impexd.demo.town import Town

GROUP, EXPORT, FEED, PARTNER = "catalogue", "prices-out", "demo-courier", "demo-partner"
ORDER, SKU, QUANTITY = "DEMO-1", "A000001", 2
PATIENCE = 60
"""Seconds for anything of the demo to happen; it takes two."""


async def play(folder: Path | None, rows: int, *, stay: bool = False) -> None:
    """
    Make an instance in a folder, have a zip imported, an export made, an order come and go.

    `rows`: products in the zip.  With `stay` the daemon and its pages stay until Ctrl-C.
    """
    home = folder or Path(tempfile.mkdtemp(prefix="impexd-demo-"))
    out = Console(highlight=False, soft_wrap=True)
    setup.write(home)
    log.start("error")
    source = home / "etc" / "impexd.toml"
    async with town.lively() as outside:
        town.written(source.parent, outside.url)
        config = configuration.load(source)
        out.print(f"instance: {home}")
        async with (
            daemon.opened(source, config) as instance,
            server.listening(api.app(instance), config.socket),
            web.opened(instance, config.etc) if stay else nullcontext(),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(daemon.serve, instance)
            async with client.opened(source) as asked:
                found = await _imports(out, asked, config.inboxes[GROUP], rows)
                await _exports(out, asked)
                await _orders(out, asked, outside)
                _next(out, home, config.var, found)
                if stay:
                    await _stay(out, asked, instance.listening)
            tasks.cancel_scope.cancel()


async def _imports(out: Console, asked: Client, inbox: Path, rows: int) -> dict[str, Any]:
    from impexd import commands

    out.print(f"\n1 import: shop.zip ({rows:,} products, and two mistakes) dropped into {inbox}")
    await anyio.to_thread.run_sync(sample.drop, inbox, rows)
    found = await _until(lambda: asked.get("/api/v1/runs", group=GROUP), "runs")
    done = await commands.followed(asked, found[0]["id"], bar=True)
    show.run(done)
    return done


async def _exports(out: Console, asked: Client) -> None:
    from impexd import commands

    made = await asked.post("/api/v1/exports", group=EXPORT)
    done = await commands.followed(asked, made["run"], bar=False)
    out.print(f"\n2 export: group {EXPORT} wrote {done['source']['name']} ({done['state']})")


async def _orders(out: Console, asked: Client, outside: Town) -> None:
    """An order is placed and paid; the partner is told; the courier says what became of the parcel."""
    line = {"sku": SKU, "quantity": QUANTITY, "price": "49.90", "warehouse": "main"}
    order = {"number": ORDER, "currency": "EUR", "total": "99.80", "lines": [line]}
    await asked.post("/api/v1/orders", orders=[order])
    await asked.post(f"/api/v1/orders/{ORDER}/events", event="payment_confirmed")
    out.print(f"\n3 order {ORDER}: placed and paid; stock taken, the partner is told (INITPAID)")
    await _until(lambda: _tasks(asked, 1), "tasks")
    for event in ("pack", "packed", "release"):
        await asked.post(f"/api/v1/orders/{ORDER}/events", event=event)
    outside.handed(ORDER, SKU, QUANTITY)
    await asked.post(f"/api/v1/feeds/{FEED}/poll")
    await _until(lambda: _tasks(asked, 2), "tasks")
    state = (await asked.get(f"/api/v1/orders/{ORDER}"))["state"]
    out.print("4 courier: asked what became of the parcel; it was shipped and delivered")
    out.print(
        f"5 order {ORDER}: {state}; the partner was told {len(outside.told)} times, each once"
    )


async def _tasks(asked: Client, wanted: int) -> dict[str, Any]:
    found = (await asked.get("/api/v1/tasks", state=["done"], exporter=PARTNER))["tasks"]
    return {"tasks": found if len(found) >= wanted else []}


async def _until(ask: Callable[[], Awaitable[dict[str, Any]]], key: str) -> Any:
    """Ask until there is something; gives it."""
    with anyio.fail_after(PATIENCE):
        while not (found := (await ask())[key]):  # noqa: ASYNC110 (it is asked over a socket)
            await anyio.sleep(0.05)
    return found


async def _stay(out: Console, asked: Client, url: str) -> None:
    made = await asked.post("/api/v1/setup")
    out.print(f"\nthe pages: {url}; the first administrator is made by\n  {made['link']}")
    out.print("Ctrl-C ends it")
    await anyio.sleep_forever()


def _next(out: Console, home: Path, var: Path, found: dict[str, Any]) -> None:
    database = var / "impexd.db"
    out.print(f"\nthe rows are in {database}; look at them:")
    out.print(f'  sqlite3 {database} "select sku, currency, list from price limit 5"')
    if found["report"]:
        out.print(f"the zip, its report and its rejects: {var / str(found['report'])}")
    out.print(f"how the order got there:\n  impexd --config {home / 'etc'} order {ORDER}")
    out.print(
        f"go on with this instance, and open its pages:\n  impexd --config {home / 'etc'} run"
    )
