"""Runs made in a few lines: records straight into a stage, planned and applied as an import does it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import stamp
from impexd.model.descriptor import Missing, Mode
from impexd.model.entity import Catalogue, Entity, Field, Kind, Type, kind
from impexd.model.run import Run, State
from impexd.store import applying, deciding, entities, history, runs, schema, staging, undo
from impexd.store import stage as tables
from impexd.store.applying import Decided
from impexd.store.dialect import Names, quoted
from impexd.store.engine import Store
from impexd.store.history import Known
from impexd.store.plan import Drop
from impexd.store.stage import Sheet, Target
from impexd.store.undo import Plan
from tests.clock import FakeClock

Record = tuple[Any, ...]

ITEM = kind(
    "item",
    Entity(
        key=("code", "lang"),
        field={
            "code": Field(),
            "lang": Field(),
            "name": Field(null=True),
            "price": Field(type=Type.DECIMAL, null=True),
            "made": Field(type=Type.DATE, null=True),
            "more": Field(type=Type.JSON, null=True),
        },
    ),
)
BRAND = kind(
    "brand",
    Entity(key=("name",), field={"name": Field(), "seen": Field(type=Type.INTEGER, null=True)}),
)
CATALOGUE: Catalogue = {"item": ITEM, "brand": BRAND}


@dataclass(frozen=True, slots=True)
class Some:
    """Records of one entity, as a descriptor brings them."""

    kind: Kind
    records: Sequence[Record]
    """Values in the order of the entity's fields, or of the first of them."""
    mode: Mode = Mode.MERGE


def items(*records: Record, mode: Mode = Mode.MERGE) -> Some:
    """Some items: (code, lang, name, ...)."""
    return Some(ITEM, records, mode)


@dataclass
class House:
    """A store with two entities, and a clock."""

    store: Store
    scratch: Path
    clock: FakeClock = field(default_factory=FakeClock)

    async def made(self) -> "House":
        """Make the tables."""
        async with self.store.writing() as tx:
            await entities.make(tx, CATALOGUE)
        return self

    async def load(self, *parts: Some, file: str = "items.csv") -> int:
        """Load records as one drop; gives the run."""
        run = await self._run("import", None)
        sheets = tuple(_sheet(k, some) for k, some in enumerate(parts))
        scratch = self.scratch / str(run.id)
        scratch.mkdir()
        counts = self._staged(run.id, scratch, sheets, parts)
        decided = Decided(
            run,
            scratch,
            sheets,
            {},
            [_part(k, some, file) for k, some in enumerate(parts)],
            [],
            counts,
            {sheet.k: {} for sheet in sheets},
            lambda: ([], []),
        )

        async def verdict(tx: AsyncConnection) -> None:
            now = stamp(self.clock.now())
            await runs.move(tx, run, State.ARCHIVED, finished=now, place="archive/x")

        await applying.put(self.store, decided, verdict)
        return run.id

    def _staged(
        self, run: int, scratch: Path, sheets: Sequence[Sheet], parts: Sequence[Some]
    ) -> int:
        with staging.opened(self.store.url, scratch, run, fresh=True) as db:
            db.execute(tables.problems_creation(db.names))
            for sheet, some in zip(sheets, parts, strict=True):
                for statement in tables.creation(sheet, db.names):
                    db.execute(statement)
                lines = [
                    (n + 2, zlib.crc32(repr(record).encode()), *record)
                    for n, record in enumerate(some.records)
                ]
                db.load(sheet, sheet.k, lines)
                for statement in tables.ready(sheet, db.names):
                    db.execute(statement)
            db.begin()
            members = {sheet.k: 0 for sheet in sheets}
            whole = frozenset(sheet.k for sheet in sheets)
            deciding.decide(db, Drop(run, tuple(sheets), members, CATALOGUE, "reject-row", whole))
            count = sum(
                int(str(db.rows(f"SELECT COUNT(*) FROM {sheet.table('p', db.names)}")[0][0]))
                for sheet in sheets
            )
            db.commit()
            return count

    async def _run(self, kind: str, parent: int | None) -> Run:
        row = {
            "token": self.clock.token(),
            "kind": kind,
            "group_name": "shop",
            "state": State.CLAIMED,
            "origin": "command",
            "name": f"undo of run {parent}" if parent else "drop.zip",
            "parent": parent,
            "created": stamp(self.clock.now()),
        }
        async with self.store.writing() as tx:
            made = await tx.execute(insert(schema.run).values(row).returning(schema.run.c.id))
            run = await runs.begin(tx, made.scalar_one(), now=row["created"])
        assert run is not None
        return run

    async def undo(self, run: int) -> tuple[int, Plan]:
        """Take a run back; gives the run that did it, and what it did."""
        planned = await self.plan(run)
        undoing = await self._run("undo", run)
        done = await undo.put(self.store, undoing, CATALOGUE, self.clock)
        assert planned == done
        return undoing.id, done

    async def plan(self, run: int) -> Plan:
        """Say what taking a run back would do."""
        async with self.store.reading() as tx:
            found = await runs.get(tx, run)
            assert found is not None
            kinds = await undo.undoable(tx, found, CATALOGUE)
            names = Names(self.store.dialect, "", "")
            return await undo.plan(tx, found, kinds, CATALOGUE, names)

    async def clear(self) -> None:
        """Empty the tables, and forget what has been."""
        async with self.store.writing() as tx:
            for name in ("item", "item__undo", "brand", "brand__undo", "tombstone", "part"):
                await tx.execute(text(f"DELETE FROM {name}"))
            await tx.execute(text("DELETE FROM run"))

    async def rows(self, kind: Kind = ITEM) -> list[Record]:
        """Read all fields of all records, as text, in the order of their keys."""
        cells = ", ".join(f"CAST({quoted(name)} AS TEXT)" for name in kind.fields)
        order = ", ".join(map(quoted, kind.key))
        return await self.ask(f"SELECT {cells} FROM {quoted(kind.table)} ORDER BY {order}")

    async def dump(self, kind: Kind = ITEM) -> list[Record]:
        """Read everything of all records but their change numbers."""
        cells = ", ".join(
            quoted(name) for name in entities.columns(kind, "sqlite") if name != "_seq"
        )
        order = ", ".join(map(quoted, kind.key))
        return await self.ask(f"SELECT {cells} FROM {quoted(kind.table)} ORDER BY {order}")

    async def graves(self) -> list[Record]:
        """Read the tombstones but their change numbers."""
        return await self.ask("SELECT entity, key, run FROM tombstone ORDER BY entity, key")

    async def states(self) -> dict[int, str]:
        """Read the states of all runs."""
        return dict(await self.ask("SELECT id, state FROM run ORDER BY id"))  # type: ignore[arg-type]

    async def ask(self, sql: str) -> list[Record]:
        """Run a query."""
        async with self.store.reading() as tx:
            return [tuple(row) for row in await tx.execute(text(sql))]

    async def known(self, kind: Kind, *key: str | int) -> Known:
        """Read what is known of a record."""
        async with self.store.reading() as tx:
            return await history.read(tx, kind, Names(self.store.dialect, "", ""), key)


def _sheet(k: int, some: Some) -> Sheet:
    width = max((len(record) for record in some.records), default=len(some.kind.fields))
    targets = tuple(
        Target(name, "", "", Missing.KEEP, "", name) for name in list(some.kind.fields)[:width]
    )
    return Sheet(k, "items", some.kind, some.mode, targets)


def _part(k: int, some: Some, file: str) -> dict[str, Any]:
    return {
        "n": k,
        "member": file,
        "descriptor": "items",
        "record": 0,
        "entity": some.kind.name,
        "mode": some.mode.value,
        "state": "applied",
        "counts": {},
        "problems": 0,
    }
