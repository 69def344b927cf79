"""One instance's folders, a desk over a real journal, and an inbox to drop into."""

import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.inbox import folders, intake, recover
from impexd.inbox.adopt import Adopted, Order, adopt
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.folders import Folders
from impexd.inbox.intake import Taken
from impexd.inbox.recover import Recovered
from impexd.model.group import Inbox
from impexd.store import engine
from impexd.store.engine import Store
from impexd.store.schema import run
from tests.clock import FakeClock


@dataclass
class Place:
    """A group's inbox with everything around it."""

    var: Path
    desk: Desk
    inlet: Inlet
    clock: FakeClock
    jobs: list[int] = field(default_factory=list)
    """Runs somebody was asked to import, in order."""

    @property
    def inbox(self) -> Path:
        return self.inlet.path

    def drop(self, name: str | bytes, data: bytes = b"code\n1\n") -> Path:
        """Put a file into the inbox."""
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.inbox), os.fsencode(name))))
        path.write_bytes(data)
        return path

    async def take(self) -> Taken:
        """Make one pass."""
        return await intake.take(self.desk, self.inlet)

    async def settled(self) -> Taken:
        """Make a pass, let things settle, make another."""
        await self.take()
        self.clock.tick(self.inlet.rules.settle)
        return await self.take()

    async def adopt(self, path: Path, order: Order | None = None) -> Adopted:
        """Import a file by name."""
        return await adopt(self.desk, self.inlet, path, order)

    async def restart(self) -> Recovered:
        """Begin anew, with nothing remembered but what is on the disk."""
        self.desk.watched.clear()
        return await recover.everything(self.desk, [self.inlet])

    async def runs(self) -> list[dict[str, object]]:
        """The journal."""
        async with self.desk.store.reading() as conn:
            found = await conn.execute(select(run).order_by(run.c.id))
            return [dict(row) for row in found.mappings()]

    async def states(self) -> list[tuple[str, str]]:
        """Name and state of each run."""
        return [(str(row["name"]), str(row["state"])) for row in await self.runs()]

    async def mark(self, id: int, **values: object) -> None:
        """Say something of a run, as those who import would."""
        async with self.desk.store.writing() as tx:
            await tx.execute(run.update().where(run.c.id == id).values(**values))

    def names(self, below: str = "") -> list[str]:
        """All files below the state folder (or a room of it)."""
        top = self.var / below
        return sorted(
            os.path.relpath(os.path.join(where, name), top)
            for where, _, names in os.walk(top)
            for name in names
        )

    def drops(self, room: str) -> list[str]:
        """The drops put away in a room, each of which has its report beside it."""
        found = [name for name in self.names(room) if not name.endswith("/report.json")]
        for name in found:
            told = json.loads((self.var / room / name).with_name("report.json").read_bytes())
            assert told["state"] in ("failed", "duplicate")
            assert told["message"]
        return found

    def bytes_of(self, id: int, rows: list[dict[str, object]]) -> bytes:
        """The claimed bytes of a run."""
        (token,) = (str(row["token"]) for row in rows if row["id"] == id)
        return self.desk.folders.bytes_of(token).read_bytes()


def placed(var: Path, store: Store, clock: FakeClock, rooms: Folders, rules: Inbox) -> Place:
    inbox = var / "inbox" / "products"
    inbox.mkdir(parents=True, exist_ok=True)
    jobs: list[int] = []

    async def enqueue(
        _tx: AsyncConnection, ids: Sequence[int], _node: int, _group: str, _priority: int
    ) -> None:
        jobs.extend(ids)

    desk = Desk(store, rooms, clock, enqueue)
    return Place(var, desk, Inlet("products", inbox, rules, config_hash="c" * 64), clock, jobs)


@pytest.fixture
def rules() -> Inbox:
    """How the inbox goes about it; tests that need other rules say so."""
    return Inbox(settle=0)


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Folders]:
    """The state folder, opened."""
    (tmp_path / "var").mkdir()
    with folders.opened(tmp_path / "var") as opened:
        yield opened


@pytest.fixture
def both(rooms: Folders, store: Store, clock: FakeClock, rules: Inbox) -> Place:
    """An inbox over the journal of each engine."""
    return placed(rooms.var, store, clock, rooms, rules)


@pytest.fixture
async def place(
    rooms: Folders, sqlite_url: str, clock: FakeClock, rules: Inbox
) -> AsyncIterator[Place]:
    """An inbox over an SQLite journal."""
    async with engine.opened(sqlite_url) as store:
        yield placed(rooms.var, store, clock, rooms, rules)
