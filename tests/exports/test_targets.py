"""Files that go elsewhere: whole, once, again until they are there, and to nobody else."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import asyncssh
import pytest

from impexd.core import sftp
from impexd.core.errors import UsageError
from impexd.exports import outbox, send
from impexd.exports.targets import s3 as s3_target
from tests.exports import peers, things
from tests.exports.house import House
from tests.exports.peers import S3, Sftp

MORE = 'file = "{group}.csv"\ncompanions = [".sha256", ".ready"]\n'
ONE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""Of what is between us and a partner alone: the engine makes no difference to it."""
LARGE = [{"code": f"c{n}", "note": os.urandom(500).hex()} for n in range(600)]


@pytest.fixture
async def partner(house: House, tmp_path: Path) -> AsyncIterator[Sftp]:
    """A partner with an SFTP server."""
    async with peers.sftp(tmp_path, house.etc) as peer:
        yield peer


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with peers.s3(tmp_path_factory.mktemp("s3")) as peer:
        yield peer


@pytest.fixture
def bucket(moto: S3, house: House) -> S3:
    """A store with an empty bucket."""
    moto.etc = house.etc
    moto.bucket()
    return moto


async def to(house: House, target: str, more: str = MORE) -> None:
    """Have group `csv` send its files to a target."""
    await house.say(groups__csv=things.group("csv-out", more=more + target))


async def sent(house: House, run: int, state: str = "done") -> dict[str, Any]:
    """Wait until a file has been sent."""
    return await until(house, run, lambda found: found["sent"]["state"] == state)


async def until(house: House, run: int, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    with anyio.fail_after(60):
        while True:
            found = await house.inside.asked.get(f"/api/v1/runs/{run}")
            if found.get("sent") and true(found):
                return dict(found)
            await anyio.sleep(0.02)


async def waits(house: House, run: int) -> str:
    """Wait until it is known why a file is not sent yet; gives that."""
    found = await until(house, run, lambda found: bool(found["sent"]["message"]))
    assert found["sent"]["state"] in ("waiting", "placing")
    return str(found["sent"]["message"])


async def test_a_file_goes_to_an_sftp_server_with_its_companions_and_is_seen_whole(
    house: House, partner: Sftp
) -> None:
    (partner.folder / "in").mkdir()
    await to(house, partner.target('path = "in"\n'))
    await house.put(*LARGE)
    run = await house.export("csv")
    mine = Path(run["export"]["path"])
    assert run["settled"]
    assert run["sent"]["state"] == "done"
    assert run["sent"]["name"] == "csv.csv"
    assert run["sent"]["target"] == f"sftp://shop@127.0.0.1:{partner.port}/~/in"
    there = {path.name: path.read_bytes() for path in (partner.folder / "in").iterdir()}
    digest = hashlib.sha256(mine.read_bytes()).hexdigest()
    assert there == {
        "csv.csv": mine.read_bytes(),
        "csv.csv.sha256": f"{digest}  csv.csv\n".encode(),
        "csv.csv.ready": b"",
    }
    assert mine.exists()


@ONE
async def test_a_name_is_visible_only_when_its_file_is_complete(
    house: House, partner: Sftp
) -> None:
    await to(house, partner.target())
    await house.put(*LARGE)
    run = await house.export("csv")
    assert partner.seen["csv.csv"] == {run["source"]["sha256"]}
    assert len(partner.files()["csv.csv"]) == run["source"]["bytes"] > 500_000


@ONE
async def test_a_name_that_is_taken_over_there_is_left_and_another_given(
    house: House, partner: Sftp
) -> None:
    (partner.folder / "csv.csv").write_bytes(b"theirs")
    (partner.folder / "csv-2.csv.ready").write_bytes(b"")
    await to(house, partner.target())
    await house.put({"code": "a"})
    run = await house.export("csv")
    assert run["sent"]["name"] == "csv-3.csv"
    assert partner.files()["csv.csv"] == b"theirs"
    assert b"  csv-3.csv\n" in partner.files()["csv-3.csv.sha256"]


async def test_a_server_that_dies_half_way_gets_the_whole_file_when_it_is_back(
    house: House, partner: Sftp
) -> None:
    await to(house, partner.target())
    await house.put(*LARGE)
    partner.cut_after = 300_000
    started = await house.begin("csv")
    why = await waits(house, started)
    assert f"127.0.0.1:{partner.port}" in why
    assert partner.files() == {}
    shown = await house.inside.asked.get("/api/v1/status")
    assert shown["exports"]["csv"]["sending"]["files"] == 1
    assert shown["exports"]["csv"]["sending"]["why"] == why
    assert (await house.export("jsonl"))["state"] == "published"
    listed = (await house.inside.asked.get("/api/v1/outbox/csv"))["files"]
    assert listed[0]["sent"]["state"] == "waiting"
    partner.cut_after = None
    await partner.start()
    run = await sent(house, started)
    assert run["sent"]["attempts"] > 1
    assert run["sent"]["message"] is None
    assert hashlib.sha256(partner.files()["csv.csv"]).hexdigest() == run["source"]["sha256"]
    assert not [path for path in partner.folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_that_breaks_at_the_rename_leaves_one_file(
    house: House, partner: Sftp, when: str
) -> None:
    await to(house, partner.target())
    await house.put({"code": "a"})
    partner.cut_at_rename = when
    started = await house.begin("csv")
    await waits(house, started)
    await partner.start()
    run = await sent(house, started)
    assert run["sent"]["name"] == "csv.csv"
    assert sorted(partner.files()) == ["csv.csv", "csv.csv.ready", "csv.csv.sha256"]
    assert not [path for path in partner.folder.iterdir() if path.name.startswith(".")]


@ONE
async def test_a_server_with_another_key_gets_nothing_and_that_is_told(
    house: House, partner: Sftp
) -> None:
    await to(house, partner.target())
    await house.put({"code": "a"})
    partner.known(asyncssh.generate_private_key("ssh-ed25519"))
    started = await house.begin("csv")
    why = await waits(house, started)
    assert "known_hosts does not have" in why
    assert "nothing was sent" in why
    assert (partner.logins, partner.files()) == (0, {})
    partner.known()
    await sent(house, started)
    assert "csv.csv" in partner.files()


@ONE
async def test_a_wrong_password_is_told_and_never_shown(house: House, partner: Sftp) -> None:
    await to(house, partner.target())
    (house.etc / "partner.password").write_text("wrong-secret")
    await house.put({"code": "a"})
    started = await house.begin("csv")
    why = await waits(house, started)
    assert "does not let us in" in why
    assert "wrong-secret" not in why
    (house.etc / "partner.password").write_text(peers.PASSWORD)
    await sent(house, started)


@ONE
async def test_a_private_key_opens_the_door(house: House, partner: Sftp) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (partner.folder / ".authorized").write_bytes(key.export_public_key())
    secret = house.etc / "partner.key"
    secret.write_bytes(key.export_private_key())
    secret.chmod(0o600)
    said = partner.target().replace("password = ", "key = ").replace(".password", ".key")
    await to(house, said)
    await house.put({"code": "a"})
    assert (await house.export("csv"))["sent"]["state"] == "done"
    assert partner.logins == 0


async def test_a_file_waits_for_its_target_and_is_kept_as_long_as_it_waits(
    house: House, partner: Sftp
) -> None:
    await to(house, partner.target())
    partner.stop()
    started = await house.begin("csv")
    await waits(house, started)
    async with house.instance.store.writing() as tx:
        from sqlalchemy import text

        await tx.execute(text("UPDATE run SET finished = '2020-01-01T00:00:00.000Z'"))
    assert await outbox.clear(house.instance.exports) == 0
    await to(house, "")
    run = await sent(house, started, "failed")
    assert "no target elsewhere" in run["sent"]["message"]
    assert await outbox.clear(house.instance.exports) == 1


@ONE
async def test_a_file_that_was_changed_in_the_outbox_is_not_sent(
    house: House, partner: Sftp
) -> None:
    await to(house, partner.target())
    await house.put({"code": "a"})
    partner.stop()
    started = await house.begin("csv")
    await waits(house, started)
    (house.instance.config.var / "outbox" / "csv" / "csv.csv").write_bytes(b"evil")
    await partner.start()
    run = await sent(house, started, "failed")
    assert "has been changed" in run["sent"]["message"]
    assert partner.files() == {}


@ONE
async def test_a_file_can_be_sent_again_by_hand(house: House, partner: Sftp) -> None:
    await to(house, partner.target())
    run = await house.export("csv")
    await house.inside.asked.post(f"/api/v1/runs/{run['id']}/send")
    again = await house.inside.settled(run["id"])
    assert again["sent"]["name"] == "csv-2.csv"
    assert partner.files()["csv-2.csv"] == partner.files()["csv.csv"]
    with pytest.raises(UsageError, match="no export"):
        await send.by_hand(house.instance.exports, 999)


async def test_an_object_is_created_with_its_companions_and_nothing_is_replaced(
    house: House, bucket: S3
) -> None:
    await to(house, bucket.target('path = "prices"\n'))
    await house.put({"code": "a"})
    first, second = await house.export("csv"), await house.export("csv")
    assert first["sent"]["target"] == "s3://exports/prices"
    mine = Path(first["export"]["path"]).read_bytes()
    found = bucket.files()
    assert found["prices/csv.csv"] == mine
    assert set(found) == {
        f"prices/csv{n}.csv{end}" for n in ("", "-2") for end in ("", ".sha256", ".ready")
    }
    assert second["sent"]["name"] == "csv-2.csv"


@ONE
async def test_a_large_object_goes_in_parts_and_is_there_only_when_it_is_complete(
    house: House, bucket: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_target, "AT_ONCE", 5 << 20)
    await to(house, bucket.target())
    await house.put(*({"code": f"c{n}", "note": os.urandom(5000).hex()} for n in range(600)))
    for name in ("csv.csv", "csv-2.csv"):
        run = await house.export("csv")
        assert run["source"]["bytes"] > 5 << 20
        assert run["sent"]["name"] == name
        assert hashlib.sha256(bucket.files()[name]).hexdigest() == run["source"]["sha256"]
    assert not [key for key in bucket.files() if ".part" in key]


@ONE
async def test_a_store_that_is_away_is_waited_for(house: House, bucket: S3) -> None:
    await to(house, bucket.target())
    await house.put({"code": "a"})
    bucket.stop()
    started = await house.begin("csv")
    why = await waits(house, started)
    assert why.startswith("s3://exports: ")
    assert "secret" not in why
    bucket.start()
    await sent(house, started)
    assert "csv.csv" in bucket.files()


@ONE
async def test_a_server_that_never_says_a_word_keeps_nobody_else_waiting(
    house: House, partner: Sftp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "CONNECT", 0.5)
    held: list[anyio.abc.SocketStream] = []

    async def hold(stream: anyio.abc.SocketStream) -> None:
        held.append(stream)
        await anyio.sleep_forever()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, hold)
        await to(house, partner.target().replace(f"port = {partner.port}", f"port = {port}"))
        started = await house.begin("csv")
        with anyio.fail_after(30):
            while not held:
                await anyio.sleep(0.01)
            assert (await house.export("jsonl"))["state"] == "published"
        assert "no answer" in await waits(house, started)
        tasks.cancel_scope.cancel()


@ONE
@pytest.mark.parametrize("access", ["", 'access = { env = "SHOP_STORE" }\n'], ids=["usual", "own"])
async def test_a_key_may_come_from_the_environment(
    house: House, bucket: S3, monkeypatch: pytest.MonkeyPatch, access: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("SHOP_STORE", "AKIA secret")
    await to(house, bucket.target().replace('access = { file = "store.key" }\n', access))
    assert (await house.export("csv"))["sent"]["state"] == "done"
