"""Reload: all of it or none, said to systemd and to who asked; and a stop that nothing can hold up."""

import json
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests import shop
from tests.flows.test_daemon import heard, packed, stopped, systemd
from tests.processes import Site, until

SMALL = shop.rows(20)


def test_a_reload_by_command_is_waited_for_told_to_systemd_and_logged(
    site: Site, tmp_path: Path
) -> None:
    place = tmp_path / "notify"
    with systemd(place) as ears, site.daemon(NOTIFY_SOCKET=str(place)) as daemon:
        heard(ears, "READY=1")
        right = shop.ETC["groups/shop.toml"]
        site.say("groups/shop.toml", right.replace("settle = 0", "settle = 1"))
        assert site.call("reload", "--wait").returncode == 0
        lines = heard(ears, "RELOADING=1")
        lines += heard(ears, "READY=1")
        assert any(line.startswith("MONOTONIC_USEC=") for line in lines)
        site.say("groups/shop.toml", right.replace("settle = 0", "settle = 'x'"))
        refused = site.call("reload", "--wait")
        assert refused.returncode == 78
        assert "etc/groups/shop.toml:4" in refused.stderr
        site.say("groups/shop.toml", right)
        assert site.call("reload", "--no-wait").returncode == 0
        until(lambda: not site.ask("status")["config"]["mistakes"], "it is taken all the same")
        lines = site.call("history", "config", "--json").stdout.splitlines()
        found = [json.loads(line) for line in lines]
        assert [one["outcome"] for one in found][:3] == ["taken", "refused", "taken"]
        assert found[0]["changes"] == ["groups.shop.inbox.settle: 1.0 -> 0.0"]
        assert found[1]["mistakes"][0].startswith("etc/groups/shop.toml:4")
        stopped(daemon)


def test_a_stop_is_heard_while_the_database_is_locked_by_somebody_else(site: Site) -> None:
    text = shop.ETC["impexd.toml"].replace("stop_deadline = 20", "stop_deadline = 6")
    site.say("impexd.toml", text)
    with (
        site.daemon() as daemon,
        closing(sqlite3.connect(site.var / "impexd.db", isolation_level=None)) as db,
    ):
        db.execute("BEGIN IMMEDIATE")
        site.drop("drop.zip", packed(SMALL))
        daemon.signal(signal.SIGHUP)
        since = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert time.monotonic() - since < 6 + 3
    site.drain()
    assert site.states()[-1] == "archived"
