"""
The daemon dies by SIGKILL in every window there is; the next start brings everything to its end.

`failpoint.KNOWN` names the windows.  Each flow below passes through some of them; together they
pass through all.
"""

import hashlib
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from impexd.core import failpoint
from impexd.inbox import recover
from tests import shop
from tests.crash.checked import DROP, SHOP, loaded, put_away, reported
from tests.exports import peers
from tests.processes import Site

LOADED = (
    *("claim.journalled", "claim.renamed", "claim.synced", "claim.done", "run.begun"),
    *("stage.going", "stage.done", "rejects.written", "apply.begun", "apply.rows"),
    *("apply.verdict", "apply.committed", "report.written"),
    *("archive.linked", "archive.done", "archive.journalled"),
)
"""What a drop that is loaded passes through."""
BUNDLED = (
    *("bundle.begun", "bundle.planned", "bundle.rows", "bundle.committed"),
    *("archive.linked", "bundle.shelved"),
)
"""What small files that are carried as one pass through."""
REFUSED = ("refuse.committed", "rejects.written", "report.written", "archive.linked")
"""Where it is another matter if the drop is refused as a whole."""
COPIED = ("claim.journalled", "claim.renamed", "copy.journalled", "claim.synced", "claim.done")
"""What a drop that is copied out of its inbox passes through until it is like any other."""
TWICE = ("claim.done", "archive.linked", "archive.done")
"""What the same bytes once more pass through."""
NAMED = ("adopt.journalled", "adopt.copied", "claim.done", "apply.committed")
"""What a file that a command names passes through."""
UNDONE = ("undo.begun", "undo.rows", "undo.committed")
"""What an undo passes through."""
EXPORTED = (
    *("export.journalled", "export.going", "export.drafted", "export.written"),
    *("export.linked", "export.published", "export.accompanied"),
)
"""What an export passes through."""

SENT = ("send.uploaded", "send.placed")
"""What a published file passes through on its way to a target elsewhere."""
TOLD = ("flags.made", "task.sending", "task.sent", "task.settled")
"""What a key stage of an order passes through until a partner knows of it, and the next one is told."""
PARTNERS = {
    "impexd.toml": '[orders]\nstock = "off"\n',
    "exporters/erp.toml": 'type = "file"\nflags = ["INITPAID"]\nnext = "TOLD"\n[file]\n',
    "exporters/after.toml": 'type = "file"\nflags = ["TOLD"]\n[file]\n',
}


def dies(site: Site, point: str, *words: str) -> None:
    """Start a command that ends at a failpoint, and see that it did."""
    with site.started(*words, IMPEXD_FAIL=point if ":" in point else f"{point}:kill") as running:
        assert running.wait() == -signal.SIGKILL, running.said()


@pytest.mark.parametrize("point", LOADED)
def test_a_drop_is_loaded_once_wherever_the_daemon_dies(site: Site, point: str) -> None:
    site.drop("drop.zip", DROP)
    dies(site, point, "run")
    site.drain()
    early = point == "claim.journalled"  # the file is still in the inbox, and claimed anew
    loaded(site, runs=["void", "archived"] if early else ["archived"])
    assert site.lying("failed") == []


@pytest.mark.parametrize("point", BUNDLED)
def test_small_files_are_each_loaded_once_wherever_the_daemon_dies(site: Site, point: str) -> None:
    small = {f"brands{n}.csv": f"name\nBrand {n}\nOther {n}\n".encode() for n in range(12)}
    for name, data in small.items():
        site.drop(name, data)
    dies(site, point, "run")
    site.drain()
    ended = [run for run in site.runs() if run["state"] != "void"]
    assert [run["state"] for run in ended] == ["archived"] * 12
    assert {run["name"]: (site.var / run["place"]).read_bytes() for run in ended} == small
    made = "SELECT r.name, b.name FROM brand b JOIN run r ON r.id = b._created JOIN part p"
    found = site.query(f"{made} ON p.id = b._part AND p.run = r.id AND p.member = r.name")
    told = [(name, line) for name, data in small.items() for line in data.decode().split("\n")[1:3]]
    assert sorted(found) == sorted(told)
    assert [site.lying(room) for room in ("inbox", "work", "tmp")] == [[], [], []]
    assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


@pytest.mark.parametrize("point", [*BUNDLED, "archive.done"])
def test_a_bundle_behind_another_is_loaded_once_wherever_the_daemon_dies(
    site: Site, point: str
) -> None:
    names = [f"brands{n:02d}.csv" for n in range(40)]
    for name in names:
        site.drop(name, f"name\n{name}\n".encode())
    dies(site, f"{point}:kill:2", "run")
    site.drain()
    ended = [run for run in site.runs() if run["state"] != "void"]
    assert [(run["name"], run["state"]) for run in ended] == [(name, "archived") for name in names]
    assert sorted(site.query("SELECT name FROM brand")) == [(name,) for name in names]
    assert [site.lying(room) for room in ("inbox", "work", "tmp")] == [[], [], []]
    assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


@pytest.mark.parametrize("point", REFUSED)
def test_a_refused_drop_is_refused_once_wherever_the_daemon_dies(site: Site, point: str) -> None:
    site.say("groups/shop.toml", shop.ETC["groups/shop.toml"] + 'on_problem = "reject-drop"\n')
    site.drop("drop.zip", DROP)
    dies(site, point, "run")
    site.drain()
    assert not any(site.shop().values())
    assert site.states() == ["rejected"]
    assert [site.lying(room) for room in ("inbox", "work", "archive")] == [[], [], []]
    reported(site, site.runs()[0])


@pytest.mark.parametrize("point", COPIED)
def test_a_copied_drop_is_loaded_once_wherever_the_daemon_dies(site: Site, point: str) -> None:
    group = shop.ETC["groups/shop.toml"].replace("settle = 0", "settle = 0, copy = true")
    site.say("groups/shop.toml", group)
    site.drop("drop.zip", DROP)
    dies(site, point, "run")
    site.drain()
    early = point in {"claim.journalled", "claim.renamed"}
    loaded(site, runs=["void", "archived"] if early else ["archived"])


@pytest.mark.parametrize("point", TWICE)
def test_a_duplicate_stays_one_wherever_the_daemon_dies(site: Site, point: str) -> None:
    site.drop("drop.zip", DROP)
    site.drain()
    site.drop("drop.zip", DROP)
    dies(site, point, "run")
    site.drain()
    run = loaded(site, runs=["archived", "duplicate"])
    assert run["id"] == 1
    put_away(site, site.runs()[1])


@pytest.mark.parametrize("point", NAMED)
def test_a_command_that_dies_can_be_given_again(site: Site, tmp_path: Path, point: str) -> None:
    path = tmp_path / "drop.zip"
    path.write_bytes(DROP)
    dies(site, point, "import", "shop", str(path))
    site.drain()
    done = site.call("import", "shop", str(path))
    assert "Traceback" not in done.stderr, done.stderr
    early = point.startswith("adopt")
    loaded(site, runs=["void", "archived"] if early else ["archived", "duplicate"])
    assert path.read_bytes() == DROP


@pytest.mark.parametrize("point", UNDONE)
def test_a_run_is_undone_once_wherever_its_undo_dies(site: Site, point: str) -> None:
    for edition in (0, 1):
        site.drop("drop.zip", shop.zipped(shop.members(shop.rows(40, edition=edition))))
        site.drain()
    dies(site, point, "undo", "2", "--yes")
    site.drain()
    assert site.shop() == {entity: sorted(lines) for entity, lines in SHOP.items()}
    assert site.states() == ["archived", "undone", "archived"]
    assert site.query("SELECT count(*) FROM price__undo WHERE _run = 3") == [(40,)]
    assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


@pytest.mark.parametrize("point", EXPORTED)
def test_a_file_is_exported_once_wherever_the_export_dies(site: Site, point: str) -> None:
    for name, text in shop.EXPORT.items():
        site.say(name, text)
    site.drop("drop.zip", shop.zipped(shop.members(SHOP)))
    site.drain()
    dies(site, point, "export", "changes")
    outbox = site.var / "outbox" / "changes"
    for path in outbox.glob("*.csv"):  # nobody ever sees part of it
        assert path.read_bytes().count(b"\r\n") == 41
    site.drain()
    assert site.lying("outbox") == [
        f"changes/changes-1.csv{end}" for end in ("", ".ready", ".sha256")
    ]
    assert outbox.joinpath("changes-1.csv").read_bytes().count(b"\r\n") == 41
    assert site.states() == ["archived", "published"]
    assert site.query("SELECT descriptor, run FROM watermark") == [("changes", 2)]
    assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]
    assert site.ask("export", "changes")["export"]["rows"] == 0


@pytest.mark.parametrize("point", SENT)
def test_a_file_is_sent_once_wherever_the_daemon_dies(
    site: Site, tmp_path: Path, point: str
) -> None:
    with peers.sftp_apart(tmp_path, site.etc) as partner:
        for name, text in shop.EXPORT.items():
            site.say(name, text + (partner.target() if name.startswith("groups/") else ""))
        site.drop("drop.zip", shop.zipped(shop.members(SHOP)))
        site.drain()
        dies(site, point, "export", "changes")
        site.drain()
        names = {f"changes-1.csv{end}" for end in ("", ".ready", ".sha256")}
        assert set(partner.files()) == names
        assert {path.name for path in partner.folder.iterdir()} == names
        mine = site.var / "outbox" / "changes" / "changes-1.csv"
        assert partner.seen["changes-1.csv"] == {hashlib.sha256(mine.read_bytes()).hexdigest()}
        assert site.query("SELECT state, name FROM sending") == [("done", "changes-1.csv")]
        assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


@pytest.mark.parametrize("point", TOLD)
def test_partners_are_told_once_wherever_the_daemon_dies(
    site: Site, tmp_path: Path, point: str
) -> None:
    for name, text in PARTNERS.items():
        site.say(name, text)
    order = {"number": "O-1", "lines": [{"sku": "SKU-1", "quantity": 2, "warehouse": "W1"}]}
    path = tmp_path / "order.json"
    path.write_text(json.dumps(order))
    for words in (("order", "place", str(path)), ("event", "O-1", "payment_confirmed")):
        done = site.call(*words)
        assert done.returncode == 0, done.stderr
    dies(site, point, "run")
    site.drain()
    told = "SELECT exporter, state, generation FROM task ORDER BY id"
    assert site.query(told) == [("erp", "done", 1), ("after", "done", 1)]
    assert len(site.lying("outbox")) == 2
    assert site.query("SELECT count(*) FROM order_flag WHERE flag = 'TOLD'") == [(1,)]
    assert site.query("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


def test_a_drop_that_is_never_staged_before_the_daemon_dies_is_held_for_a_person(
    site: Site,
) -> None:
    site.drop("drop.zip", DROP)
    dies(site, "stage.going", "run")
    with closing(sqlite3.connect(site.var / "impexd.db")) as db, db:
        db.execute("UPDATE run SET crashes = ?", (recover.CRASHES - 2,))
    dies(site, "stage.going", "run")
    site.drain()
    (run,) = site.runs()
    assert (run["state"], run["code"]) == ("held", "poison")
    assert not any(site.shop().values())
    assert site.call("approve", "1").returncode == 1  # it has rejected rows
    loaded(site, runs=["archived"])


def test_every_failpoint_is_passed_by_one_of_these_flows() -> None:
    flows = (LOADED, BUNDLED, REFUSED, COPIED, TWICE, NAMED, UNDONE, EXPORTED, SENT, TOLD)
    assert {point for flow in flows for point in flow} == failpoint.KNOWN.keys()
