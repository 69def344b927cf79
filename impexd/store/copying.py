"""A copy of the database as it is at one moment, taken while everything goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

from impexd.core.errors import Unsafe, WorldError
from impexd.store import errors


def copy(source: Path, target: Path) -> None:
    """
    Copy an SQLite database into a new file, and look at what was written.

    Blocking.  All pages in one step, which in WAL mode hinders no writer and sees one snapshot: a
    copy in several steps would begin anew whenever something is written meanwhile.  WorldError if the
    disk fails, `Unsafe` if the copy is not whole.
    """
    with (
        errors.edge(),
        closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there, pages=-1)
        there.execute("PRAGMA journal_mode=DELETE").fetchone()
        fault = there.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise Unsafe(f"the copy of the database is damaged: {fault}", hint=errors.CORRUPT)
    if not target.stat().st_size:
        raise WorldError("the copy of the database is empty", hint="look at the disk")
