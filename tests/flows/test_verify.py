"""`impexd verify` finds what was done by hand, and nothing where nothing was done."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from impexd.answers.verify import run as verifying
from impexd.inbox import intake
from tests import shop
from tests.flows import inside
from tests.flows.inside import Inside
from tests.flows.test_daemon import packed

ETC = (
    dict(shop.ETC)
    | shop.EXPORT
    | {"groups/shop.toml": shop.ETC["groups/shop.toml"] + '[guard]\nmax_rejects = "40 %"\n'}
)
SPOILED = {"price": [("P000001", "EUR", "cheap"), ("P000002", "XX", "1")]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance with loaded, refused and held drops, an undone one and an export; copy it."""
    home = tmp_path_factory.mktemp("whole")
    asyncio.run(_filled(home))
    return home


async def _filled(home: Path) -> None:
    async with inside.opened(home, f"sqlite:///{home}/var/impexd.db", ETC) as site:
        rows = shop.rows(30)
        await site.load("1.zip", shop.zipped(shop.members(rows, spoiled=SPOILED)))
        await site.load("1.zip", shop.zipped(shop.members(rows, spoiled=SPOILED)))
        assert (await site.load("brands.csv", b"x\n1\n"))["state"] == "rejected"
        await _refused_link(site)
        spoiled = [(f"P{n:06d}", "EUR", "cheap") for n in range(30)]
        torn = shop.zipped(shop.members({"price": spoiled[:2]}, spoiled={"price": spoiled}))
        assert (await site.load("prices.zip", torn))["state"] == "held"
        second = await site.load("2.zip", packed(shop.rows(5, first=100)))
        await site.undo(second["id"])
        await site.load("3.zip", packed(shop.rows(3, first=200)))
        started = await site.asked.post("/api/v1/exports", group="changes")
        await site.settled(started["run"])


async def _refused_link(site: Inside) -> None:
    """Have a link dropped: it is put away as the link it is."""
    inlet = site.instance.inlets()[0]
    inlet.path.mkdir(parents=True, exist_ok=True)
    (inlet.path / "link.zip").symlink_to("/etc/passwd")
    await intake.take(site.instance.desk, inlet)
    ((run,),) = await site.query("SELECT id FROM run WHERE name = 'link.zip'")
    assert (await site.settled(run))["code"] == "not_regular"


@pytest.fixture
def home(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it."""
    monkeypatch.setattr(verifying, "SETTLES", 0.05)
    home = tmp_path / "home"
    shutil.copytree(whole, home, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    database = home / "var" / "impexd.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE run SET place = replace(place, ?, ?)", (str(whole), str(home)))
    return home


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Inside]:
    """Open it; the task group must begin and end in the test itself."""
    async with inside.opened(home, f"sqlite:///{home}/var/impexd.db", ETC) as site:
        yield site


def sql(statement: str, *values: object) -> "Damage":
    def done(home: Path) -> None:
        with closing(sqlite3.connect(home / "var" / "impexd.db", timeout=30)) as db, db:
            assert db.execute(statement, values).rowcount

    return done


def file(pattern: str, change: Callable[[Path], Any]) -> "Damage":
    def done(home: Path) -> None:
        found = [path for path in sorted((home / "var").glob(pattern)) if path.is_file()]
        assert found, pattern
        change(found[0])

    return done


def same_size(path: Path) -> None:
    path.chmod(0o600)
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def stray(home: Path) -> None:
    (home / "var" / "work" / "notes.txt").write_text("mine")


def held_bytes(home: Path) -> None:
    with closing(sqlite3.connect(home / "var" / "impexd.db")) as db:
        (token,) = db.execute("SELECT token FROM run WHERE state = 'held'").fetchone()
    (home / "var" / "work" / token).unlink()


def twice(home: Path) -> None:
    """Two jobs for one run, both of tomorrow."""
    with closing(sqlite3.connect(home / "var" / "impexd.db", timeout=30)) as db, db:
        (run,) = db.execute("SELECT id FROM run WHERE state = 'held'").fetchone()
        for _ in range(2):
            db.execute(
                "INSERT INTO procrastinate_jobs"
                " (queue_name, task_name, priority, lock, args, status, scheduled_at, attempts)"
                " VALUES ('default', 'import', 0, 'x', ?, 'todo', '2999-01-01T00:00:00.000Z', 0)",
                (json.dumps({"args": {"run": run}}),),
            )


Damage = Callable[[Path], None]
COUNTS = '{"read": 9, "inserted": 1, "updated": 0, "unchanged": 0, "deleted": 0, "rejected": 0}'
DAMAGES: dict[str, tuple[Damage, str]] = {
    "a record removed": (sql("DELETE FROM price WHERE product = 'P000003'"), "rows_missing"),
    "a record from nowhere": (
        sql("UPDATE product SET _changed = 999 WHERE code = 'P000003'"),
        "rows_strange",
    ),
    "an archived file removed": (file("archive/*/*/1.zip", Path.unlink), "file_missing"),
    "an archived file changed": (file("archive/*/*/1.zip", same_size), "file_changed"),
    "a refused file removed": (file("failed/*/*/brands.csv", Path.unlink), "file_missing"),
    "a published file removed": (file("outbox/changes/*.csv", Path.unlink), "outbox_missing"),
    "a published file changed": (file("outbox/changes/*.csv", same_size), "outbox_changed"),
    "a strange file in work": (stray, "stray"),
    "a held file removed": (held_bytes, "vanished"),
    "a run without its job": (
        sql("UPDATE run SET state = 'staging' WHERE state = 'held'"),
        "job_lost",
    ),
    "a run with two jobs": (twice, "job_doubled"),
    "a run in no known state": (
        sql("UPDATE run SET state = 'lost' WHERE state = 'held'"),
        "state",
    ),
    "counts of a part changed": (
        sql("UPDATE part SET counts = ? WHERE run = 1 AND entity = 'price'", COUNTS),
        "counts",
    ),
    "counts of a run changed": (sql("UPDATE run SET counts = '{}' WHERE id = 1"), "sums"),
    "a run removed": (sql("DELETE FROM run WHERE id = 1"), "unknown_folder"),
    "a tombstone of what is there": (
        sql(
            "INSERT INTO tombstone (entity, key, seq, run) VALUES ('product', '[\"P000003\"]', 1, 1)"
        ),
        "tombstone",
    ),
    "the counter set back": (sql("UPDATE counter SET value = 0 WHERE name = 'change'"), "counter"),
}
"""What a hand can do -> the word that verify has for it."""


async def test_what_was_received_is_imported_rejected_a_duplicate_or_pending(home: Path) -> None:
    async with opened(home) as site:
        found = await site.asked.get("/api/v1/verify")
    assert found["differences"] == []
    assert found["ok"] is True
    files, rows = found["files"], found["rows"]
    ends = ("received", "imported", "rejected", "duplicate", "pending")
    assert [files[name] for name in ends] == [7, 3, 2, 1, 1]
    assert files["received"] == sum(
        files[n] for n in ("imported", "rejected", "duplicate", "pending")
    )
    assert rows["received"] == rows["imported"] + rows["rejected"] + rows["pending"]
    assert rows["rejected"] == 2


@pytest.mark.parametrize("name", DAMAGES)
async def test_verify_finds(home: Path, name: str) -> None:
    damage, code = DAMAGES[name]
    async with opened(home) as site:
        damage(home)
        found = await site.asked.get("/api/v1/verify")
    codes = {one["code"]: one for one in found["differences"]}
    assert code in codes, found
    assert codes[code]["hint"]
    assert found["ok"] is False


async def test_a_quick_look_hashes_nothing_and_partners_may_take_their_files(home: Path) -> None:
    file("archive/*/*/1.zip", same_size)(home)
    file("outbox/changes/*.csv", Path.unlink)(home)
    async with opened(home) as site:
        found = await site.asked.get("/api/v1/verify", deep=False, taken=True)
    assert found["differences"] == []
