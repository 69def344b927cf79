"""A backup taken while everything goes on, and the drill of its restore."""

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from impexd.core.errors import UsageError
from impexd.feeds import intake
from tests import shop
from tests.flows import inside
from tests.flows.test_daemon import packed
from tests.processes import Site, until


def test_a_backup_under_load_is_whole_and_an_older_one_knows_its_duplicates(
    site: Site, tmp_path: Path
) -> None:
    first, second = packed(shop.rows(20)), packed(shop.rows(2000, edition=1))
    third = packed(shop.rows(2000, edition=2))
    file = tmp_path / "impexd.tar.gz"
    with site.daemon():
        site.drop("1.zip", first)
        until(lambda: site.states() == ["archived"], "the first is loaded")
        site.drop("2.zip", second)
        until(lambda: len(site.states()) == 2, "the second is on its way")
        done = site.call("backup", str(file), "--json")
        assert done.returncode == 0, done.stderr
        until(lambda: site.states() == ["archived"] * 2, "the second is loaded")
        site.drop("3.zip", third)
        until(lambda: site.states() == ["archived"] * 3, "so is a third, after the backup")
    assert site.call("backup", str(file)).returncode == 2
    told = json.loads(done.stdout)
    assert "var/impexd.db" in told["files"]
    assert file.stat().st_mode & 0o777 == 0o600

    # The disk is lost: the backup goes to a new place, with archive and inbox as they are now.
    home = tmp_path / "restored"
    home.mkdir()
    with tarfile.open(file) as tar:
        tar.extractall(home, filter="data")
    assert json.loads((home / "backup.json").read_text())["config"] == told["config"]
    with closing(sqlite3.connect(home / "var" / "impexd.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (site.var / "archive").rename(home / "var" / "archive")
    restored = Site(home)
    assert restored.states()[0] == "archived"
    with restored.daemon():
        found = restored.ask("verify")
        codes = {one["code"] for one in found["differences"]}
        assert codes <= {"unknown_folder", "vanished"}, found
        assert "unknown_folder" in codes
        restored.drop("1.zip", first)
        until(lambda: restored.states()[-1] == "duplicate", "what the backup knows is a duplicate")
        restored.drop("3.zip", third)
        until(lambda: restored.states()[-1] == "archived", "what it does not know is loaded again")
        assert restored.shop()["product"] == sorted(shop.rows(2000, edition=2)["product"])


async def test_a_backup_holds_no_secret_and_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    async with inside.opened(tmp_path, f"sqlite:///{tmp_path}/var/impexd.db") as site:
        (tmp_path / "etc" / "relay.password").write_text("hunter2")
        file = tmp_path / "b.tar.gz"
        told = await site.asked.post("/api/v1/backup", path=str(file))
        assert not [name for name in told["files"] if "password" in name or "url" in name]
        with tarfile.open(file) as tar:
            assert sorted(tar.getnames()) == sorted([*told["files"], "backup.json"])
        with pytest.raises(UsageError, match="is taken"):
            await site.asked.post("/api/v1/backup", path=str(file))
        with pytest.raises(UsageError, match="there is no folder"):
            await site.asked.post("/api/v1/backup", path=str(tmp_path / "no" / "b.tar.gz"))
        assert list((tmp_path / "var" / "tmp").iterdir()) == []


async def test_what_was_pushed_and_not_carried_over_yet_is_in_the_backup_too(
    tmp_path: Path,
) -> None:
    async with inside.opened(tmp_path, f"sqlite:///{tmp_path}/var/impexd.db") as site:
        fresh = intake.Fresh("hook", "m1", "d1", "{}", "2026-06-01T10:00:00.000Z", "webhook")
        await intake.take(site.instance.feeds, [[fresh]])
        await site.asked.post("/api/v1/backup", path=str(tmp_path / "b.tar.gz"))
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    with closing(sqlite3.connect(tmp_path / "out" / "var" / "spool.db")) as db:
        assert db.execute("SELECT message_id FROM message").fetchall() == [("m1",)]


async def test_a_backup_of_a_servers_database_says_what_is_missing(
    tmp_path: Path, postgres_url: str
) -> None:
    async with inside.opened(tmp_path, postgres_url) as site:
        told = await site.asked.post("/api/v1/backup", path=str(tmp_path / "b.tar.gz"))
        assert told["database"] == "postgresql, not in here"
        assert all(name.startswith("etc/") for name in told["files"])


async def test_what_is_old_is_let_go_and_the_journal_says_how_much(tmp_path: Path) -> None:
    from sqlalchemy import text

    from impexd.upkeep import purge

    async with inside.opened(tmp_path, f"sqlite:///{tmp_path}/var/impexd.db") as site:
        instance, old = site.instance, "2020-01-01T00:00:00.000Z"
        async with instance.store.writing() as tx:
            for statement in (
                f"INSERT INTO run_log (run, at, level, event) VALUES (1, '{old}', 'info', 'x')",
                "INSERT INTO run_log (run, at, level, event) VALUES (1, '2999', 'info', 'x')",
                "INSERT INTO notice (about, kind, severity, subject, detail, at)"
                f" VALUES ('a', 'held', 'info', 's', 'd', '{old}')",
                "INSERT INTO config_log (at, how, outcome)"
                f" VALUES ('{old}', 'reload', 'refused'), ('2999', 'reload', 'refused')",
                "INSERT INTO audit (at, who, via, address, action, target, outcome, status)"
                f" VALUES ('{old}', 'anna', 'session', '', 'sign-in', '', 'done', 200)",
                "INSERT INTO message (source, message_id, digest, body, received, via, state, ended)"
                f" VALUES ('f', '1', 'd', '{{}}', '{old}', 'rest', 'applied', '{old}')",
            ):
                await tx.execute(text(statement))
        keep = instance.config.instance.keep
        counts = {
            what: await purge.clear(instance.store, instance.clock, what, keep)
            for what in purge.PURGES
        }
        assert counts == {"log": 1, "notices": 1, "audit": 2, "messages": 1}
        for part in purge.PURGES:
            await site.asked.post(f"/api/v1/schedule/keep:{part}/run")
