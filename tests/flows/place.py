"""
One instance for many tests: told what its configuration is, given files, asked what became of them.

It is opened once for each engine, because a database and a warm worker process cost seconds;
`fresh` empties it and tells it a configuration of its own, by the same reload as a signal would.
Time stands still in it until a test lets it pass.
"""

import json
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import inspect, text

from impexd import client, daemon
from impexd import config as configuration
from impexd.admin import api
from impexd.daemon import Instance
from impexd.model.entity import Field, Type
from tests.clock import FakeClock

KEPT = {"alembic_version", "config", "counter", "impexd_node", "procrastinate_version"}
"""Tables that stay as they are from test to test."""

Etc = Mapping[str, str | None]
"""Path below etc -> text; None: no such file."""
Record = dict[str, Any]


@dataclass
class Place:
    """An open instance."""

    instance: Instance
    asked: client.Client
    home: Path
    clock: FakeClock

    @property
    def engine(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.instance.store.dialect

    async def fresh(self, etc: Etc) -> None:
        """Begin anew: nothing in the tables, and this configuration."""
        await self.clear()
        for folder in ("entities", "descriptors", "groups", "exporters"):
            shutil.rmtree(self.home / "etc" / folder, ignore_errors=True)
        await self.say(etc)

    async def say(self, etc: Etc) -> None:
        """Change some files of the configuration, and have it taken."""
        write(self.home, etc)
        await self.instance.reload()

    async def clear(self) -> None:
        """Empty all tables, those of entities that are not declared any more too."""
        async with self.instance.store.writing() as tx:
            names = await tx.run_sync(lambda bare: inspect(bare).get_table_names())
            wanted = [name for name in names if name not in KEPT and name[:12] != "procrastinat"]
            order = sorted(wanted, key=lambda name: name == "run")  # others point at it
            for name in order:
                await tx.execute(text(f'DELETE FROM "{name}"'))

    async def bring(
        self, name: str, data: bytes, *, group: str = "shop", **said: Any
    ) -> dict[str, Any]:
        """Import a file, carry out all jobs there are, and give its run as the API tells it."""
        run = await self.hand_in(name, data, group=group, **said)
        await self.carry()
        return await self.run(run)

    async def hand_in(self, name: str, data: bytes, *, group: str = "shop", **said: Any) -> int:
        """Have a file claimed, and give its run."""
        path = self.home / name
        path.write_bytes(data)
        try:
            body = {"group": group, "path": str(path)} | said
            return int((await self.asked.post("/api/v1/imports", **body))["run"])
        finally:
            path.unlink()

    async def carry(self) -> None:
        """Carry out the jobs that are due."""
        await self.instance.queue.work(concurrency=1, drain=True)

    async def run(self, id: int) -> dict[str, Any]:
        """Give a run as the API tells it."""
        return await self.asked.get(f"/api/v1/runs/{id}")

    async def runs(self) -> list[dict[str, Any]]:
        """Give all runs, oldest first."""
        return (await self.asked.get("/api/v1/runs", limit=1000))["runs"][::-1]

    async def decide(self, run: int, what: str, note: str | None = None) -> dict[str, Any]:
        """Approve or refuse a run, carry out what follows, and give it."""
        await self.asked.post(f"/api/v1/runs/{run}/{what}", actor="anna", note=note)
        await self.carry()
        return await self.run(run)

    async def waiting(self) -> list[dict[str, Any]]:
        """List the rows that wait for a parent."""
        return list((await self.asked.get("/api/v1/parked"))["parked"])

    def leavings(self, run: Mapping[str, Any]) -> Path:
        """The folder with the report of a run that has ended."""
        return (self.instance.config.var / run["report"]).parent

    def rejects(self, run: Mapping[str, Any]) -> dict[str, str]:
        """Read the rejects files of a run that has ended."""
        found = sorted(self.leavings(run).glob(f"*.rejects-{run['id']}*"))
        return {path.name: path.read_text("utf-8") for path in found}

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        async with self.instance.store.reading() as tx:
            return [tuple(row) for row in await tx.execute(text(sql))]

    async def table(self, entity: str, *, provenance: Iterable[str] = ()) -> list[Record]:
        """Read all records of an entity by its key, its values the same on both engines."""
        kind = self.instance.config.catalogue[entity]
        names = [*kind.fields, *provenance]
        cells = ", ".join(f'"{name}"' for name in names)
        rows = [
            {
                name: plain(kind.fields.get(name), value, self.engine)
                for name, value in zip(names, row, strict=True)
            }
            for row in await self.query(f'SELECT {cells} FROM "{kind.table}"')
        ]
        # Sorted here: SQLite keeps decimals as text, and engines sort text by rules of their own.
        return sorted(rows, key=lambda row: [row[name] for name in kind.key])

    async def tables(self, *, provenance: Iterable[str] = ()) -> dict[str, list[Record]]:
        """Read all records of all entities."""
        names = self.instance.config.catalogue
        return {name: await self.table(name, provenance=provenance) for name in names}

    async def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Read every table there is, but the journal's."""
        async with self.instance.store.reading() as tx:
            names = await tx.run_sync(lambda bare: inspect(bare).get_table_names())
        journal = ("run", "part", "problem", "counter")
        wanted = [n for n in names if n not in journal and n[:8] != "procrast"]
        return {n: sorted(await self.query(f'SELECT * FROM "{n}"'), key=repr) for n in wanted}


def plain(field: Field | None, value: Any, engine: str) -> Any:
    """Pure: a value as either engine gives it, as Python has it."""
    if field is None or value is None:
        return value
    if field.localized or field.type is Type.JSON:
        return json.loads(value) if engine == "sqlite" else value  # PostgreSQL's driver has done it
    match field.type:
        case Type.DECIMAL:
            return Decimal(value)
        case Type.BOOLEAN:
            return bool(value)
        case Type.DATE:
            return date.fromisoformat(value) if isinstance(value, str) else value
        case Type.DATETIME:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            return moment.astimezone(UTC)
        case _:
            return value


def write(home: Path, etc: Etc) -> None:
    """Write files of a configuration below `home`."""
    for name, said in etc.items():
        path = home / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if said is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(said, "utf-8")


@asynccontextmanager
async def opened(
    home: Path, url: str, clock: FakeClock, etc: Etc | None = None
) -> AsyncIterator[Place]:
    """Open an instance on a database for as long as the block lasts."""
    home.mkdir(exist_ok=True)
    secret = home / "database.url"
    secret.write_text(url)
    secret.chmod(0o600)
    write(home, {"impexd.toml": f'[store]\nurl_file = "{secret}"\n'} | dict(etc or {}))
    config = configuration.load(home / "etc")
    async with (
        daemon.opened(home / "etc", config, clock) as instance,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=api.app(instance)),
            base_url="http://impexd",
            timeout=None,
        ) as http,
    ):
        yield Place(instance, client.Client(http, alone=True), home, clock)
