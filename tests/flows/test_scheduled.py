"""What is done at its time: inboxes, exports, housekeeping, and what follows a run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
from sqlalchemy import text

from impexd.core.errors import UsageError
from impexd.scheduler.after import GATHER
from tests import shop
from tests.clock import FakeClock
from tests.flows.inside import Inside, opened

NIGHT = """
kind = "import"
descriptors = ["brands", "products", "prices"]
keep = 10
[inbox]
settle = 3
schedule = "0 2 * * *"
zone = "Europe/Berlin"
"""
EXPORT = {
    "descriptors/brands-out.toml": """
query = { entity = "brand" }
[[column]]
from = "name"
to = "name"
""",
    "groups/brands-out.toml": """
kind = "export"
descriptors = ["brands-out"]
schedule = "30 2 * * *"
zone = "Europe/Berlin"
""",
}


async def until(clock: FakeClock, true: Callable[[], Awaitable[bool]], step: float = 1.0) -> None:
    """Let time go by, a second at a time, until something holds."""
    with anyio.fail_after(120):
        while not await true():
            clock.tick(step)
            await anyio.sleep(0.02)


async def last(site: Inside, name: str) -> dict[str, Any]:
    found = await site.asked.get("/api/v1/schedule")
    line = next(one for one in found["schedule"] if one["name"] == name)
    return line["last"] or {"state": "none"}


def has(site: Inside, name: str, state: str) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        return bool((await last(site, name))["state"] == state)

    return found


def drop(site: Inside, name: str, data: bytes) -> None:
    inbox = site.home / "var" / "inbox" / "shop"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / name).write_bytes(data)


async def test_a_scheduled_inbox_is_taken_at_its_time_as_soon_as_it_has_settled(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    etc = shop.ETC | {"groups/shop.toml": NIGHT}
    async with opened(tmp_path, store_url, etc, clock=clock) as site:
        timing = site.instance.timing
        assert site.instance.untimed() == []
        drop(site, "brands.csv", shop.members(shop.rows(1))["brands.csv"])
        assert await timing.look()
        clock.tick(16 * 3600)
        assert await timing.look()
        assert (await last(site, "inbox:shop"))["state"] == "none"
        status = await site.asked.get("/api/v1/status")
        assert status["groups"]["shop"]["next"] == "2026-02-01T01:00:00.000Z"
        clock.tick(3600)
        assert await timing.look()
        assert (await last(site, "inbox:shop"))["state"] == "fired"
        await until(clock, has(site, "inbox:shop", "done"))
        run = await site.settled(1)
        assert run["state"] == "archived"
        assert await site.query("SELECT count(*) FROM brand") == [(7,)]
        await site.asked.post("/api/v1/schedule/inbox:shop/pause", actor="ada")
        status = await site.asked.get("/api/v1/status")
        assert status["groups"]["shop"]["next"] is None


async def test_a_scheduled_export_is_one_file_and_its_occurrence_is_done(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, shop.ETC | EXPORT, clock=clock) as site:
        timing = site.instance.timing
        await site.load("a.zip", shop.zipped(shop.members(shop.rows(3))))
        assert await timing.look()
        clock.tick(7 * 86_400)
        for _ in range(3):
            assert await timing.look()
        await until(clock, has(site, "export:brands-out", "done"))
        found = await site.asked.get("/api/v1/schedule/export:brands-out")
        assert [one["state"] for one in found["occurrences"]].count("done") == 1
        assert len(found["occurrences"]) == 7
        files = list((tmp_path / "var" / "outbox" / "brands-out").glob("*.csv"))
        assert len(files) == 1
        assert len(files[0].read_text().splitlines()) == 8
        by_hand = await site.asked.post(
            "/api/v1/schedule/export:brands-out/run", actor="ada", note="again"
        )
        run = await site.settled(by_hand["run"])
        assert (run["actor"], run["note"]) == ("ada", "again")
        with pytest.raises(UsageError, match="nothing called nix"):
            await site.asked.post("/api/v1/schedule/nix/run")


async def test_the_housekeeping_is_done_every_hour(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, clock=clock) as site:
        assert await site.instance.timing.look()
        clock.tick(86_400)
        assert await site.instance.timing.look()
        for part in ("undo", "pictures", "parked", "archive", "occurrences"):
            await until(clock, has(site, f"keep:{part}", "done"))


async def test_bytes_are_kept_for_as_long_as_the_group_says(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    etc = shop.ETC | {"groups/shop.toml": NIGHT.partition("[inbox]")[0]}
    async with opened(tmp_path, store_url, etc, clock=clock) as site:
        good = await site.load("a.zip", shop.zipped(shop.members(shop.rows(3))))
        bad = await site.load("brands.csv", b"nix\n1\n")
        clock.tick(9 * 86_400)
        young = await site.load("c.zip", shop.zipped(shop.members(shop.rows(4))))
        var = tmp_path / "var"
        assert (var / good["report"]).exists()
        assert (var / bad["report"]).exists()
        for days, left in ((0.5, 3), (1, 1), (20, 0)):
            clock.tick(days * 86_400)
            await site.asked.post("/api/v1/schedule/keep:archive/run")
            await until(clock, has(site, "keep:archive", "done"), 0.001)
            reports = list(var.glob("archive/*/*/report.json"))
            reports += var.glob("failed/*/*/report.json")
            assert len(reports) == left
        assert list((var / "archive").iterdir()) == list((var / "failed").iterdir()) == []
        for run in (good, bad, young):
            found = await site.asked.get(f"/api/v1/runs/{run['id']}")
            assert (found["state"], found["report"]) == (run["state"], None)
            assert "bytes cleared after 10 days" in found["note"]


# what follows


class Peer:
    """A shop that wants to know when there is something new."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[str] = []
        self.port = 0

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            said = b""
            while b'"runs"' not in said or not said.endswith(b"}"):
                said += await stream.receive()
            self.asked.append(said.decode())
            status = self.answers.pop(0) if self.answers else "204 No Content"
            head = f"HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:{self.port}/elsewhere\r\n"
            await stream.send(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    made.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, made.serve)
        yield made
        tasks.cancel_scope.cancel()


def following(*targets: str) -> dict[str, str]:
    listed = ", ".join(t if t.startswith("{") else f'"{t}"' for t in targets)
    said = shop.ETC["groups/shop.toml"].replace("inbox =", f"after = [{listed}]\ninbox =")
    calls = '[outbound]\nhttp = ["127.0.0.1"]\nprivate = ["127.0.0.1"]\nports = ["1024-65535"]\n'
    main = shop.ETC.get("impexd.toml", "") + calls
    return shop.ETC | EXPORT | {"groups/shop.toml": said, "impexd.toml": main}


def ended(site: Inside, run: int, *states: str) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        after = (await site.asked.get(f"/api/v1/runs/{run}"))["after"]
        return [one["state"] for one in after] == list(states)

    return found


async def test_many_runs_are_followed_once_and_a_shop_that_is_down_is_asked_again(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    async with peer() as there:
        there.answers = ["503 Later", "302 Found"]
        url = f"http://127.0.0.1:{there.port}/reindex"
        secret = tmp_path / "reindex.url"
        secret.write_text(f"{url}?token=s3cret\n")
        secret.chmod(0o600)
        etc = following("export:brands-out", f'{{ file = "{secret}" }}')
        async with opened(tmp_path, sqlite_url, etc, clock=clock) as site:
            runs = [
                await site.load(f"{n}.zip", shop.zipped(shop.members(shop.rows(n)))) for n in (1, 2)
            ]
            ids = [run["id"] for run in runs]
            assert [one["state"] for one in runs[0]["after"]] == ["waiting", "waiting"]
            clock.tick(GATHER)
            for id in ids:
                await until(clock, ended(site, id, "done", "done"))
            after = (await site.asked.get(f"/api/v1/runs/{ids[0]}"))["after"]
            assert [one["target"] for one in after] == ["export:brands-out", f"file:{secret}"]
            assert after[1]["message"] == "answered 204"
            assert after[1]["attempts"] == 3
            exports = await site.query("SELECT id, note FROM run WHERE kind = 'export'")
            assert exports == [(after[0]["result"], f"after runs {ids[0]}, {ids[1]}")]
            kept = await site.query("SELECT target, message FROM followup")
            kept += await site.query("SELECT args, lock FROM procrastinate_jobs")
            kept += await site.query("SELECT body, hash FROM config")
            assert "s3cret" not in str(kept)
    assert len(there.asked) == 3  # the redirect was not followed
    assert all(said.startswith("POST /reindex?token=s3cret ") for said in there.asked)
    assert all(f'{{"runs":{ids}}}'.replace(" ", "") in said for said in there.asked)


async def test_a_shop_that_stays_away_is_given_up_after_a_day(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    async with peer() as there:
        there.answers = ["500 Oh"] * 1000
        etc = following(f"http://127.0.0.1:{there.port}/")
        async with opened(tmp_path, sqlite_url, etc, clock=clock) as site:
            run = await site.load("1.zip", shop.zipped(shop.members(shop.rows(1))))
            await until(clock, ended(site, run["id"], "failed"), 1800)
            (after,) = (await site.asked.get(f"/api/v1/runs/{run['id']}"))["after"]
            assert after["message"] == "given up: answered 500"


async def test_a_run_that_is_not_applied_is_not_followed(
    tmp_path: Path, store_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, store_url, following("export:brands-out"), clock=clock) as site:
        run = await site.load("1.zip", shop.zipped(shop.members(shop.rows(1))), dry=True)
        bad = await site.load("brands.csv", b"nix\n1\n")
        assert run["after"] == bad["after"] == []
        assert await site.query("SELECT count(*) FROM followup") == [(0,)]


async def test_what_nobody_asks_for_any_more_is_said_to_have_failed(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    async with opened(tmp_path, sqlite_url, following("export:brands-out"), clock=clock) as site:
        run = await site.load("1.zip", shop.zipped(shop.members(shop.rows(1))))
        group = tmp_path / "etc" / "groups" / "shop.toml"
        group.write_text(shop.ETC["groups/shop.toml"])
        await site.instance.reload()
        await until(clock, ended(site, run["id"], "failed"))


async def test_a_run_of_before_a_restart_tells_its_occurrence_how_it_ended(
    tmp_path: Path, sqlite_url: str, clock: FakeClock
) -> None:
    etc = shop.ETC | EXPORT
    async with opened(tmp_path, sqlite_url, etc, clock=clock) as site:
        made = await site.asked.post("/api/v1/schedule/export:brands-out/run")
        await site.settled(made["run"])
        await until(clock, has(site, "export:brands-out", "done"))
        async with site.instance.store.writing() as tx:  # as if it had died just before that
            await tx.execute(text("UPDATE occurrence SET state = 'fired'"))
    async with opened(tmp_path, sqlite_url, etc, clock=clock) as site:
        assert await site.instance.timing.look()
        assert (await last(site, "export:brands-out"))["state"] == "done"
