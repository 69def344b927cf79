"""An instance opened in this process, asked through its API as a command would ask it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from sqlalchemy import text

from impexd import client, daemon
from impexd import config as configuration
from impexd.admin import api
from impexd.core.clock import SYSTEM, Clock
from impexd.daemon import Instance
from tests import shop


class Inside:
    """An open instance whose jobs are carried out."""

    def __init__(self, instance: Instance, asked: client.Client, home: Path) -> None:
        self.instance = instance
        self.asked = asked
        self.home = home

    async def load(
        self, name: str, data: bytes, *, group: str = "shop", dry: bool = False
    ) -> dict[str, Any]:
        """Import a file, and give its run where it stays."""
        path = self.home / name
        path.write_bytes(data)
        started = await self.asked.post("/api/v1/imports", group=group, path=str(path), dry=dry)
        return await self.settled(started["run"])

    async def undo(self, run: int, **said: Any) -> dict[str, Any]:
        """Have a run undone, and give the run that did it."""
        started = await self.asked.post(f"/api/v1/runs/{run}/undo", **said)
        return await self.settled(started["run"])

    async def approve(self, run: int) -> dict[str, Any]:
        """Let a held run go on, and give it where it stays."""
        await self.asked.post(f"/api/v1/runs/{run}/approve")
        return await self.settled(run)

    async def settled(self, run: int) -> dict[str, Any]:
        """Wait until nothing more happens to a run."""
        with anyio.fail_after(600):
            while True:
                found = await self.asked.get(f"/api/v1/runs/{run}")
                if found["settled"]:
                    return found
                await anyio.sleep(0.01)

    async def state(self, run: int) -> str:
        """Say where a run stands."""
        found = await self.asked.get(f"/api/v1/runs/{run}")
        return str(found["state"])

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        async with self.instance.store.reading() as tx:
            return [tuple(row) for row in await tx.execute(text(sql))]

    async def dump(self, entity: str) -> bytes:
        """Write all fields of all records of an entity as a file, in the order of their keys."""
        kind = self.instance.config.catalogue[entity]
        cells = ", ".join(f'CAST("{name}" AS TEXT)' for name in kind.fields)
        order = ", ".join(f'"{name}"' for name in kind.key)
        rows = await self.query(f'SELECT {cells} FROM "{kind.table}" ORDER BY {order}')
        return shop.text(list(kind.fields), [["" if c is None else c for c in row] for row in rows])


@asynccontextmanager
async def opened(
    home: Path, url: str, etc: Mapping[str, str] = shop.ETC, *, clock: Clock = SYSTEM
) -> AsyncIterator[Inside]:
    """Open an instance with this configuration on this database for as long as the block lasts."""
    secret = home / "database.url"
    secret.write_text(url)
    secret.chmod(0o600)
    for name, said in etc.items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said)
    main = home / "etc" / "impexd.toml"
    main.write_text(f'{main.read_text()}\n[store]\nurl_file = "{secret}"\n')
    config = configuration.load(home / "etc")
    async with (
        daemon.opened(home / "etc", config, clock) as instance,
        anyio.create_task_group() as tasks,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=api.app(instance)),
            base_url="http://impexd",
            timeout=None,
        ) as http,
    ):
        tasks.start_soon(daemon.working, instance)
        yield Inside(instance, client.Client(http, alone=True), home)
        tasks.cancel_scope.cancel()
