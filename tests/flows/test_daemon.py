"""A real daemon, from its first signal to its last, with people and systemd talking to it."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import shop
from tests.processes import PATIENCE, Running, Site, until

SMALL = shop.rows(20)
LARGE = shop.rows(20_000)
"""Takes a second or more to load."""

RUN = {
    *("id", "group", "kind", "state", "source", "counts", "problems"),
    *("started", "finished", "report"),
}
"""Keys of a run that programs may rely on."""
COUNTS = {"inserted", "updated", "unchanged", "deleted", "rejected"}


def packed(records: shop.Rows) -> bytes:
    return shop.zipped(shop.members(records))


def loaded(site: Site, records: shop.Rows) -> bool:
    return site.shop() == {entity: sorted(lines) for entity, lines in records.items()}


def ended(site: Site, *states: str) -> bool:
    """Have all runs come to these states, and are their bytes where they belong?"""
    return site.states() == list(states) and not site.lying("work")


def stopped(running: Running, *, within: float = 20.0) -> None:
    """Tell a daemon to stop, and hold it that it does so in time and in good order."""
    since = time.monotonic()
    running.signal(signal.SIGTERM)
    assert running.wait() == 0, running.said()
    assert time.monotonic() - since < within
    assert "Traceback" not in running.said(), running.said()
    assert running.family() == []


def test_a_dropped_zip_becomes_rows_and_lies_in_the_archive(site: Site) -> None:
    data = packed(SMALL)
    with site.daemon() as daemon:
        site.drop("drop.zip", data)
        until(lambda: ended(site, "archived"), "the drop is archived")
        assert loaded(site, SMALL)
        (run,) = site.runs()
        assert (site.var / run["place"]).read_bytes() == data
        assert site.lying("inbox") == []
        stopped(daemon)


def test_many_drops_of_one_moment_are_all_loaded_in_the_order_of_their_names(site: Site) -> None:
    with site.daemon() as daemon:
        for edition in (3, 1, 2):
            site.drop(f"{edition}.zip", packed(shop.rows(20, edition=edition)))
        until(lambda: ended(site, *["archived"] * 3), "all are archived")
        last = site.runs()[-1]["name"]
        assert loaded(site, shop.rows(20, edition=int(last.removesuffix(".zip"))))
        stopped(daemon)


def test_a_group_added_and_told_by_sighup_has_its_inbox_watched(site: Site) -> None:
    with site.daemon() as daemon:
        site.say("groups/more.toml", shop.ETC["groups/shop.toml"])
        daemon.signal(signal.SIGHUP)
        inbox = site.var / "inbox" / "more"
        until(inbox.is_dir, "the new inbox is there")
        site.drop("drop.zip", packed(SMALL), group="more")
        until(lambda: ended(site, "archived"), "the drop is archived")
        assert [run["group_name"] for run in site.runs()] == ["more"]
        assert loaded(site, SMALL)
        stopped(daemon)


def test_a_mistake_told_by_sighup_changes_nothing_and_is_said_with_its_line(site: Site) -> None:
    right = shop.ETC["descriptors/prices.toml"]
    wrong = right.replace('to = "list"', 'to = "lst"')
    line = wrong.splitlines().index('to = "lst"') + 1
    where = f"etc/descriptors/prices.toml:{line}"
    with site.daemon() as daemon:
        site.say("descriptors/prices.toml", wrong)
        daemon.signal(signal.SIGHUP)
        refused = until(lambda: daemon.logged("configuration refused"), "the mistake is logged")
        assert refused["mistake"].startswith(where)
        assert refused["level"] == "error"
        (mistake,) = site.ask("status")["config"]["mistakes"]
        assert mistake == refused["mistake"]
        site.drop("drop.zip", packed(SMALL))
        until(lambda: ended(site, "archived"), "the old configuration goes on")

        refusal = site.call("reload")
        assert refusal.returncode == 78
        assert where in refusal.stderr

        site.say("descriptors/prices.toml", right + "# mended\n")
        daemon.signal(signal.SIGHUP)
        until(lambda: not site.ask("status")["config"]["mistakes"], "the mistake is forgotten")
        stopped(daemon)


def test_what_needs_a_restart_is_refused_by_a_reload(site: Site) -> None:
    with site.daemon():
        site.say("impexd.toml", shop.ETC["impexd.toml"] + '[store]\nurl = "sqlite:///other.db"\n')
        refusal = site.call("reload")
        assert refusal.returncode == 78
        assert "restart" in refusal.stderr
        assert site.ask("status")["database"].endswith("impexd.db")


def test_sigterm_in_an_import_ends_in_time_and_the_next_start_finishes_it(site: Site) -> None:
    site.drop("drop.zip", packed(LARGE))
    for _ in range(3):  # as often than a run may take the daemon down before it is held
        with site.daemon() as daemon:
            until(lambda: site.states() == ["staging"], "the import is on its way")
            until(lambda: len(daemon.family()) > 1, "it has a worker")
            stopped(daemon)
        (run,) = site.runs()
        assert (run["state"], run["crashes"]) == ("claimed", 0)
    site.drain()
    assert ended(site, "archived")
    assert loaded(site, LARGE)


def test_nothing_new_is_taken_once_the_daemon_has_been_told_to_stop(site: Site) -> None:
    with site.daemon() as daemon:
        site.drop("1.zip", packed(LARGE))
        until(lambda: site.states() == ["staging"], "the import is on its way")
        daemon.signal(signal.SIGTERM)
        site.drop("2.zip", packed(SMALL))
        assert daemon.wait() == 0
    assert [run["name"] for run in site.runs()] == ["1.zip"]
    assert site.lying("inbox") == ["shop/2.zip"]


def test_a_worker_that_is_killed_is_replaced_and_the_drop_loaded_once(site: Site) -> None:
    with site.daemon() as daemon:
        site.drop("drop.zip", packed(LARGE))
        worker = until(lambda: [p for p in daemon.family() if p.pid != daemon.pid], "a worker")[0]
        until(lambda: site.states() == ["staging"], "the import is on its way")
        worker.kill()
        until(lambda: ended(site, "archived"), "the drop is archived")
        (run,) = site.runs()
        assert (run["attempt"], run["crashes"]) == (2, 1)
        assert loaded(site, LARGE)
        stopped(daemon)


def test_a_machine_that_stood_still_in_an_import_goes_on_and_loads_it_once(site: Site) -> None:
    with site.daemon() as daemon:
        site.drop("drop.zip", packed(LARGE))
        until(lambda: site.states() == ["staging"], "the import is on its way")
        family = daemon.family()
        for process in family:
            process.suspend()
        # Nobody takes the instance from one that only stands still: its lock is the kernel's.
        assert site.call("run", "--drain").returncode == 75
        for process in family:
            process.resume()
        until(lambda: ended(site, "archived"), "the drop is archived")
        (run,) = site.runs()
        assert (run["attempt"], run["crashes"]) == (1, 0)
        assert loaded(site, LARGE)
        stopped(daemon)


def test_a_second_daemon_says_who_has_the_instance_and_touches_nothing(site: Site) -> None:
    with site.daemon() as daemon:
        for words in (["run"], ["run", "--drain"]):
            second = site.call(*words)
            assert second.returncode == 75
            assert f"process {daemon.pid}" in second.stderr
            assert "Traceback" not in second.stderr
        assert site.ask("status")["daemon"] is True
        stopped(daemon)
    assert site.call("run", "--drain").returncode == 0


def test_a_file_is_imported_through_the_daemon_and_without_one(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "given.zip"
    path.write_bytes(packed(SMALL))
    with site.daemon() as daemon:
        done = site.ask("import", "shop", str(path))
        assert done.keys() >= RUN
        assert (done["state"], done["kind"], done["group"]) == ("archived", "import", "shop")
        assert done["counts"]["price"].keys() >= COUNTS
        assert done["counts"]["price"]["inserted"] == 20
        assert done["source"] == {
            "name": "given.zip",
            "sha256": site.runs()[0]["sha256"],
            "bytes": path.stat().st_size,
        }
        assert (site.var / done["report"]).is_file()
        assert site.ask("status")["daemon"] is True
        stopped(daemon)
    assert site.ask("status")["daemon"] is False
    again = site.call("import", "shop", str(path), "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["state"] == "duplicate"
    path.write_bytes(packed(shop.rows(20, edition=1)))
    assert site.ask("import", "shop", str(path))["counts"]["price"]["updated"] == 20
    assert loaded(site, shop.rows(20, edition=1))
    assert path.exists()


def test_commands_end_with_the_documented_status(site: Site, tmp_path: Path) -> None:
    good, bad, broken = (tmp_path / name for name in ("good.zip", "bad.zip", "broken.zip"))
    good.write_bytes(packed(SMALL))
    spoiled = {"price": [("P000001", "EUR", "cheap")]}
    bad.write_bytes(shop.zipped(shop.members(SMALL, spoiled=spoiled)))
    broken.write_bytes(good.read_bytes()[:-40])
    statuses = {
        ("check",): 0,
        ("import", "shop", str(good)): 0,
        ("import", "shop", str(bad)): 1,
        ("import", "shop", str(broken)): 1,
        ("import", "nobody", str(good)): 2,
        ("import", "shop", str(tmp_path / "missing.zip")): 2,
        ("import", "shop"): 2,
        ("show", "1"): 0,
        ("show", "999"): 2,
        ("reload",): 2,
        ("nonsense",): 2,
    }
    for words, status in statuses.items():
        done = site.call(*words)
        assert done.returncode == status, (words, done)
        assert "Traceback" not in done.stderr, (words, done)
        assert status == 0 or done.stderr or done.stdout
    site.say("groups/shop.toml", 'kind = "import"\ndescriptors = ["nothing"]\n')
    for words in (["check"], ["run"], ["runs"], ["import", "shop", str(good)], ["status"]):
        done = site.call(*words)
        assert done.returncode == 78, (words, done)
        assert "etc/groups/shop.toml:2" in done.stderr


def test_runs_are_told_to_programs_with_and_without_a_daemon(site: Site) -> None:
    site.drop("drop.zip", packed(SMALL))
    site.drain()
    site.drop("drop.zip", packed(SMALL))
    site.drain()

    def told() -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
        lines = site.call("runs", "--json").stdout.splitlines()
        return [json.loads(line) for line in lines], site.ask("show", "1"), site.ask("status")

    alone = told()
    with site.daemon():
        through = told()
    for runs, run, status in (alone, through):
        assert [(one["id"], one["state"]) for one in runs] == [(2, "duplicate"), (1, "archived")]
        assert all(one.keys() >= RUN for one in runs)
        assert run.keys() >= RUN | {"parts", "listed"}
        assert {part["member"] for part in run["parts"]} == set(shop.FILES.values())
        assert status["runs"] == {"archived": 1, "duplicate": 1}
        assert status["config"]["mistakes"] == []
        assert status["groups"]["shop"]["inbox"] == str(site.var / "inbox" / "shop")
    assert alone[0] == through[0]
    assert alone[1] == through[1]


def test_a_daemon_that_dies_under_a_command_is_said_in_a_sentence(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "given.zip"
    path.write_bytes(packed(LARGE))
    with site.daemon() as daemon, site.started("import", "shop", str(path)) as command:
        until(lambda: site.states() == ["staging"], "the import is on its way")
        daemon.kill(group=True)
        assert command.wait() == 1
        assert "Traceback" not in command.said(), command.said()
        assert "error: " in command.said()
    site.drain()
    assert ended(site, "archived")
    assert loaded(site, LARGE)


def test_two_thousand_sighups_do_not_drown_a_sigterm(site: Site) -> None:
    with site.daemon() as daemon:
        for _ in range(2000):
            daemon.signal(signal.SIGHUP)
        stopped(daemon)


def test_sighup_before_the_daemon_is_ready_is_harmless(site: Site) -> None:
    with site.started("run") as daemon:
        status = Path(f"/proc/{daemon.pid}/status")
        until(lambda: hears(status.read_text(), signal.SIGHUP), "it hears SIGHUP")
        assert not (site.var / "impexd.sock").exists()
        assert daemon.said() == ""
        until(lambda: spurred(daemon, site), "it is ready all the same")
        until(lambda: daemon.logged("configuration"), "and has read its configuration again")
        stopped(daemon)


def spurred(daemon: Running, site: Site) -> bool:
    """Send SIGHUP once more; is the daemon ready?"""
    assert daemon.ended() is None, daemon.said()
    daemon.signal(signal.SIGHUP)
    return (site.var / "impexd.sock").exists()


def hears(status: str, number: int) -> bool:
    """Does a process have a handler for a signal, by /proc/PID/status?"""
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << (number - 1))


@contextmanager
def systemd(place: Path) -> Iterator[socket.socket]:
    """A socket that hears what a service tells systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(str(place))
        ears.settimeout(PATIENCE)
        yield ears


def heard(ears: socket.socket, wanted: str) -> list[str]:
    """Hear until something is said; gives all lines."""
    lines: list[str] = []
    while wanted not in lines:
        lines += ears.recv(4096).decode().splitlines()
    return lines


def test_the_watchdog_hears_nothing_more_once_the_loop_hangs(site: Site, tmp_path: Path) -> None:
    place = tmp_path / "notify"
    env = {"NOTIFY_SOCKET": str(place), "WATCHDOG_USEC": "900000", "IMPEXD_FAIL": "apply.rows:hang"}
    with systemd(place) as ears, site.daemon(**env) as daemon:
        heard(ears, "WATCHDOG=1")
        heard(ears, "WATCHDOG=1")
        site.drop("drop.zip", packed(shop.rows(5)))
        ears.settimeout(5)  # it beats twice a second
        with pytest.raises(TimeoutError):
            heard(ears, "it never says this")
        assert daemon.ended() is None
        assert site.states() != ["archived"]


def test_systemd_is_told_when_we_are_ready_reloading_and_stopping(
    site: Site, tmp_path: Path
) -> None:
    place = tmp_path / "notify"
    with (
        systemd(place) as ears,
        site.daemon(NOTIFY_SOCKET=str(place), WATCHDOG_USEC="2000000") as daemon,
    ):
        first = heard(ears, "READY=1")
        assert first[0] == "READY=1"
        beats = heard(ears, "WATCHDOG=1")
        assert any(line.startswith("STATUS=") for line in [*first, *beats])
        daemon.signal(signal.SIGHUP)
        assert "RELOADING=1" in heard(ears, "RELOADING=1")
        assert "STOPPING=1" not in heard(ears, "READY=1")
        daemon.signal(signal.SIGTERM)
        assert "READY=1" not in heard(ears, "STOPPING=1")
        assert daemon.wait() == 0
