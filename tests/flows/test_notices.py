"""Operators are told: once for each matter, by a real mail server and a real webhook, storms gathered."""

import json
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from impexd import config, show_health
from impexd.core.errors import UsageError
from impexd.notices import look, send
from tests import shop
from tests.clock import FakeClock
from tests.etc import mistakes, told, write
from tests.flows import inside
from tests.flows.inside import Inside
from tests.flows.test_daemon import packed
from tests.processes import ROOT


class Letters:
    """A mail server's box."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.refuse = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            return "451 later"
        self.found.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


class Relay(Controller):
    """A real mail server, on a port that is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def letters() -> Iterator[tuple[Letters, int]]:
    box = Letters()
    relay = Relay(box, hostname="127.0.0.1", port=0)
    relay.start()
    yield box, relay.port
    relay.stop()


@pytest.fixture
def hook() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """A web server that takes what is posted to it."""
    found: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


def etc(port: int, hook: str = "", more: str = "", group: str = "") -> dict[str, str]:
    webhook = f'webhook = "{hook}"\nprivate = true\n' if hook else ""
    main = (
        f'[notify.relay]\nhost = "127.0.0.1"\nport = {port}\nfrom = "impexd@shop.example"\n'
        f'[notify.to.ops]\nmail = ["ops@shop.example"]\n{webhook}{more}'
    )
    return dict(shop.ETC) | {
        "impexd.toml": main,
        "groups/shop.toml": shop.ETC["groups/shop.toml"] + group,
    }


async def sent(site: Inside, clock: FakeClock, box: Letters, count: int) -> list[Any]:
    """Look, let the digest pass, and wait for the letters."""
    await look.look(site.instance)
    clock.tick(send.GATHER)
    with anyio.fail_after(60):
        while len(box.found) < count:
            await anyio.sleep(0.02)
    return box.found


def said(message: Any) -> str:
    body = message.get_body()
    return str(message["Subject"]) + "\n" + str(body.get_content())


async def test_held_failed_and_rejected_are_told_once_by_mail_and_webhook(
    tmp_path: Path, letters: tuple[Letters, int], hook: tuple[list[dict[str, Any]], str]
) -> None:
    (box, port), (posts, url), clock = letters, hook, FakeClock()
    guarded = etc(port, url, group="[guard]\nmin_rows = 5\n")
    guarded["impexd.toml"] = "[notify]\nrejected = 1\n" + guarded["impexd.toml"]
    async with inside.opened(tmp_path, _sqlite(tmp_path), guarded, clock=clock) as site:
        spoiled = {"price": [("P000001", "EUR", "cheap"), ("P000002", "EUR", "dear")]}
        await site.load("lossy.zip", shop.zipped(shop.members(shop.rows(30), spoiled=spoiled)))
        held = await site.load("small.zip", packed(shop.rows(2)))
        assert held["state"] == "held"
        await site.load("brands.csv", b"x\n1\n")
        (letter,) = await sent(site, clock, box, 1)
        words = said(letter)
        assert "small.zip waits for a person" in words
        assert "brands.csv was refused" in words
        assert "lossy.zip was loaded, 2 rows were rejected" in words
        assert f"impexd approve {held['id']}" in words
        assert letter["To"] == "ops@shop.example"
        with anyio.fail_after(30):
            while not posts:
                await anyio.sleep(0.02)
        assert {one["kind"] for one in posts[0]["notices"]} == {"held", "failed", "rejected"}
        assert await look.look(site.instance) == 0
        listed = (await site.asked.get("/api/v1/notices"))["notices"]
        assert len(listed) == 3
        await _settled(site, "sent")
        await site.asked.post(f"/api/v1/runs/{held['id']}/refuse")
        await site.settled(held["id"])
        await look.look(site.instance)
        ended = await site.query("SELECT kind FROM notice WHERE ended IS NOT NULL")
        assert ended == [("held",)]


async def test_a_storm_is_one_letter_and_the_next_waits_for_its_digest(
    tmp_path: Path, letters: tuple[Letters, int]
) -> None:
    (box, port), clock = letters, FakeClock()
    async with inside.opened(tmp_path, _sqlite(tmp_path), etc(port), clock=clock) as site:
        for n in range(60):
            await _failed(site, n, clock)
        (letter,) = await sent(site, clock, box, 1)
        assert letter["Subject"] == "[impexd] 60 notices: 60 failed"
        assert "... and 10 more" in said(letter)
        await _settled(site, "sent")
        await _failed(site, 100, clock)
        await look.look(site.instance)
        ahead = await site.instance.queue.ahead([send.TASK])
        assert ahead is not None
        assert 500 < (ahead - clock.now()).total_seconds() <= 600
        clock.tick(600)
        letters_now = await sent(site, clock, box, 2)
        assert letters_now[1]["Subject"] == "[impexd] shop: file 100 was refused"


async def test_a_relay_that_does_not_take_it_is_tried_again(
    tmp_path: Path, letters: tuple[Letters, int]
) -> None:
    (box, port), clock = letters, FakeClock()
    box.refuse = True
    async with inside.opened(tmp_path, _sqlite(tmp_path), etc(port), clock=clock) as site:
        await _failed(site, 1, clock)
        await look.look(site.instance)
        clock.tick(send.GATHER)
        with anyio.fail_after(30):
            while not await site.query("SELECT 1 FROM notice_post WHERE attempts > 0"):
                await anyio.sleep(0.02)
        ((state, message),) = await site.query("SELECT state, message FROM notice_post")
        assert (state, "did not take it" in message) == ("waiting", True)
        box.refuse = False
        clock.tick(10)
        await sent(site, clock, box, 1)
        await _settled(site, "sent")


async def test_a_file_that_does_not_come_a_full_disk_and_a_lost_inbox_are_told_and_end(
    tmp_path: Path, letters: tuple[Letters, int]
) -> None:
    (box, port), clock = letters, FakeClock()
    wanted = etc(port, group='[expect]\nby = "07:30"\nzone = "UTC"\n')
    wanted["impexd.toml"] += '[daemon]\nreserve = "4000 TiB"\n'
    async with inside.opened(tmp_path, _sqlite(tmp_path), wanted, clock=clock) as site:
        site.instance.told("shop", "its folder is gone")
        (letter,) = await sent(site, clock, box, 1)
        words = said(letter)
        assert "no file has come by 07:30 (UTC)" in words
        assert "of disk are free: nothing new is taken" in words
        assert "its inbox cannot be taken from" in words
        site.instance.inboxes.clear()
        async with site.instance.store.writing() as tx:
            await tx.execute(
                text(
                    "INSERT INTO run (token, kind, group_name, state, origin, name, created, dry)"
                    " VALUES ('a', 'import', 'shop', 'archived', 'inbox', 'x', '2026-01-31T08:01:00.000Z', 0)"
                )
            )
        await look.look(site.instance)
        still = await site.query("SELECT kind FROM notice WHERE ended IS NULL")
        assert still == [("disk",)]


async def test_a_feed_that_is_silent_a_partner_that_rests_and_dead_letters_are_told(
    tmp_path: Path, letters: tuple[Letters, int]
) -> None:
    (box, port), clock = letters, FakeClock()
    async with inside.opened(tmp_path, _sqlite(tmp_path), etc(port), clock=clock) as site:
        async with site.instance.store.writing() as tx:
            for statement in (
                "INSERT INTO feed (name, succeeded, failures) VALUES ('dhl', '2026-01-29T08:00:00.000Z', 3)",
                "INSERT INTO task_partner (exporter, failures, trips, closed_until, reason)"
                " VALUES ('erp', 5, 1, '2026-02-01T08:00:00.000Z', 'answered 503')",
                "INSERT INTO message (source, message_id, digest, body, received, via, state, attempts)"
                " VALUES ('dhl', '1', 'd', '{}', '2026-01-31T07:00:00.000Z', 'rest', 'dead', 1),"
                " ('ups', '1', 'e', '{}', '2026-01-31T07:00:00.000Z', 'rest', 'conflict', 0)",
                "INSERT INTO orders (id, number, state, digest, source, placed, created, changed)"
                " VALUES (1, '1', 'in_progress', 'd', 'api', 'x', 'x', 'x')",
                "INSERT INTO order_flag (id, order_id, flag, raised, state)"
                " VALUES (1, 1, 'INITPAID', 'x', 'heard')",
                "INSERT INTO task (flag_id, order_id, about, flag, root, exporter, state, key, due,"
                " made, since) VALUES (1, 1, 0, 'INITPAID', 'INITPAID', 'erp', 'failed', 'a', 'x',"
                " 'x', 'x'), (1, 1, 0, 'INITPAID', 'INITPAID', 'wms', 'held', 'b', 'x', 'x', 'x')",
            ):
                await tx.execute(text(statement))
        (letter,) = await sent(site, clock, box, 1)
        words = said(letter)
        assert "feed dhl: nothing has been heard" in words
        assert "exporter erp: its partner does not answer well" in words
        assert "feed dhl: 1 were given up" in words
        assert "exporter erp: 1 were given up" in words
        assert "exporter wms: 1 tasks wait for a person" in words
        assert "feed ups: 1 messages say something else" in words
        found = await site.asked.get("/api/v1/status")
        assert found["partners"]["erp"]["dead"] == 1
        assert found["partners"]["erp"]["resting"] == "answered 503"
        assert found["partners"]["wms"]["held"] == 1
        assert found["feeds"]["dhl"]["dead"] == 1
        lines = list(show_health.lines(found))
        assert any("impexd tasks --state failed --exporter erp" in line for line in lines)
        assert any("impexd messages --state dead --feed dhl" in line for line in lines)


async def test_a_test_letter_is_sent_at_once(tmp_path: Path, letters: tuple[Letters, int]) -> None:
    (box, port), clock = letters, FakeClock()
    async with inside.opened(tmp_path, _sqlite(tmp_path), etc(port), clock=clock) as site:
        await site.asked.post("/api/v1/notices/test/ops")
        assert "this is a test" in said(box.found[0])
        with pytest.raises(UsageError, match="nobody called"):
            await site.asked.post("/api/v1/notices/test/nobody")


async def test_recipients_are_told_of_their_groups_kinds_and_severity_only(
    tmp_path: Path, letters: tuple[Letters, int]
) -> None:
    (box, port), clock = letters, FakeClock()
    more = (
        'severity = "error"\n'
        '[notify.to.buyers]\nmail = ["buyers@shop.example"]\nkinds = ["held"]\n'
        '[notify.to.prices]\nmail = ["prices@shop.example"]\ngroups = ["changes"]\n'
    )
    wanted = etc(port, more=more, group="[guard]\nmin_rows = 5\n") | shop.EXPORT
    async with inside.opened(tmp_path, _sqlite(tmp_path), wanted, clock=clock) as site:
        await site.load("small.zip", packed(shop.rows(2)))
        (letter,) = await sent(site, clock, box, 1)
        assert letter["To"] == "buyers@shop.example"
        assert len(await site.query("SELECT 1 FROM notice_post")) == 1


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        ("[notify.to.ops]  # here\n", "notify.to.ops", "neither mail nor webhook"),
        ('[notify.to.ops]\nmail = ["a@b.example"]  # here\n', "notify.to.ops.mail", "notify.relay"),
        (
            '[notify.relay]\n[notify.to.ops]\nmail = ["a@b.example"]\ngroups = ["shap"]  # here\n',
            "notify.to.ops.groups",
            "did you mean `shop`",
        ),
        (
            '[notify.to.ops]\nwebhook = "http://chat.example/x"  # here\n',
            "notify.to.ops.webhook",
            "https",
        ),
    ],
    ids=["nobody", "no-relay", "group", "http"],
)
def test_a_mistake_in_notify_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, part: str
) -> None:
    found = mistakes(write(tmp_path, {"impexd.toml": text}))
    told(found, "impexd.toml", text, "", [key, part])


def test_the_sample_of_who_is_told_is_right_once_it_is_asked_for(tmp_path: Path) -> None:
    sample = (ROOT / "etc" / "impexd.toml").read_text("utf-8")
    lines = sample.partition("\n[control]")[0].splitlines()
    wanted = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    chosen = [line for line in wanted if "webhook_file" not in line]
    text = "\n".join(chosen).replace('["catalogue"]', '["shop"]')
    found = config.load(write(tmp_path, {"impexd.toml": text})).instance.notify
    assert found.relay is not None
    assert found.to["ops"].digest == 600


def _sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/var/impexd.db"


async def _failed(site: Inside, n: int, clock: FakeClock) -> None:
    """A run that was refused."""
    at = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    async with site.instance.store.writing() as tx:
        await tx.execute(
            text(
                "INSERT INTO run (token, kind, group_name, state, origin, name, code, message,"
                " created, finished, place) VALUES (:token, 'import', 'shop', 'failed', 'inbox',"
                " :name, 'empty_file', 'it is empty', :at, :at, '')"
            ),
            {"token": f"t{n}", "name": f"file {n}", "at": at},
        )


async def _settled(site: Inside, state: str) -> None:
    """Wait until all posts have come to a state."""
    with anyio.fail_after(30):
        while {one for (one,) in await site.query("SELECT state FROM notice_post")} != {state}:
            await anyio.sleep(0.02)
