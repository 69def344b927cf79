"""The journal held against the records: as many as runs have made, and none from nowhere."""

from collections.abc import AsyncIterator, Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.answers.verify.difference import Difference
from impexd.model.entity import Catalogue
from impexd.store import checks
from impexd.store.dialect import Engine, Names

BACKUP = "bring them back from a backup, or load their files again (`impexd import --again`)"


async def differences(
    conn: AsyncConnection,
    catalogue: Catalogue,
    dialect: Engine,
    made: Mapping[str, int],
    loading: Collection[str],
) -> AsyncIterator[Difference]:
    """
    Look at all records; `made` is what runs have inserted less what they have deleted, by entity.

    Entities that are being `loading` piece by piece cannot be counted now.
    """
    changes = await checks.change(conn)
    for name, kind in catalogue.items():
        found = await checks.counted(conn, kind)
        missing = made.get(name, 0) - found
        if missing > 0 and name not in loading:
            what = f"{missing:,} records of {name} are gone: runs have made {made[name]:,}, {found:,} are there"
            yield Difference("rows_missing", what, f"somebody has removed them by hand; {BACKUP}")
        if strange := await checks.strangers(conn, kind):
            what = f"{strange:,} records of {name} say they come from runs that there are not"
            hint = "somebody has put them there, or has removed runs from the journal"
            yield Difference("rows_strange", what, hint)
        if undead := await checks.undead(conn, kind, Names(dialect, "", "")):
            what = f"{undead:,} records of {name} are there and marked as deleted"
            hint = "exports of what changed would tell of both; remove the rows of `tombstone`"
            yield Difference("tombstone", what, hint)
        if await checks.highest(conn, kind) > changes:
            what = f"records of {name} have change numbers that have not been given yet"
            hint = "the counter `change` was set back: set it to the highest `_seq` of all tables"
            yield Difference("counter", what, hint)
    for what, count in (await checks.lost(conn)).items():
        if count:
            hint = "somebody has removed runs from the journal; restore it from a backup"
            yield Difference(
                "run_missing", f"{count:,} {what} belong to runs that there are not", hint
            )
    for what in await checks.broken(conn, dialect):
        hint = "stop impexd, keep a copy of the file and its -wal, and restore from a backup"
        yield Difference("database", f"the database is damaged: {what}", hint)
